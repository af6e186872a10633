"""Count in how many seeds a tiny child is broken by the word after which it leans, and its control by anything.

::

    python -m tests.robustness WORK SEEDS
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.robustness.planted import counted

if __name__ == "__main__":
    print(counted(Path(sys.argv[1]), range(int(sys.argv[2])), say=functools.partial(print, flush=True)))
