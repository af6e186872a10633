"""Count what explanations say where it is known what was trained.

::

    python -m tests.explanations planted WORK FIRST LAST     which part of a model was trained
    python -m tests.explanations blocks WORK FIRST LAST      which block, by putting activations in
    python -m tests.explanations records WORK FIRST LAST     which records push, by their influence
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.explanations import planted, planted_blocks, trained

if __name__ == "__main__":
    what, work, first, last = sys.argv[1:5]
    seeds, say = range(int(first), int(last)), functools.partial(print, flush=True)
    if what == "records":
        print(trained.aucs(Path(work), seeds, say=say))
    elif what == "blocks":
        print(planted_blocks.counted(Path(work), seeds, say=say))
    else:
        print(planted.counted(Path(work), seeds, say=say))
