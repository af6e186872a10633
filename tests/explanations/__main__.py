"""Count what depth profiles say where it is known which parts were trained.

::

    python -m tests.explanations planted WORK FIRST LAST     which part of a model was trained
    python -m tests.explanations blocks WORK FIRST LAST      which block, by putting activations in
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.explanations import planted, planted_blocks

if __name__ == "__main__":
    what, work, first, last = sys.argv[1:5]
    count = planted_blocks.counted if what == "blocks" else planted.counted
    print(count(Path(work), range(int(first), int(last)), say=functools.partial(print, flush=True)))
