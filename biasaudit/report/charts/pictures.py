"""A chart as elements that a page can hold without script: wide and narrow, in the page's own colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.charts.drawn_apart import NotDrawnError, svg_apart
from biasaudit.report.charts.shapes import Shape, shapes

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

UNDRAWN: Final = '<p class="undrawn">'
"""How the page begins to say that a chart could not be drawn."""

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
    wide, narrow : Shape or None
        Elements that a template writes out: text in them is text, and is escaped with all else. None where the chart
        could not be drawn.
    alt : str
        What the chart shows, for readers who do not see it.
    missing : str
        Why it could not be drawn; empty if it was.
    """

    wide: Shape | None
    narrow: Shape | None
    alt: str
    missing: str = ""


def picture(wide: alt.VConcatChart | alt.LayerChart, narrow: alt.VConcatChart | alt.LayerChart, *, alt: str) -> Picture:
    """Draw both charts; where that fails, say so: the numbers stand in a table, and a report can be written again."""
    try:
        return Picture(wide=drawing(wide), narrow=drawing(narrow), alt=alt)
    except NotDrawnError as exc:
        return Picture(wide=None, narrow=None, alt=alt, missing=str(exc))


def drawing(chart: alt.VConcatChart | alt.LayerChart) -> Shape:
    """Return a chart as elements, painted with the variables of the page.

    Raises
    ------
    NotDrawnError
        As :func:`svg`.
    """
    return shapes(svg(chart), paints={colour: f"var({variable})" for colour, variable in VARIABLES.items()})


def svg(chart: alt.VConcatChart | alt.LayerChart) -> str:
    """Return the chart as SVG; the same chart gives the same text.

    Raises
    ------
    NotDrawnError
        If the process that draws ends, or refuses the chart.
    """
    import altair as alt  # noqa: PLC0415  # slow to import

    # As `chart.save` does, but for checking every part of it against the schema again.
    return svg_apart(chart.to_dict(validate=False), _version(alt.SCHEMA_VERSION))


def _version(schema: str) -> str:
    """Return the version as vl-convert names it.

    Examples
    --------
    >>> _version("v6.1.0")
    '6.1'
    """
    return ".".join(schema.removeprefix("v").split(".")[:2])
