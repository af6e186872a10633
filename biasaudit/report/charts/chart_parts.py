"""What the charts share: sizes, looks of the arms, and the words that stand for a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar, cast

import altair as alt

from biasaudit.report.charts.pictures import BASE, GRID, INK, LINK, MUTED, SURFACE, TUNED
from biasaudit.report.words.wording import chart_label

AnyChart = TypeVar("AnyChart", alt.VConcatChart, alt.LayerChart)

WIDE: Final = 470
NARROW: Final = 190
ROW_HEIGHT: Final = 26
_LABEL_LINE: Final = 13
_CENTRED: Final = alt.ExprRef(f"-{_LABEL_LINE / 2} * (length(split(datum.value, '\\n')) - 1)")
"""Vega puts the first of several lines in the middle of a row."""
_FONT: Final = "system-ui, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a chart says: the sentence above it, and the words for those who do not see it."""

    title: str
    description: str


class Numbers(alt.InlineData):
    """The numbers of a chart: Altair copies a chart at each step, and would copy these too."""

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself."""
        return self


def layered(layers: Sequence[alt.Chart], **properties: Any) -> alt.LayerChart:  # Any: Altair checks them
    """Lay charts over one another; Altair's own types allow for facets, which are not used here."""
    return cast("alt.LayerChart", alt.layer(*layers, **properties))


def paint(channel: str, arms: tuple[str, str]) -> alt.Stroke | alt.Fill:
    """Return the fill or the stroke of either arm."""
    if channel == "fill":
        return alt.Fill("arm:N", title=None, scale=alt.Scale(domain=list(arms), range=[SURFACE, TUNED]))
    return alt.Stroke("arm:N", title=None, scale=alt.Scale(domain=list(arms), range=[BASE, TUNED]))


def looks(arms: tuple[str, str]) -> dict[str, Any]:  # Any: encodings by channel
    """Return shape, fill and stroke: open circle for the first arm, filled diamond for the second."""
    return {
        "shape": alt.Shape("arm:N", title=None, scale=alt.Scale(domain=list(arms), range=["circle", "diamond"])),
        "fill": paint("fill", arms),
        "stroke": paint("stroke", arms),
    }


def row_name(number: int, label: object, *, narrow: bool) -> str:
    r"""Return the name of a row: its position in three figures, and its label in lines that the axis has room for.

    Two labels can be one once they are cut; their positions differ.

    Examples
    --------
    >>> row_name(3, "Decisions about speakers of two dialects", narrow=False)
    '003Decisions about speakers\nof two dialects'
    """
    letters, lines = (16, 3) if narrow else (26, 2)
    whole = chart_label(label, limit=letters * lines)
    return f"{number:03d}" + "\n".join(textwrap.wrap(whole, letters, max_lines=lines, placeholder="…"))


def rows_height(names: Sequence[str], *, least: int) -> int:
    """Return the height of rows of these names, each tall enough for the label of most lines."""
    lines = max((name.count("\n") + 1 for name in names), default=1)
    return max(least, _LABEL_LINE * lines + 4 if lines > 1 else 0) * max(len(names), 1)


def row_axis(rows: Sequence[str], *, narrow: bool) -> alt.Y:
    """Return the axis of rows that are named by their position, in three figures, and their label."""
    extent = 104 if narrow else 160
    return alt.Y(
        "row:N",
        title=None,
        scale=alt.Scale(domain=list(rows)),
        axis=alt.Axis(
            labelExpr="split(slice(datum.value, 3), '\\n')",
            labelLineHeight=_LABEL_LINE,
            labelOffset=_CENTRED,
            labelLimit=extent,
            minExtent=extent,
            maxExtent=extent,
            domain=False,
            ticks=False,
            labelPadding=10,
            labelColor=INK,
        ),
    )


def index_axis(*, narrow: bool, last: bool, own_scale: bool = False) -> alt.Axis:
    """Return the axis of the index; of panels over one another on one scale the last alone carries its labels."""
    axis = alt.Axis(
        title="Index: 0 is parity, positive leans with the stereotype" if not narrow else "Index (0: parity)",
        tickCount=4 if narrow else 7,
        labels=last or own_scale,
        titleOpacity=1 if last else 0,
        ticks=last or own_scale,
        domain=last or own_scale,
    )
    if not last:
        axis.title = None
    return axis


def offset(arms: tuple[str, str]) -> alt.YOffset:
    """Return where in its row either arm lies."""
    return alt.YOffset("arm:N", scale=alt.Scale(domain=list(arms), paddingOuter=0.45))


def domain(bounds: Sequence[float]) -> list[float]:
    """Return the ends of a scale that holds 0 and all bounds, with some room."""
    low, high = min([*bounds, 0.0]), max([*bounds, 0.0])
    room = 0.06 * max(high - low, 0.1)
    return [round(low - room, 3), round(high + room, 3)]


def panel_title(title: str) -> alt.TitleParams:
    """Return the title of one panel of several."""
    return alt.TitleParams(title, anchor="start", frame="group", fontSize=12, fontWeight=600, color=MUTED, offset=4)


def styled(chart: AnyChart, finding: Finding, *, narrow: bool, letters: int = 74) -> AnyChart:
    """Give a chart its title, of so many letters a line where it is wide, its description and its colours."""
    lines = textwrap.wrap(finding.title, 36 if narrow else letters) or [""]
    title = alt.TitleParams(lines, anchor="start", fontSize=15, fontWeight=600, color=INK, offset=16)
    # Set and not chained: each link of a chain would copy the chart, its numbers included.
    chart.title = title
    chart.description = finding.description
    chart.background = "transparent"
    # Text is measured in one font and shown in the reader's own, which may be wider.
    chart.padding = {"left": 12, "top": 5, "right": 36, "bottom": 5}
    chart.config = alt.Config(
        font=_FONT,
        aria=False,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=MUTED,
            titleColor=MUTED,
            gridColor=GRID,
            domainColor=LINK,
            tickColor=LINK,
            titleFontWeight=400,
            labelFontSize=11.5,
            titleFontSize=11.5,
            titlePadding=10,
        ),
        legend=alt.LegendConfig(
            orient="top", direction="horizontal", labelColor=INK, labelFontSize=11.5, symbolSize=70
        ),
        title=alt.TitleConfig(lineHeight=20),
    )
    return chart
