"""Measure what the statistics do where the truth is known, and write the tables of docs/validation.md.

`python -m tests.validation` measures all; with the names of places on the page (`perturbations`), those alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.validation import depth_measures, gate_measures, measures, perturbed_measures
from tests.validation.doses import Dose, dose_table, doses
from tests.validation.row import Row
from tests.validation.table import PAGE, markdown, written

TABLES: Final[dict[str, dict[str, Callable[[float], Iterator[Row]]]]] = {
    "measured": measures.SUITES,
    gate_measures.NAME: gate_measures.SUITES,
    perturbed_measures.NAME: perturbed_measures.SUITES,
    depth_measures.NAME: depth_measures.SUITES,
}
"""Place on the page -> what stands there."""

DOSES: Final = "doses"
"""The place of the trained transformers."""

FIRST: Final = ("perturbations, worst", "headline", "claims", "families", "false alarms", "power", "missing")
"""The slowest, which are begun first."""


def main(*places: str) -> None:
    """Measure at the repetitions that are published, a suite to a process, as many as there are cores.

    Parameters
    ----------
    *places : str
        Of the page; none for all of them.
    """
    asked_for = places or (*TABLES, DOSES)
    unknown = sorted({*asked_for} - {*TABLES, DOSES})
    if unknown:
        raise SystemExit(f"no place is called {unknown[0]!r}; places: {', '.join((*TABLES, DOSES))}")
    suites = sorted(
        ((place, name) for place, of_place in TABLES.items() if place in asked_for for name in of_place),
        key=lambda suite: FIRST.index(suite[1]) if suite[1] in FIRST else len(FIRST),
    )
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        asked = {suite: pool.submit(_measured, *suite) for suite in suites}
        of_doses = pool.submit(_doses) if DOSES in asked_for else None
        rows = {suite: found.result() for suite, found in asked.items()}
        page = PAGE.read_text(encoding="utf-8")
        if of_doses is not None:
            page = written(page, DOSES, dose_table(of_doses.result()))
    for place, of_place in TABLES.items():
        if place in asked_for:
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
    main(*sys.argv[1:])
