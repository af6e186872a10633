"""Count what depth profiles say where it is known which parts were trained.

::

    python -m tests.explanations planted WORK FIRST LAST
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.explanations.planted import counted

if __name__ == "__main__":
    work, first, last = sys.argv[2:5]
    print(counted(Path(work), range(int(first), int(last)), say=functools.partial(print, flush=True)))
