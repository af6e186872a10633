"""Count what explanations say where it is known what was trained.

::

    python -m tests.explanations planted WORK FIRST LAST
    python -m tests.explanations records WORK FIRST LAST
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.explanations import planted, trained

if __name__ == "__main__":
    what, work, first, last = sys.argv[1:5]
    seeds, say = range(int(first), int(last)), functools.partial(print, flush=True)
    if what == "records":
        print(trained.aucs(Path(work), seeds, say=say))
    else:
        print(planted.counted(Path(work), seeds, say=say))
