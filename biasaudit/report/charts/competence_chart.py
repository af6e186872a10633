"""The chart of competence beside the index, over all probes: what a model can read must not fall with its lean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.report.charts.chart_parts import WIDE, Finding, domain
from biasaudit.report.charts.levels import (
    BASE,
    CHAT,
    PLAIN,
    Arm,
    Cell,
    Levels,
    levels,
    marks,
    pooled,
)
from biasaudit.report.charts.row_chart import Panel, Row, base_arm, rows_chart, tuned_arms
from biasaudit.report.words.facts import counted
from biasaudit.report.words.order import in_order
from biasaudit.report.words.wording import present, records
from biasaudit.types import Contrast, Verdict
from biasaudit.types.competence import CHANCE, is_above_chance

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt
    import pandas as pd

_SHOWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.AS_DEPLOYED.value)


def competence_finding(estimates: pd.DataFrame, comparisons: pd.DataFrame, *, tuned: str) -> Finding:
    """Say what :func:`competence_chart` shows.

    Parameters
    ----------
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.record.tables`.
    tuned : str
    """
    rows = [row for row in records(_judged(comparisons, tuned)) if row["declared"]]
    contrast = next((name for name in _SHOWN if any(row["contrast"] == name for row in rows)), _SHOWN[0])
    rows = [row for row in rows if row["contrast"] == contrast]
    fell = [row for row in rows if row["competence_fell"]]
    reduced = sum(row["verdict"] == Verdict.REDUCED.value for row in fell)
    title = (
        f"{_at_chance(estimates, tuned)}. A fall beyond the intervals of both is shown in {len(fell)} of "
        f"{counted(len(rows), 'cell', 'cells')} ({contrast})"
    )
    if fell:
        title += f"; {reduced} of these are judged reduced"
    return Finding(
        title=title,
        description=(
            "Two dot charts over the same rows, one row per probe: competence, the share of right or sensible "
            "choices, unknown counting half, with chance at 0.5; and the index over all features, with parity at 0. "
            "The base as open circles, the tuned checkpoint filled: diamonds in plain text, triangles in chat; with "
            f"intervals. {title}."
        ),
    )


def _at_chance(estimates: pd.DataFrame, tuned: str) -> str:
    """Count the probes that a model is not shown to read, before tuning and after it."""
    sense, arms = levels(estimates, metric="competence"), _arms(estimates, tuned)
    probes = pooled(sense)
    after_tuning = arms.get("tuned", arms.get("tuned, chat"))
    before, after = (
        {probe for probe, cell in probes.items() if _is_at_chance(sense, arm, cell)}
        for arm in (arms.get("base"), after_tuning)
    )
    said = (
        f"Competence is not shown above chance in {len(before)} of {counted(len(probes), 'probe', 'probes')} before "
        f"tuning and in {len(after)} after it"
    )
    lost = len(after - before)
    return f"{said}; {lost} of these {'was' if lost == 1 else 'were'} above it before" if lost else said


def _is_at_chance(sense: Levels, arm: Arm | None, cell: Cell) -> bool:
    row = None if arm is None else sense.get((arm, cell))
    return not is_above_chance(None if row is None else present(row["ci_low"]))


def competence_chart(
    estimates: pd.DataFrame,
    comparisons: pd.DataFrame,
    *,
    tuned: str,
    names: Mapping[str, str] | None = None,
    width: int = WIDE,
) -> alt.VConcatChart:
    """Draw competence beside the index of every probe that measures both.

    Parameters
    ----------
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.record.tables`.
    tuned : str
    names : mapping, optional
        Probe -> name to show.
    width : int
        Of the plot without labels, in pixels.
    """
    sense, index = levels(estimates, metric="competence"), levels(estimates)
    probes = _probes(estimates)
    arms = _arms(estimates, tuned)
    cells = pooled(sense)
    rows = [(Row(label=(names or {}).get(probe, probe)), cells[probe]) for probe in in_order(cells, comparisons)]
    able, able_words = marks(sense, rows, arms)
    leans, lean_words = marks(index, [(row, probes.get(cell[0])) for row, cell in rows], arms)
    low, high = domain([end for mark in leans for end in (mark.low, mark.high)])
    panels = [
        Panel(title="Competence (chance: 0.5)", marks=able, ends=(0.0, 1.0), guides=(CHANCE,), words=able_words),
        Panel(title="Index (0: parity)", marks=leans, ends=(low, high), guides=(0.0,), words=lean_words),
    ]
    looks = (base_arm(next(iter(arms))), *tuned_arms(list(arms)[1:]))
    finding = competence_finding(estimates, comparisons, tuned=tuned)
    return rows_chart([row for row, _ in rows], panels, looks, finding, width=width)


def _probes(estimates: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return probe -> the cell of its index over all features."""
    return pooled(levels(estimates))


def _arms(estimates: pd.DataFrame, tuned: str) -> dict[str, Arm]:
    """Return name -> arm, of those that were measured."""
    there = {arm for arm, _ in levels(estimates, metric="competence")}
    wanted = {"base": (BASE, PLAIN), "tuned": (tuned, PLAIN), "tuned, chat": (tuned, CHAT)}
    if (BASE, PLAIN) not in there:
        wanted = {"base": (BASE, CHAT), "tuned": (tuned, CHAT)}
    return {name: arm for name, arm in wanted.items() if arm in there}


def _judged(comparisons: pd.DataFrame, tuned: str) -> pd.DataFrame:
    return comparisons[(comparisons["tuned"] == tuned) & (comparisons["metric"] == "graded")]
