"""What leaving single words out of the contexts does, in base and tuned checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.report.charts.chart_parts import WIDE, Finding, domain
from biasaudit.report.charts.row_chart import Mark, Panel, Row, base_arm, rows_chart, tuned_arms

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, slots=True, kw_only=True)
class WordMarks:
    """One word of one wording: its effect with its interval in either checkpoint, None where it was not measured."""

    label: str
    base: tuple[float, float, float] | None
    tuned: tuple[float, float, float] | None


def words_chart(rows: Sequence[WordMarks], finding: Finding, *, width: int) -> alt.VConcatChart:
    """Draw one row a word.

    Parameters
    ----------
    rows : sequence of WordMarks
    finding : Finding
    width : int
        Of the plot without labels, in pixels.
    """
    marks = [
        Mark(row=at, arm=arm, value=found[0], low=found[1], high=found[2])
        for at, row in enumerate(rows)
        for arm, found in (("base", row.base), ("tuned", row.tuned))
        if found is not None
    ]
    low, high = domain([end for mark in marks for end in (mark.low, mark.high)] or [0.0])
    title = "Fall of d, nats" if width < WIDE else "Fall of d when the word is left out of both contexts, in nats"
    panel = Panel(title=title, marks=tuple(marks), ends=(low, high), guides=(0.0,))
    arms = (base_arm("base"), *tuned_arms(("tuned",)))
    return rows_chart([Row(label=row.label) for row in rows], [panel], arms, finding, width=width)
