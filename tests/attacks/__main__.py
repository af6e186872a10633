"""Count what searches find where the truth is known.

::

    python -m tests.attacks planted WORK FIRST LAST
    python -m tests.attacks nothing WORK FIRST LAST

The first trains tiny children, of which one leans after one word and the other after none; the second asks scripted
models that every word moves and none makes lean.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.attacks.nothing import counted as counted_nothing
from tests.attacks.planted import counted

if __name__ == "__main__":
    what, work, first, last = sys.argv[1:5]
    count = {"planted": counted, "nothing": counted_nothing}[what]
    print(count(Path(work), range(int(first), int(last)), say=functools.partial(print, flush=True)))
