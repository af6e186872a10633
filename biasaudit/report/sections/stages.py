"""The lean of every comparison in the base and in each tuned checkpoint: stage by stage, or sibling by sibling."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from biasaudit.record.siblings import are_siblings
from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding, domain
from biasaudit.report.charts.levels import (
    BASE,
    PLAIN,
    Arm,
    Levels,
    cells,
    checkpoints,
    level_text,
    levels,
    marks,
    under_probes,
)
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.row_chart import Panel, base_arm, rows_chart, tuned_arms
from biasaudit.report.section import Section, Source
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.facts import counted
from biasaudit.report.words.framings import in_framing
from biasaudit.report.words.wording import chart_label, clean, in_words
from biasaudit.types import Contrast

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

_WEIGHTS: Final[Mapping[str, str]] = {
    "plain": Contrast.WEIGHTS_PLAIN.value,
    "chat": Contrast.WEIGHTS_CHAT.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One cell at every stage."""

    feature: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStages:
    """The cells of one probe."""

    probe: str
    rows: tuple[StageRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """More than two checkpoints, in one framing."""

    title: str
    framing: str
    stages: tuple[str, ...]
    width: str
    finding: str
    picture: Picture
    probes: tuple[ProbeStages, ...]


def stages(audit: AuditRecord, names: Mapping[str, str]) -> Stages | None:
    """Return the index over the stages; None where there are two checkpoints or fewer.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    found = levels(audit.estimates)
    arms = _arms(found)
    if len(arms) < 3:
        return None
    siblings = are_siblings(audit)
    wide, narrow = (
        stages_chart(audit.estimates, audit.comparisons, names=names, width=width, siblings=siblings)
        for width in (WIDE, NARROW)
    )
    finding = stages_finding(audit.estimates, audit.comparisons, siblings=siblings)
    return Stages(
        title="Each tuned model beside the base" if siblings else "From stage to stage",
        framing=in_framing(_framing(found)),
        stages=tuple(clean(checkpoint) for checkpoint, _ in arms.values()),
        width=str(len(arms) + 1),
        finding=stages_said(audit.comparisons, estimates=audit.estimates, siblings=siblings),
        picture=picture(wide, narrow, alt=finding.description),
        probes=tuple(
            ProbeStages(
                probe=names.get(probe, clean(probe)),
                rows=tuple(
                    StageRow(
                        feature=clean(cell[1]), levels=tuple(level_text(found, arm, cell) for arm in arms.values())
                    )
                    for cell in of_probe
                ),
            )
            for probe, of_probe in groupby(cells(found), key=lambda cell: cell[0])
        ),
    )


def stages_finding(estimates: pd.DataFrame, comparisons: pd.DataFrame, *, siblings: bool = False) -> Finding:
    """Say what :func:`stages_chart` shows.

    Parameters
    ----------
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.record.tables`.
    siblings : bool
        Whether each tuned checkpoint was made from the base and none from another.
    """
    changed = "; ".join(
        f"{chart_label(tuned, limit=18)}: {sum(n for verdict, n in counts.items() if verdict in CHANGED)} of "
        f"{counts.total()}"
        for tuned, counts in _verdicts(estimates, comparisons, siblings=siblings)
    )
    joined = "" if siblings else ", joined by a line"
    said = stages_said(comparisons, estimates=estimates, siblings=siblings)
    return Finding(
        title=f"Changed from the base to {changed}",
        description=(
            "Dot chart of the lean, one row per probe and feature; within a row the checkpoints follow one another "
            "from the top down, the base as an open circle and each tuned checkpoint as a filled shape of its own"
            f"{joined}, with intervals; 0 is none. {said}. The table after the chart holds the same numbers."
        ),
    )


def stages_said(comparisons: pd.DataFrame, *, estimates: pd.DataFrame, siblings: bool = False) -> str:
    """Return what came of all comparisons of the last checkpoint, or of each sibling, with the base."""
    return "; ".join(
        f"{'to' if number else 'From the base to'} {clean(tuned)}, of "
        f"{counted(counts.total(), 'comparison', 'comparisons')}: {in_words(counts) if counts else 'none was made'}"
        for number, (tuned, counts) in enumerate(_verdicts(estimates, comparisons, siblings=siblings))
    )


def _verdicts(estimates: pd.DataFrame, comparisons: pd.DataFrame, *, siblings: bool) -> list[tuple[str, Counter[str]]]:
    """Return the last checkpoint, or each sibling, and the verdicts of its declared comparisons with the base."""
    found = levels(estimates)
    order = checkpoints(found)
    rows = comparisons[comparisons["declared"] & (comparisons["metric"] == "graded")]
    rows = rows[rows["contrast"] == _WEIGHTS[_framing(found)]]
    return [
        (name, Counter(map(str, rows.loc[rows["tuned"] == name, "verdict"])))
        for name in (order[1:] if siblings else order[-1:])
    ]


def stages_chart(
    estimates: pd.DataFrame,
    comparisons: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    width: int = WIDE,
    siblings: bool = False,
) -> alt.VConcatChart:
    """Draw the graded index of every cell from stage to stage.

    Parameters
    ----------
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.record.tables`.
    names : mapping, optional
        Probe -> name to show.
    width : int
        Of the plot without labels, in pixels.
    siblings : bool
        Whether each tuned checkpoint was made from the base and none from another: no line joins them.
    """
    found = levels(estimates)
    arms = _arms(found)
    rows = under_probes(cells(found), names or {})
    drawn, words = marks(found, rows, arms)
    low, high = domain([end for mark in drawn for end in (mark.low, mark.high)])
    title = "Lean (0: none)" if width < WIDE else "Lean: 0 is none, above it is with the stereotype"
    panel = Panel(title=title, marks=drawn, ends=(low, high), guides=(0.0,), words=words)
    first, *others = arms
    return rows_chart(
        [row for row, _ in rows],
        [panel],
        (base_arm(first), *tuned_arms(others)),
        stages_finding(estimates, comparisons, siblings=siblings),
        width=width,
        joined=not siblings,
    )


def _framing(found: Levels) -> str:
    return PLAIN if ((BASE, PLAIN) in {arm for arm, _ in found}) else "chat"


def _arms(found: Levels) -> dict[str, Arm]:
    """Return name in the legend -> arm, stage by stage."""
    framing = _framing(found)
    return {chart_label(checkpoint, limit=18): (checkpoint, framing) for checkpoint in checkpoints(found)}


def _view(source: Source) -> Stages | None:
    return stages(source.audit, source.names)


SECTION: Final = Section(name="stages", title="Stages", template="stages.html.jinja", view=_view)
