"""Charts of rows: marks with intervals, a row for each group or cell, panels side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import altair as alt

from biasaudit.report.charts.chart_parts import (
    WIDE,
    Finding,
    Numbers,
    layered,
    panel_title,
    row_axis,
    row_name,
    rows_height,
    styled,
)
from biasaudit.report.charts.pictures import BASE, INK, LINK, MUTED, SURFACE, TUNED, WARM
from biasaudit.report.words.wording import chart_label, present

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHAPES: Final = ("diamond", "triangle-up", "square", "triangle-down", "cross")
"""Of the checkpoints after the base, or of their framings, in order; all filled."""

_GAP: Final = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """How one arm looks: its name in the legend, its shape, and whether it is filled, as all but the base are."""

    name: str
    shape: str
    filled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; a header stands above the rows that belong to it and has no marks of its own."""

    label: str
    is_header: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value with its interval, in a row by its number."""

    row: int
    arm: str
    value: float
    low: float
    high: float


def marks_of(rows: Sequence[Mapping[str, Any]], arms: Mapping[str, str]) -> tuple[Mark, ...]:  # Any: pandas cells
    """Return a mark for each number of rows that has an interval.

    Parameters
    ----------
    rows : sequence of mapping
        Each has, for a name, ``NAME``, ``NAME_ci_low`` and ``NAME_ci_high``.
    arms : mapping
        Name -> the arm that it is.
    """
    return tuple(
        Mark(row=at, arm=arm, value=value, low=low, high=high)
        for at, row in enumerate(rows)
        for name, arm in arms.items()
        if (value := present(row[name])) is not None
        and (low := present(row[f"{name}_ci_low"])) is not None
        and (high := present(row[f"{name}_ci_high"])) is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What stands in a row in place of its marks."""

    row: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One quantity.

    Attributes
    ----------
    title : str
        Of its axis.
    marks : tuple of Mark
    ends : tuple of float
        Of the scale; what lies beyond is drawn at the end.
    guides : tuple of float
        Full lines across all rows, such as parity.
    limit : float or None
        A dashed line, such as four fifths.
    words : tuple of Words
        The same in all rows, they stand once above the panel; beside marks, to the right of them.
    """

    title: str
    marks: tuple[Mark, ...]
    ends: tuple[float, float]
    guides: tuple[float, ...] = ()
    limit: float | None = None
    words: tuple[Words, ...] = ()


def base_arm(name: str) -> Arm:
    """Return the look of the base: an open circle."""
    return Arm(name=name, shape="circle", filled=False)


def tuned_arms(names: Sequence[str]) -> tuple[Arm, ...]:
    """Return the looks of what comes after the base: filled, each of a shape of its own."""
    return tuple(Arm(name=name, shape=_SHAPES[number % len(_SHAPES)], filled=True) for number, name in enumerate(names))


def rows_chart(
    rows: Sequence[Row],
    panels: Sequence[Panel],
    arms: Sequence[Arm],
    finding: Finding,
    *,
    width: int = WIDE,
    joined: bool = False,
) -> alt.VConcatChart:
    """Draw panels over the same rows.

    Parameters
    ----------
    rows : sequence of Row
    panels : sequence of Panel
        Side by side; on narrow pages over one another.
    arms : sequence of Arm
        From the top of a row to its foot.
    finding : Finding
    width : int
        Of the plot without labels, in pixels.
    joined : bool
        Whether a line joins the marks of a row, from arm to arm.
    """
    narrow = width < WIDE
    each = width if narrow or len(panels) == 1 else (width + 90 - _GAP * (len(panels) - 1)) // len(panels)
    drawn = [
        _panel(rows, panel, arms, width=each, narrow=narrow, labelled=narrow or number == 0, joined=joined)
        for number, panel in enumerate(panels)
    ]
    placed = drawn if narrow else [cast("alt.LayerChart", alt.hconcat(*drawn, spacing=_GAP))]
    chart: alt.VConcatChart = alt.vconcat(*placed, spacing=20)
    chart = chart.resolve_scale(fill="shared", stroke="shared", shape="shared")
    return styled(chart, finding, narrow=narrow, letters=72 if len(panels) == 1 else 84)


def _panel(
    rows: Sequence[Row],
    panel: Panel,
    arms: Sequence[Arm],
    *,
    width: int,
    narrow: bool,
    labelled: bool,
    joined: bool,
) -> alt.LayerChart:
    names = _names(rows, narrow=narrow)
    labels = row_axis(names, narrow=narrow)
    y = labels if labelled else alt.Y("row:N", title=None, scale=alt.Scale(domain=list(names)), axis=None)
    scale = alt.Scale(domain=list(panel.ends), nice=False, clamp=True)
    x = alt.X("value:Q", scale=scale, axis=alt.Axis(title=panel.title, tickCount=4 if narrow else 5))
    order = [arm.name for arm in arms]
    offset = alt.YOffset("arm:N", scale=alt.Scale(domain=order, paddingOuter=0.45))
    # Of one arm after another: lines that look alike are then drawn as one.
    marks = sorted(panel.marks, key=lambda mark: (order.index(mark.arm), mark.row))
    points = [
        {"row": names[mark.row], "arm": mark.arm, "value": mark.value, "low": mark.low, "high": mark.high}
        for mark in marks
    ]
    drawn = alt.Chart(Numbers(values=points))
    said = _said_of_all(rows, panel)
    layers = [
        *(_rule(at, x, dashed=False) for at in panel.guides),
        *([] if panel.limit is None else [_rule(panel.limit, x, dashed=True)]),
        *([_path(points, order, x=alt.X("value:Q", scale=scale), y=y, yOffset=offset)] if joined else []),
        drawn.mark_rule(strokeWidth=1.5).encode(
            x=alt.X("low:Q", scale=scale), x2="high:Q", y=y, yOffset=offset, stroke=_stroke(arms)
        ),
        drawn.mark_point(size=56, strokeWidth=1.6, opacity=1).encode(x=x, y=y, yOffset=offset, **_looks(arms)),
        *(_headers(rows, names, y, width=width) if labelled else []),
        *([] if said else _words(panel, names, y, width=width)),
    ]
    height = rows_height(names, least=_row_height(len(arms), joined=joined))
    above = {"title": panel_title(said)} if said else {}
    return layered(layers, width=width, height=height, **above)


def _row_height(n_arms: int, *, joined: bool) -> int:
    return max(20, (8 if joined else 6) * n_arms + 4)


def _names(rows: Sequence[Row], *, narrow: bool) -> tuple[str, ...]:
    # A header is written in the plot.
    return tuple(row_name(number, "" if row.is_header else row.label, narrow=narrow) for number, row in enumerate(rows))


def _rule(at: float, x: alt.X, *, dashed: bool) -> alt.Chart:
    line = alt.Chart(Numbers(values=[{"value": at}]))
    marked = (
        line.mark_rule(color=WARM, strokeWidth=1.5, strokeDash=[4, 3])
        if dashed
        else line.mark_rule(color=MUTED, strokeWidth=1.5)
    )
    return cast("alt.Chart", marked.encode(x=x))


def _path(points: Sequence[dict[str, Any]], order: Sequence[str], **channels: Any) -> alt.Chart:  # Any: as Altair's
    steps = [{**point, "step": order.index(point["arm"])} for point in points]
    line = alt.Chart(Numbers(values=steps)).mark_line(color=LINK, strokeWidth=2)
    return cast("alt.Chart", line.encode(detail="row:N", order="step:Q", **channels))


def _headers(rows: Sequence[Row], names: Sequence[str], y: alt.Y, *, width: int) -> list[alt.Chart]:
    headers = [
        {"row": name, "text": chart_label(row.label, limit=width // 7)}
        for row, name in zip(rows, names, strict=True)
        if row.is_header
    ]
    return [_text(headers, y, x=4, fontSize=12, fontWeight=600, color=MUTED)] if headers else []


def _words(panel: Panel, names: Sequence[str], y: alt.Y, *, width: int) -> list[alt.Chart]:
    """Write what stands for marks: in the plot where a row has none, else beside it, where no line goes through."""
    drawn = {mark.row for mark in panel.marks}
    found = []
    for x, beside in ((4, False), (width + 10, True)):
        words = [
            {"row": names[said.row], "text": chart_label(said.text, limit=width // 6)}
            for said in panel.words
            if (said.row in drawn) is beside
        ]
        if words:
            found.append(_text(words, y, x=x, fontSize=10.5, fontStyle="italic", color=INK))
    return found


def _said_of_all(rows: Sequence[Row], panel: Panel) -> str:
    """Return what is said above a panel in place of the same words in each of its rows; else nothing."""
    texts = {said.text for said in panel.words}
    n_rows = sum(not row.is_header for row in rows)
    if n_rows == 1 or len(panel.words) != n_rows or len(texts) != 1:
        return ""
    return f"In every row: {chart_label(*texts)}"


def _text(rows: Sequence[dict[str, str]], y: alt.Y, *, x: int, **looks: Any) -> alt.Chart:  # Any: as Altair's
    marked = alt.Chart(Numbers(values=list(rows))).mark_text(align="left", baseline="middle", **looks)
    return cast("alt.Chart", marked.encode(x=alt.value(x), y=y, text="text:N"))


def _stroke(arms: Sequence[Arm]) -> alt.Stroke:
    colours = [TUNED if arm.filled else BASE for arm in arms]
    return alt.Stroke("arm:N", title=None, scale=alt.Scale(domain=[arm.name for arm in arms], range=colours))


def _looks(arms: Sequence[Arm]) -> dict[str, Any]:  # Any: encodings by channel
    order = [arm.name for arm in arms]
    fills = [TUNED if arm.filled else SURFACE for arm in arms]
    return {
        "shape": alt.Shape("arm:N", title=None, scale=alt.Scale(domain=order, range=[arm.shape for arm in arms])),
        "fill": alt.Fill("arm:N", title=None, scale=alt.Scale(domain=order, range=fills)),
        "stroke": _stroke(arms),
    }
