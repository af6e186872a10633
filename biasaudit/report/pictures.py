"""A chart as elements that a page can hold without script: wide and narrow, in the page's own colours."""

from __future__ import annotations

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
    import altair as alt  # noqa: PLC0415  # slow to import
    import vl_convert  # noqa: PLC0415  # as above

    # As `chart.save` does, but for checking every part of it against the schema again.
    drawn: str = vl_convert.vegalite_to_svg(chart.to_dict(validate=False), vl_version=_version(alt.SCHEMA_VERSION))
    return drawn


def _version(schema: str) -> str:
    """Return the version as vl-convert names it.

    Examples
    --------
    >>> _version("v6.1.0")
    '6.1'
    """
    return ".".join(schema.removeprefix("v").split(".")[:2])
