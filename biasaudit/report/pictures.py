"""A chart as pictures that a page can hold without script: SVG, light and dark, wide and narrow."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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

DARK: Final[Mapping[str, str]] = {
    INK: "#e9edf1",
    MUTED: "#a9b4c0",
    GRID: "#2c353f",
    SURFACE: "#181f26",
    BASE: "#b4bfcc",
    TUNED: "#5fc9c6",
    TUNED_SOFT: "#2f6f70",
    LINK: "#515d6a",
}
"""What each colour of a chart becomes on a dark page."""

_PAINT: Final = re.compile(r'\b(fill|stroke)="(#[0-9a-f]{6})"')
_LONG_DECIMAL: Final = re.compile(r"(\d\.\d{2})\d+(?=[^<>]*>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One chart in four looks, as ``data:`` addresses, with the words that stand for it.

    Attributes
    ----------
    light, dark, light_narrow, dark_narrow : str
    alt : str
        What the chart shows, for readers who do not see it.
    """

    light: str
    dark: str
    light_narrow: str
    dark_narrow: str
    alt: str


def picture(wide: alt.VConcatChart | alt.LayerChart, narrow: alt.VConcatChart | alt.LayerChart, *, alt: str) -> Picture:
    """Draw both charts, each for light and for dark pages."""
    wide_svg, narrow_svg = svg(wide), svg(narrow)
    return Picture(
        light=_address(wide_svg),
        dark=_address(darkened(wide_svg)),
        light_narrow=_address(narrow_svg),
        dark_narrow=_address(darkened(narrow_svg)),
        alt=alt,
    )


def svg(chart: alt.VConcatChart | alt.LayerChart) -> str:
    """Return the chart as SVG; the same chart gives the same text."""
    drawn = io.StringIO()
    chart.save(drawn, format="svg")
    # Decimals of coordinates beyond the second are a third of the file and cannot be seen.
    return _LONG_DECIMAL.sub(r"\1", drawn.getvalue())


def darkened(drawn: str) -> str:
    """Return SVG in the colours of a dark page; only paint changes, never text.

    Examples
    --------
    >>> darkened('<text fill="#1c2530">#1c2530</text>')
    '<text fill="#e9edf1">#1c2530</text>'
    """
    return _PAINT.sub(lambda found: f'{found[1]}="{DARK.get(found[2], found[2])}"', drawn)


def _address(drawn: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode('utf-8')).decode('ascii')}"
