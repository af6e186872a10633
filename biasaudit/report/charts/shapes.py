"""An SVG as a tree of a few kinds of element, as small as it goes without changing what is seen."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUN: Final = 3
"""Neighbours from which a group of them is shorter."""

_TAGS: Final = frozenset({"svg", "g", "path", "line", "rect", "text", "tspan"})

_INHERITED: Final = (
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-linecap",
    "font-size",
    "font-weight",
    "text-anchor",
)
"""Attributes that an element takes from the one around it, where it has none."""

_KEPT: Final = frozenset(
    {
        *_INHERITED,
        "d", "dy", "height", "opacity", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
    }
)  # fmt: skip
"""No name that could run something or address something is among them."""

_NUMBERS: Final = frozenset({"d", "dy", "transform", "x", "x1", "x2", "y", "y1", "y2"})
_DECIMALS: Final = re.compile(r"-?\d+\.\d+")
_MOVED: Final = re.compile(r"translate\((-?[\d.]+),(-?[\d.]+)\)")
_CIRCLE: Final = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0")


@dataclass(frozen=True, slots=True)
class Shape:
    """One element of a drawing.

    Attributes
    ----------
    tag : str
    attributes : tuple of (str, str)
    text : str
    children : tuple of Shape
    """

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    children: tuple[Shape, ...] = ()

    @property
    def by_name(self) -> dict[str, str]:
        """The attributes as a mapping."""
        return dict(self.attributes)


def shapes(drawn: str, *, paints: Mapping[str, str]) -> Shape:
    """Read an SVG that Vega drew.

    Parameters
    ----------
    drawn : str
    paints : mapping
        Colour -> what it is painted with instead.

    Returns
    -------
    Shape
        The ``svg`` element, with nothing in it that Vega keeps for itself: names of marks, empty groups,
        a font for every text. Coordinates have one decimal.

    Raises
    ------
    ValueError
        If there is an element of another kind.

    Examples
    --------
    >>> found = shapes('<svg width="9"><g class="mark"><rect x="1" onload="x"/></g></svg>', paints={})
    >>> found.attributes, found.children[0].attributes
    ((('width', '9'),), (('x', '1'),))
    """
    root = ET.fromstring(drawn)  # noqa: S314  # our own drawing, not a file from elsewhere
    return _with_shared(_read(root, paints))


def _read(element: ET.Element, paints: Mapping[str, str]) -> Shape:
    tag = element.tag.rpartition("}")[2]
    if tag not in _TAGS:
        msg = f"a chart drew <{tag}>, which pages do not hold; expected one of {', '.join(sorted(_TAGS))}"
        raise ValueError(msg)
    children: list[Shape] = []
    for child in element:
        found = _read(child, paints)
        if found.tag == "g" and not found.attributes:
            children += found.children
        elif not _is_empty(found, child):
            children.append(found)
    attributes = {
        name: _value(name, value, paints)
        for name, value in element.attrib.items()
        if name in _KEPT and (name, value) != ("opacity", "1")
    }
    if attributes.get("transform") == "translate(0,0)":
        del attributes["transform"]
    return _shorter(tag, attributes, element.text or "", tuple(children))


def _is_empty(shape: Shape, element: ET.Element) -> bool:
    """Whether an element shows nothing: Vega draws a background and a foreground for every group."""
    if shape.tag == "g":
        return not shape.children
    of_group = element.get("class") in {"background", "foreground"}
    return element.get("display") == "none" or (of_group and not {"fill", "stroke"} & set(element.attrib))


def _value(name: str, value: str, paints: Mapping[str, str]) -> str:
    if name in {"fill", "stroke"}:
        return paints.get(value, value)
    if name in _NUMBERS:
        return _DECIMALS.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)
    return value.removesuffix("px") if name == "font-size" else value


def _shorter(tag: str, attributes: dict[str, str], text: str, children: tuple[Shape, ...]) -> Shape:
    """Say the same in fewer letters: a place for a move, a circle for two arcs, a path for a line."""
    moved = _MOVED.fullmatch(attributes.get("transform", "translate(0,0)"))
    # Lines of a text have places of their own, which count from the move.
    if moved and tag == "text" and not children:
        attributes = {"x": moved[1], "y": moved[2], **_without(attributes, "transform")}
    elif moved and tag == "line":
        along, down = attributes.get("x2", "0"), attributes.get("y2", "0")
        tag, line = "path", f"M{moved[1]},{moved[2]}l{along},{down}"
        attributes = {"d": line, **_without(attributes, "transform", "x2", "y2")}
    elif moved and tag == "path" and (circle := _CIRCLE.fullmatch(attributes.get("d", ""))):
        tag = "circle"
        attributes = {"cx": moved[1], "cy": moved[2], "r": circle[1], **_without(attributes, "transform", "d")}
    return Shape(tag, tuple(attributes.items()), text, children)


def _without(attributes: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if name not in names}


def _with_shared(shape: Shape) -> Shape:
    """Give a group what all its children have in common, and draw lines that look alike as one."""
    children = _joined([_with_shared(child) for child in shape.children])
    if shape.tag not in {"g", "svg"} or not children:
        return replace(shape, children=tuple(children))
    shared = {
        name: value
        for name, value in children[0].attributes
        if name in _INHERITED and all(child.by_name.get(name) == value for child in children)
    }
    attributes = {**shape.by_name, **shared}
    kept = [replace(child, attributes=tuple(_without(child.by_name, *shared).items())) for child in children]
    kept = _in_runs(kept)
    # A group that now looks like nothing of its own is no longer needed.
    spliced = [
        part for child in kept for part in (child.children if child.tag == "g" and not child.attributes else [child])
    ]
    return replace(shape, attributes=tuple(attributes.items()), children=tuple(spliced))


def _in_runs(children: Sequence[Shape]) -> list[Shape]:
    """Put neighbours that look alike into a group that says how, once."""
    found: list[Shape] = []
    for looks, run in groupby(
        children, key=lambda child: tuple((n, v) for n, v in child.attributes if n in _INHERITED)
    ):
        alike = list(run)
        if looks and len(alike) >= _RUN:
            inner = [replace(child, attributes=tuple(_without(child.by_name, *dict(looks)).items())) for child in alike]
            alike = [Shape("g", looks, "", tuple(inner))]
        found += alike
    return found


def _joined(children: Sequence[Shape]) -> list[Shape]:
    joined: list[Shape] = []
    for child in children:
        looks = _without(child.by_name, "d")
        before = joined[-1] if joined else None
        if before is not None and _is_line(child) and _is_line(before) and _without(before.by_name, "d") == looks:
            line = before.by_name["d"] + child.by_name["d"]
            joined[-1] = replace(before, attributes=(("d", line), *looks.items()))
        else:
            joined.append(child)
    return joined


def _is_line(shape: Shape) -> bool:
    return shape.tag == "path" and shape.by_name.get("d", "").startswith("M") and "l" in shape.by_name["d"]
