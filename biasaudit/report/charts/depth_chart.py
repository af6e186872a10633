"""What every part of a model contributes to a reduction, in both orders of exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.charts.chart_parts import WIDE, Finding, domain
from biasaudit.report.charts.row_chart import Panel, Row, base_arm, marks_of, rows_chart, tuned_arms

if TYPE_CHECKING:
    import altair as alt

_ARMS: Final = {"from_below": "after all below", "from_above": "after all above", "phi": "mean"}


def depth_chart(rows: Sequence[Mapping[str, Any]], finding: Finding, *, width: int) -> alt.VConcatChart:  # Any: cells
    """Draw one row a part, from the embeddings to the head.

    Parameters
    ----------
    rows : sequence of mapping
        Of the table of parts, of one feature.
    finding : Finding
    width : int
        Of the plot without labels, in pixels.
    """
    marks = tuple(mark for mark in marks_of(rows, _ARMS) if rows[mark.row]["exchanged"])
    low, high = domain([end for mark in marks for end in (mark.low, mark.high)] or [0.0])
    title = "Fall of the index" if width < WIDE else "Fall of the index when this part is exchanged, in index points"
    panel = Panel(title=title, marks=marks, ends=(low, high), guides=(0.0,))
    below, above, both = _ARMS.values()
    arms = (base_arm(below), *tuned_arms((above, both)))
    return rows_chart([Row(label=str(row["part"])) for row in rows], [panel], arms, finding, width=width)
