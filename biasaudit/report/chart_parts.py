"""What the charts share: sizes, looks of the arms, and the words that stand for a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import altair as alt

from biasaudit.report.pictures import BASE, GRID, INK, LINK, MUTED, SURFACE, TUNED

AnyChart = TypeVar("AnyChart", alt.VConcatChart, alt.LayerChart)

WIDE: Final = 470
NARROW: Final = 190
_FONT: Final = "system-ui, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a chart says: the sentence above it, and the words for those who do not see it."""

    title: str
    description: str


def layered(layers: Sequence[alt.Chart], **properties: Any) -> alt.LayerChart:  # Any: Altair checks them
    """Lay charts over one another; Altair's own types allow for facets, which are not used here."""
    return cast("alt.LayerChart", alt.layer(*layers).properties(**properties))


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


def styled(chart: AnyChart, finding: Finding, *, narrow: bool) -> AnyChart:
    """Give a chart its title, description and colours."""
    lines = textwrap.wrap(finding.title, 40 if narrow else 84) or [""]
    title = alt.TitleParams(lines, anchor="start", fontSize=15, fontWeight=600, color=INK, offset=16)
    drawn = (
        chart.properties(
            title=title,
            description=finding.description,
            background="transparent",
            # Text is measured in one font and shown in the reader's own, which may be wider.
            padding={"left": 12, "top": 5, "right": 36, "bottom": 5},
        )
        .configure(font=_FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            gridColor=GRID,
            domainColor=LINK,
            tickColor=LINK,
            titleFontWeight=400,
            labelFontSize=11.5,
            titleFontSize=11.5,
            titlePadding=10,
        )
        .configure_legend(orient="top", direction="horizontal", labelColor=INK, labelFontSize=11.5, symbolSize=70)
        .configure_title(lineHeight=20)
    )
    return cast("AnyChart", drawn)
