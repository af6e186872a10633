"""The overview: where either model leans, cell by cell, on one scale; one definition for the page and for sharing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.chart_parts import domain
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.wording import ARMS, number, present, records, with_interval
from biasaudit.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    Row = Mapping[str, Any]  # Any: cells of a pandas row

MOST_ROWS: Final = 22.5
"""Rows that stand open, names of probes counted: those that changed, then those that moved most."""
NAME: Final = 0.6
"""Rows that the name of a probe takes."""
LEAST_END: Final = 0.1
"""The scale goes at least so far either way: a lean of 0.02 must not fill the picture."""
SAYS_NOTHING: Final = frozenset({Verdict.NOT_INTERPRETABLE.value, Verdict.NOT_MEASURED.value})

_STEPS: Final = (0.05, 0.1, 0.2, 0.25, 0.5)
_MOST_TICKS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The lean of one arm with its interval; places are shares of the scale's width, from 0 to 1."""

    value: float
    low: float
    high: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """One cell: both arms and the verdict."""

    feature: str
    first: Mark
    second: Mark
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewProbe:
    """The rows of one probe."""

    probe: str
    rows: tuple[OverviewRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on the scale, and the lean that is there."""

    at: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the picture shows.

    Attributes
    ----------
    first_arm, second_arm : str
    probes, further : tuple of OverviewProbe
        Rows that stand open, and those of which there was no room.
    n_rows, n_further, n_cells : int
        Rows that stand open, the others, and all declared cells of the contrast.
    ticks : tuple of Tick
    zero : float
        Where no lean is.
    margin : tuple of (float, float) or None
        Where the band of the margin begins and ends; None where cells have margins of their own.
    """

    first_arm: str
    second_arm: str
    probes: tuple[OverviewProbe, ...]
    further: tuple[OverviewProbe, ...]
    n_rows: int
    n_further: int
    n_cells: int
    ticks: tuple[Tick, ...]
    zero: float
    margin: tuple[float, float] | None


def overview(comparisons: pd.DataFrame, *, tuned: str, contrast: str, most: float = MOST_ROWS) -> Overview | None:
    """Return the picture of a contrast: its declared cells that can be read; None where there are none.

    Parameters
    ----------
    comparisons : DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`.
    tuned, contrast : str
    most : float
        Rows that stand open; the name of a probe takes :data:`NAME` of one.
    """
    there = comparisons[(comparisons["tuned"] == tuned) & (comparisons["contrast"] == contrast)]
    cells = records(there[(there["metric"] == "graded") & there["declared"]])
    rows = sorted((row for row in cells if is_drawn(row)), key=_importance)
    if not rows:
        return None
    first_arm, second_arm = ARMS.get(contrast, ("first", "second"))
    start, end = _ends(rows)
    n_open = _fitting(rows, most)

    def at(lean: float) -> float:
        return (lean - start) / (end - start)

    def probes(shown: Sequence[Row]) -> tuple[OverviewProbe, ...]:
        # Rows come by importance, and probes by that of their first row.
        return tuple(
            OverviewProbe(
                probe=probe,
                rows=tuple(_row(row, start=start, end=end) for row in shown if str(row["probe"]) == probe),
            )
            for probe in dict.fromkeys(str(row["probe"]) for row in shown)
        )

    margins = {float(row["margin"]) for row in rows}
    margin = margins.pop() if len(margins) == 1 else None
    return Overview(
        first_arm=first_arm,
        second_arm=second_arm,
        probes=probes(rows[:n_open]),
        further=probes(rows[n_open:]),
        n_rows=n_open,
        n_further=len(rows) - n_open,
        n_cells=len(cells),
        ticks=tuple(Tick(at=at(tick), said=_short(tick)) for tick in _ticks(start, end)),
        zero=at(0.0),
        margin=None if margin is None else (max(at(-margin), 0.0), min(at(margin), 1.0)),
    )


def is_drawn(row: Row) -> bool:
    """Whether a cell can be read and has a lean in either arm."""
    if str(row["verdict"]) in SAYS_NOTHING:
        return False
    ends = [present(row[f"{arm}_{part}"]) for arm in ("first", "second") for part in _PARTS]
    return all(end is not None and math.isfinite(end) for end in ends)


_PARTS: Final = ("value", "ci_low", "ci_high")


def _fitting(rows: Sequence[Row], most: float) -> int:
    """Return how many of the first rows there is room for, with the names of their probes."""
    probes: set[str] = set()
    for number_of, row in enumerate(rows, start=1):
        probes.add(str(row["probe"]))
        if number_of + NAME * len(probes) > most:
            return number_of - 1
    return len(rows)


def _importance(row: Row) -> tuple[bool, float, str, str]:
    moved = abs(float(row["first_value"]) - float(row["second_value"]))
    return str(row["verdict"]) not in CHANGED, -moved, str(row["probe"]), str(row["feature"])


def _ends(rows: Sequence[Row]) -> tuple[float, float]:
    bounds = [float(row[f"{arm}_{part}"]) for row in rows for arm in ("first", "second") for part in _PARTS]
    least = max([LEAST_END, *(float(row["margin"]) for row in rows)])
    start, end = domain([*bounds, -least, least])
    return start, end


def _row(row: Row, *, start: float, end: float) -> OverviewRow:
    first, second = (_mark(row, arm, start=start, end=end) for arm in ("first", "second"))
    return OverviewRow(feature=str(row["feature"]), first=first, second=second, verdict=str(row["verdict"]))


def _mark(row: Row, arm: str, *, start: float, end: float) -> Mark:
    value, low, high = (float(row[f"{arm}_{part}"]) for part in _PARTS)
    at_value, at_low, at_high = ((lean - start) / (end - start) for lean in (value, low, high))
    return Mark(value=at_value, low=at_low, high=at_high, said=with_interval(value, low, high))


def _short(lean: float) -> str:
    return number(lean, decimals=2)


def _ticks(start: float, end: float) -> list[float]:
    """Return round leans of the scale, 0 among them.

    Examples
    --------
    >>> _ticks(-0.3, 0.7)
    [-0.2, 0.0, 0.2, 0.4, 0.6]
    >>> _ticks(-1e12, 0)  # of a damaged table
    [-1000000000000.0, -500000000000.0, 0.0]
    """
    step = next((step for step in _STEPS if (end - start) / step <= _MOST_TICKS), (end - start) / 2)
    return [round(step * times, 2) for times in range(math.ceil(start / step), math.floor(end / step) + 1)]
