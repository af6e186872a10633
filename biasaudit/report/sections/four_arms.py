"""Weights and template: the lean in all four arms, and what either of the two and both together do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding, domain
from biasaudit.report.charts.levels import (
    BASE,
    CHAT,
    PLAIN,
    Arm,
    Cell,
    Levels,
    cells,
    level_text,
    levels,
    marks,
    under_probes,
)
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.charts.row_chart import Arm as Look
from biasaudit.report.charts.row_chart import Panel, base_arm, rows_chart, tuned_arms
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import NOT_MEASURED, change_text, clean, present, records
from biasaudit.types import Contrast, stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

EFFECTS: Final = (Contrast.WEIGHTS_PLAIN.value, Contrast.TEMPLATE_TUNED.value, Contrast.INTERACTION.value)
"""Contrasts that stand beside the arms."""

_NAMES: Final = ("base, plain", "base, chat", "tuned, plain", "tuned, chat")
_LOOKS: Final = (
    base_arm(_NAMES[0]),
    Look(name=_NAMES[1], shape="square", filled=False),
    *tuned_arms(_NAMES[2:]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsRow:
    """One cell: its four levels, and its three effects."""

    feature: str
    levels: tuple[str, ...]
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeArms:
    """The cells of one probe."""

    probe: str
    rows: tuple[ArmsRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FourArms:
    """One tuned checkpoint in both framings, beside the base in both; the heading names it where there are several."""

    heading: str
    tuned: str
    finding: str
    picture: Picture
    probes: tuple[ProbeArms, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsSection:
    """All tuned checkpoints of which the four arms were run."""

    finding: str
    views: tuple[FourArms, ...]


def four_arms(audit: AuditRecord, names: Mapping[str, str]) -> tuple[FourArms, ...]:
    """Return the tuned checkpoints of which all four arms were run.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    found = levels(audit.estimates)
    there = {arm for arm, _ in found}
    complete = [
        tuned
        for tuned in sorted({checkpoint for checkpoint, _ in there} - {BASE}, key=stage_place)
        if set(_arms(tuned).values()) <= there
    ]
    return tuple(_view(audit, found, names, tuned, named=len(complete) > 1) for tuned in complete)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsFinding(Finding):
    """What the chart of four arms says; its title is one line, and `said` the whole of it."""

    said: str


def arms_finding(comparisons: pd.DataFrame, *, tuned: str) -> ArmsFinding:
    """Say what :func:`arms_chart` shows.

    Parameters
    ----------
    comparisons : DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`.
    tuned : str
    """
    rows = [row for row in _effect_rows(comparisons, tuned).values() if row["declared"]]
    by_effect = [[row for row in rows if row["contrast"] == effect] for effect in EFFECTS]
    weights, template = (sum(_low(row) > 0 for row in of) for of in by_effect[:2])
    together = sum(_low(row) > 0 or _high(row) < 0 for row in by_effect[2])
    n_all = len(by_effect[0])
    said = _said(n_all, weights, template, together)
    return ArmsFinding(
        title=f"Away from the stereotype: by weights in {weights} of {n_all}, by template in {template}",
        said=said,
        description=(
            "Dot chart of the lean, one row per probe and feature and four marks in it: the base in plain text as an "
            "open circle and in chat as an open square, the tuned checkpoint in plain text as a filled diamond and in "
            f"chat as a filled triangle, with intervals; 0 is none. {said}. The table after the chart holds the "
            "same numbers."
        ),
    )


def _said(n_all: int, weights: int, template: int, together: int) -> str:
    return (
        f"Of {counted(n_all, 'comparison', 'comparisons')}, the changed weights move the model clearly away from the "
        f"stereotype in {weights}, the chat template in {template}; in {together}, what one does clearly depends on "
        "the other"
    )


def arms_chart(
    estimates: pd.DataFrame,
    comparisons: pd.DataFrame,
    *,
    tuned: str,
    names: Mapping[str, str] | None = None,
    width: int = WIDE,
) -> alt.VConcatChart:
    """Draw the graded index of every cell in the four arms.

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
    found = levels(estimates)
    rows = under_probes(cells(found), names or {})
    drawn, words = marks(found, rows, _arms(tuned))
    low, high = domain([end for mark in drawn for end in (mark.low, mark.high)])
    title = "Lean (0: none)" if width < WIDE else "Lean: 0 is none, above it is with the stereotype"
    panel = Panel(title=title, marks=drawn, ends=(low, high), guides=(0.0,), words=words)
    finding = arms_finding(comparisons, tuned=tuned)
    return rows_chart([row for row, _ in rows], [panel], _LOOKS, finding, width=width)


def _arms(tuned: str) -> dict[str, Arm]:
    return dict(zip(_NAMES, ((BASE, PLAIN), (BASE, CHAT), (tuned, PLAIN), (tuned, CHAT)), strict=True))


def _view(audit: AuditRecord, found: Levels, names: Mapping[str, str], tuned: str, *, named: bool) -> FourArms:
    effects = _effect_rows(audit.comparisons, tuned)
    wide, narrow = (
        arms_chart(audit.estimates, audit.comparisons, tuned=tuned, names=names, width=width)
        for width in (WIDE, NARROW)
    )
    finding = arms_finding(audit.comparisons, tuned=tuned)
    return FourArms(
        heading=clean(tuned) if named else "",
        tuned=clean(tuned),
        finding=finding.said,
        picture=picture(wide, narrow, alt=finding.description),
        probes=tuple(
            ProbeArms(
                probe=names.get(probe, clean(probe)),
                rows=tuple(
                    ArmsRow(
                        feature=clean(cell[1]),
                        levels=tuple(level_text(found, arm, cell) for arm in _arms(tuned).values()),
                        effects=tuple(_effect_text(effects.get((effect, cell))) for effect in EFFECTS),
                    )
                    for cell in of_probe
                ),
            )
            for probe, of_probe in groupby(cells(found), key=lambda cell: cell[0])
        ),
    )


def _effect_rows(comparisons: pd.DataFrame, tuned: str) -> dict[tuple[str, Cell], dict[str, Any]]:  # Any: pandas cells
    chosen = comparisons[(comparisons["tuned"] == tuned) & (comparisons["metric"] == "graded")]
    return {
        (str(row["contrast"]), (str(row["probe"]), str(row["feature"]))): row
        for row in records(chosen[chosen["contrast"].isin(EFFECTS)])
    }


def _effect_text(row: Mapping[str, Any] | None) -> str:  # Any: cells of a pandas row
    return NOT_MEASURED if row is None else change_text(row)


def _low(row: Mapping[str, Any]) -> float:  # Any: cells of a pandas row
    """Return the lower end of an interval; without one, an end that shows nothing."""
    low = present(row["ci_low"])
    return float("-inf") if low is None else low


def _high(row: Mapping[str, Any]) -> float:  # Any: cells of a pandas row
    high = present(row["ci_high"])
    return float("inf") if high is None else high


def _section_view(source: Source) -> ArmsSection | None:
    views = four_arms(source.audit, source.names)
    said = [f"{view.heading}: {view.finding}" if view.heading else view.finding for view in views]
    return ArmsSection(finding=". ".join(said), views=views) if views else None


SECTION: Final = Section(name="arms", title="Weights or template", template="arms.html.jinja", view=_section_view)
