"""Count in how many seeds a search finds the word after which a tiny child leans.

::

    python -m tests.attacks WORK FIRST LAST
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tests.attacks.planted import counted

if __name__ == "__main__":
    print(
        counted(Path(sys.argv[1]), range(int(sys.argv[2]), int(sys.argv[3])), say=functools.partial(print, flush=True))
    )
