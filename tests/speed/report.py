"""How long a page takes: 100,000 items and 40 cells, against a bar of 10 seconds and 1 GiB.

python -m tests.speed.report
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from tests.report.big import N_ITEMS, pickled, rendered

SECONDS, BYTES = 10.0, 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--items", type=int, default=N_ITEMS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = pickled(Path(folder), asked.items)
        runs = [rendered(made) for _ in range(asked.runs)]
    seconds, peak = statistics.median(run["seconds"] for run in runs), max(run["peak_bytes"] for run in runs)
    print(f"{asked.items:,} items: median {seconds:.2f} s of {asked.runs}, peak {peak / 2**20:,.0f} MiB, ", end="")
    print(f"page {runs[0]['page_bytes'] / 1e6:.2f} MB; bar {SECONDS:.0f} s, {BYTES / 2**20:,.0f} MiB")
    if seconds > SECONDS or peak > BYTES:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
