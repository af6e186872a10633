"""What a head, an MLP or a block does when another's activations are put in, beside what the controls do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.chart_parts import WIDE, Finding, domain
from biasaudit.report.charts.row_chart import Panel, Row, base_arm, marks_of, rows_chart, tuned_arms

if TYPE_CHECKING:
    import altair as alt

_ARMS: Final = {"random": "random direction", "effect": "put in", "same_side": "same side"}


def component_chart(
    rows: Sequence[Mapping[str, Any]], finding: Finding, *, width: int
) -> alt.VConcatChart:  # Any: cells
    """Draw one row a unit, in the order in which they are given.

    Parameters
    ----------
    rows : sequence of mapping
        Of the table of components, of one question.
    finding : Finding
    width : int
        Of the plot without labels, in pixels.
    """
    marks = marks_of(rows, _ARMS)
    low, high = domain([end for mark in marks for end in (mark.low, mark.high)] or [0.0])
    title = "Nats" if width < WIDE else "What it takes of the log odds, or gives back, in nats"
    panel = Panel(title=title, marks=marks, ends=(low, high), guides=(0.0,))
    random, effect, same_side = _ARMS.values()
    arms = (base_arm(random), *tuned_arms((effect, same_side)))
    return rows_chart([Row(label=str(row["unit"])) for row in rows], [panel], arms, finding, width=width)
