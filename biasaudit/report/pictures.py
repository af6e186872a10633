"""A chart as elements that a page can hold without script: wide and narrow, in the page's own colours."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.shapes import Shape, shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import altair as alt

INK: Final = "#1c2530"
MUTED: Final = "#596575"
GRID: Final = "#e3e6ea"
SURFACE: Final = "#ffffff"
BASE: Final = "#5a6678"
TUNED: Final = "#0b6b72"
TUNED_SOFT: Final = "#8fc4c6"
LINK: Final = "#b9c2cc"
WARM: Final = "#9a4310"

VARIABLES: Final[Mapping[str, str]] = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--chart-grid",
    SURFACE: "--surface",
    BASE: "--chart-base",
    TUNED: "--accent",
    TUNED_SOFT: "--chart-soft",
    LINK: "--chart-link",
    WARM: "--warm",
}
"""The variable of ``style.css`` that paints each colour of a chart; it is another colour on a dark page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One chart in two widths, with the words that stand for it.

    Attributes
    ----------
    wide, narrow : Shape
        Elements that a template writes out: text in them is text, and is escaped with all else.
    alt : str
        What the chart shows, for readers who do not see it.
    """

    wide: Shape
    narrow: Shape
    alt: str


def picture(wide: alt.VConcatChart | alt.LayerChart, narrow: alt.VConcatChart | alt.LayerChart, *, alt: str) -> Picture:
    """Draw both charts."""
    return Picture(wide=drawing(wide), narrow=drawing(narrow), alt=alt)


def drawing(chart: alt.VConcatChart | alt.LayerChart) -> Shape:
    """Return a chart as elements, painted with the variables of the page."""
    return shapes(svg(chart), paints={colour: f"var({variable})" for colour, variable in VARIABLES.items()})


def svg(chart: alt.VConcatChart | alt.LayerChart) -> str:
    """Return the chart as SVG; the same chart gives the same text."""
    drawn = io.StringIO()
    chart.save(drawn, format="svg")
    return drawn.getvalue()
