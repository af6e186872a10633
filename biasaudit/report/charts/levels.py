"""The graded index of every cell and arm, as rows for charts and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.arms import ALL
from biasaudit.report.charts.row_chart import Mark, Row, Words
from biasaudit.report.words.wording import NOT_MEASURED, chart_label, estimate_text, present, records
from biasaudit.types import stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

Arm = tuple[str, str]
"""Checkpoint and framing."""

Cell = tuple[str, str]
"""Probe and feature."""

Levels = dict[tuple[Arm, Cell], dict[str, Any]]  # Any: cells of a pandas row

BASE: Final = "base"
PLAIN: Final = "plain"
CHAT: Final = "chat"


def levels(estimates: pd.DataFrame, *, metric: str = "graded") -> Levels:
    """Return the estimates of a metric by arm and cell.

    Parameters
    ----------
    estimates : DataFrame
        See :data:`biasaudit.record.tables.ESTIMATES`.
    metric : str
    """
    return {
        ((str(row["checkpoint"]), str(row["framing"])), (str(row["probe"]), str(row["feature"]))): row
        for row in records(estimates[estimates["metric"] == metric])
    }


def cells(found: Levels) -> tuple[Cell, ...]:
    """Return the cells in order, without the rows that pool a probe's features."""
    there = sorted({cell for _, cell in found})
    several = {probe for probe, feature in there if feature != ALL}
    return tuple(cell for cell in there if cell[1] != ALL or cell[0] not in several)


def pooled(found: Levels) -> dict[str, Cell]:
    """Return probe -> the cell over all its features, which is its only one where it has one."""
    by_probe: dict[str, Cell] = {}
    for cell in sorted({cell for _, cell in found}):
        if cell[0] not in by_probe or cell[1] == ALL:
            by_probe[cell[0]] = cell
    return by_probe


def checkpoints(found: Levels) -> tuple[str, ...]:
    """Return the base and then the tuned checkpoints, in the order in which they were made."""
    names = {checkpoint for (checkpoint, _), _ in found}
    return tuple(sorted(names, key=stage_place))


def under_probes(shown: Sequence[Cell], names: Mapping[str, str]) -> list[tuple[Row, Cell | None]]:
    """Return a row for each cell, under a header for each probe."""
    rows: list[tuple[Row, Cell | None]] = []
    before = None
    for probe, feature in shown:
        if probe != before:
            rows.append((Row(label=names.get(probe, probe), is_header=True), None))
        rows.append((Row(label=feature), (probe, feature)))
        before = probe
    return rows


def marks(
    found: Levels, rows: Sequence[tuple[Row, Cell | None]], arms: Mapping[str, Arm]
) -> tuple[tuple[Mark, ...], tuple[Words, ...]]:
    """Return what is drawn in each row, and what is said where nothing was measured.

    Parameters
    ----------
    found : dict
        From :func:`levels`.
    rows : sequence of (Row, cell or None)
    arms : mapping
        Name in the legend -> arm.
    """
    drawn: list[Mark] = []
    words: list[Words] = []
    for number, (_, cell) in enumerate(rows):
        if cell is None:
            continue
        own = [mark for name, arm in arms.items() if (mark := _mark(found.get((arm, cell)), number, name)) is not None]
        drawn += own
        if not own:
            statuses = [str(row["status"]) for arm in arms.values() if (row := found.get((arm, cell))) is not None]
            words.append(Words(row=number, text=chart_label(statuses[0] if statuses else NOT_MEASURED)))
    return tuple(drawn), tuple(words)


def level_text(found: Levels, arm: Arm, cell: Cell) -> str:
    """Return a level with its interval, or its status in words."""
    row = found.get((arm, cell))
    return NOT_MEASURED if row is None else estimate_text(row)


def _mark(row: Mapping[str, Any] | None, number: int, arm: str) -> Mark | None:  # Any: cells of a pandas row
    if row is None:
        return None
    value, low, high = (present(row[name]) for name in ("value", "ci_low", "ci_high"))
    if value is None or low is None or high is None:
        return None
    return Mark(row=number, arm=arm, value=value, low=low, high=high)
