"""Reading an audit starts no thread of Arrow's: one that is at work while Python ends aborts the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "reports" / "gemma-3-270m-pair"
COUNT = """
import os
import sys
import pyarrow.parquet
before = len(os.listdir("/proc/self/task"))
{read}
print(len(os.listdir("/proc/self/task")) - before)
"""
CHECK = """
from biasaudit.record.checked import read_checked
read_checked(Path(sys.argv[1]))
"""
OPEN = """
import pandas
from biasaudit.record import store
before = len(os.listdir("/proc/self/task"))
manifest = store.read_manifest(Path(sys.argv[1]))
for name in ("items", "responses", "comparisons"):
    assert len(store.read_table(Path(sys.argv[1]), name, manifest))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
@pytest.mark.parametrize("read", [CHECK, OPEN])
def test_no_thread_is_left_that_could_abort_the_process_as_it_ends(read: str) -> None:
    """A check ended with 134 in the place of 3, once: "terminate called without an active exception"."""
    code = COUNT.format(read=f"from pathlib import Path\n{read}")
    done = subprocess.run([sys.executable, "-c", code, str(SAMPLE)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0"]
