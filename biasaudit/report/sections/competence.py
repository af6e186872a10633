"""Competence beside the index: what a model can read must not fall while its lean does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding, domain
from biasaudit.report.charts.levels import (
    BASE,
    CHAT,
    PLAIN,
    Arm,
    Cell,
    Levels,
    checkpoints,
    level_text,
    levels,
    marks,
    pooled,
)
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.row_chart import Panel, Row, base_arm, rows_chart, tuned_arms
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import counted
from biasaudit.report.words.order import in_order
from biasaudit.report.words.wording import clean, present, records
from biasaudit.types import Contrast, Verdict
from biasaudit.types.competence import CHANCE, is_above_chance

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

_SHOWN: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.AS_DEPLOYED.value)
_MARKS: Final = "Open circle: base. Filled diamond: tuned."
_MARKS_WITH_CHAT: Final = f"{_MARKS} Filled triangle: tuned, in chat."


@dataclass(frozen=True, slots=True, kw_only=True)
class CompetenceRow:
    """One probe in one arm; `span` is the number of its arms."""

    arm: str
    competence: str
    index: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCompetence:
    """One probe, in every arm; `fell` names the cells in which competence fell."""

    probe: str
    span: str
    fell: str
    rows: tuple[CompetenceRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Competence:
    """One tuned checkpoint beside the base; `marks` says what the signs of the chart stand for."""

    tuned: str
    marks: str
    picture: Picture
    probes: tuple[ProbeCompetence, ...]


def competence(audit: AuditRecord, names: Mapping[str, str]) -> tuple[Competence, ...]:
    """Return competence beside the index for every tuned checkpoint; empty where no probe measures it.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    measured = levels(audit.estimates, metric="competence")
    return tuple(_view(audit, names, tuned) for tuned in checkpoints(measured) if tuned != BASE)


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
            "intervals. "
            f"{title}. The table after the chart holds the same numbers."
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


def _view(audit: AuditRecord, names: Mapping[str, str], tuned: str) -> Competence:
    sense, index = levels(audit.estimates, metric="competence"), levels(audit.estimates)
    probes, arms, cells = _probes(audit.estimates), _arms(audit.estimates, tuned), pooled(sense)
    wide, narrow = (
        competence_chart(audit.estimates, audit.comparisons, tuned=tuned, names=names, width=width)
        for width in (WIDE, NARROW)
    )
    finding = competence_finding(audit.estimates, audit.comparisons, tuned=tuned)
    return Competence(
        tuned=clean(tuned),
        marks=_MARKS_WITH_CHAT if {"tuned", "tuned, chat"} <= set(arms) else _MARKS,
        picture=picture(wide, narrow, alt=finding.description),
        probes=tuple(
            ProbeCompetence(
                probe=names.get(probe, clean(probe)),
                span=str(len(arms)),
                fell=_fell(audit.comparisons, tuned, probe),
                rows=tuple(
                    CompetenceRow(
                        arm=clean(f"{arm[0]}, {arm[1]}"),
                        competence=level_text(sense, arm, cells[probe]),
                        index=level_text(index, arm, probes.get(probe, (probe, ""))),
                    )
                    for arm in arms.values()
                ),
            )
            for probe in in_order(cells, audit.comparisons)
        ),
    )


def _fell(comparisons: pd.DataFrame, tuned: str, probe: str) -> str:
    rows = _judged(comparisons, tuned)
    rows = rows[(rows["probe"] == probe) & rows["declared"] & rows["competence_fell"] & rows["contrast"].isin(_SHOWN)]
    return "; ".join(clean(f"{row['feature']} ({row['contrast']})") for row in records(rows))


def _section_view(source: Source) -> tuple[Competence, ...] | None:
    return competence(source.audit, source.names) or None


SECTION: Final = Section(name="competence", title="Competence", template="competence.html.jinja", view=_section_view)
