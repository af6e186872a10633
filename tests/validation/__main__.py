"""Measure what the statistics do where the truth is known, and write the tables of docs/validation.md."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.validation import gate_measures, measures
from tests.validation.doses import Dose, dose_table, doses
from tests.validation.row import Row
from tests.validation.table import PAGE, markdown, written

TABLES: Final[dict[str, dict[str, Callable[[float], Iterator[Row]]]]] = {
    "measured": measures.SUITES,
    gate_measures.NAME: gate_measures.SUITES,
}
"""Place on the page -> what stands there."""

FIRST: Final = ("headline", "claims", "families", "false alarms", "power", "missing")
"""The slowest, which are begun first."""


def main() -> None:
    """Measure everything at the repetitions that are published, a suite to a process, as many as there are cores."""
    suites = sorted(
        ((place, name) for place, of_place in TABLES.items() for name in of_place),
        key=lambda suite: FIRST.index(suite[1]) if suite[1] in FIRST else len(FIRST),
    )
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        asked = {suite: pool.submit(_measured, *suite) for suite in suites}
        of_doses = pool.submit(_doses)
        rows = {suite: found.result() for suite, found in asked.items()}
        page = written(PAGE.read_text(encoding="utf-8"), "doses", dose_table(of_doses.result()))
    for place, of_place in TABLES.items():
        page = written(page, place, markdown(row for name in of_place for row in rows[place, name]))
    PAGE.write_text(page, encoding="utf-8")
    failing = [row for of_suite in rows.values() for row in of_suite if not row.holds]
    raise SystemExit(f"{len(failing)} rows outside of what is wanted" if failing else 0)


def _measured(place: str, name: str) -> list[Row]:
    rows = []
    for row in TABLES[place][name](1.0):
        rows.append(row)
        print(f"{name}: {row.question}, {row.setting}: {row.found:.1%} of {row.repetitions}", flush=True)
    return rows


def _doses() -> list[Dose]:
    with tempfile.TemporaryDirectory() as folder:
        return doses(Path(folder))


if __name__ == "__main__":
    main()
