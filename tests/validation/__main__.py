"""Measure what the statistics do where the truth is known, and write the table of docs/validation.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.validation.doses import dose_table, doses
from tests.validation.measures import SUITES
from tests.validation.table import PAGE, markdown, written


def main() -> None:
    """Measure everything at the repetitions that are published."""
    rows = []
    for name, suite in SUITES.items():
        for row in suite(1.0):
            rows.append(row)
            print(f"{name}: {row.question}, {row.setting}: {row.found:.1%} of {row.repetitions}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        of_doses = doses(Path(folder))
    page = written(PAGE.read_text(encoding="utf-8"), "measured", markdown(rows))
    PAGE.write_text(written(page, "doses", dose_table(of_doses)), encoding="utf-8")
    failing = [row for row in rows if not row.holds]
    raise SystemExit(f"{len(failing)} rows outside of what is wanted" if failing else 0)


if __name__ == "__main__":
    main()
