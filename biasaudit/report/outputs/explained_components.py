"""Heads and MLPs on the page of an explanation: one section a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.report.charts.chart_parts import NARROW, WIDE, Finding
from biasaudit.report.charts.component_chart import component_chart
from biasaudit.report.charts.pictures import Picture, picture
from biasaudit.report.words.explained.components import QUESTIONS, component_sentence
from biasaudit.report.words.wording import NOT_MEASURED, chart_label, clean, in_row, p_value, percent, present, records

if TYPE_CHECKING:
    from biasaudit.explanations.record import Explanation

Row = Mapping[str, Any]  # Any: pandas cells


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """One component or block, as a row of the table."""

    unit: str
    confirmed: bool
    effect: str
    share: str
    random: str
    same_side: str
    p_adjusted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """One question: its sentence, its picture and its components."""

    heading: str
    sentence: str
    counts: str
    together: str
    picture: Picture
    units: tuple[UnitRow, ...]


def explained_components(explanation: Explanation) -> tuple[QuestionView, ...]:
    """Gather what the page shows of components; nothing where they were not measured."""
    rows = records(explanation.components)
    return tuple(
        _question(asked, [row for row in rows if row["question"] == asked["question"]])
        for asked in records(explanation.questions)
    )


def _question(asked: Row, rows: Sequence[Row]) -> QuestionView:
    heading = QUESTIONS[str(asked["question"])]
    finding = Finding(
        title=chart_label(heading, limit=70),
        description=(
            "Dot chart with one row for each block and each component that was tested: what putting other activations "
            "in does (filled diamond), beside a random direction of the same length (open circle) and another context "
            "of the same side (triangle). The table holds the same numbers."
        ),
    )
    wide, narrow = (component_chart(rows, finding, width=width) for width in (WIDE, NARROW))
    share = present(asked["held_out_share"])
    also = f", {int(asked['n_also']):,} second clusters" if asked["n_also"] else ""
    return QuestionView(
        heading=heading,
        sentence=component_sentence(asked, rows),
        counts=(
            f"Chosen on {int(asked['n_choose']):,} items, tested on {int(asked['n_test']):,} others in "
            f"{int(asked['n_clusters']):,} clusters{also}. {_same_side(asked)} What was chosen does "
            f"{NOT_MEASURED if share is None else percent(share, decimals=0)} as much there, to first order."
        ),
        together=(
            f"All chosen components together: {in_row(asked, 'joint')} nats; the sum of each alone: "
            f"{in_row(asked, 'summed')}; everything: {in_row(asked, 'whole')}."
        ),
        picture=picture(wide, narrow, alt=finding.description),
        units=tuple(_unit(row) for row in rows),
    )


def _same_side(asked: Row) -> str:
    there = f"{int(asked['n_same_side']):,} have a control of the same side"
    if asked["same_side_asked"]:
        return f"Of these {there}."
    return f"Of these {there}, in too few clusters: units are held against 0 and a random direction alone."


def _unit(row: Row) -> UnitRow:
    share = present(row["share"])
    return UnitRow(
        unit=clean(row["unit"]),
        confirmed=bool(row["confirmed"]),
        effect=in_row(row, "effect"),
        share=NOT_MEASURED if share is None else percent(share, decimals=0),
        random=in_row(row, "random"),
        same_side=in_row(row, "same_side"),
        p_adjusted=p_value(present(row["p_adjusted"])),
    )
