"""Curves over the layers: what a lens makes of each, and what a linear probe tells there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from biasaudit.report.charts.chart_parts import WIDE, Finding, Numbers, domain, layered, panel_title, styled
from biasaudit.report.charts.pictures import BASE, LINK, SURFACE, TUNED
from biasaudit.report.words.wording import present

_HEIGHT: Final = 170
_ARMS: Final = ("base", "tuned")
_SIDE: Final = 0.12
"""Marks of the two stand by so much of a layer to either side of it."""

Row = Mapping[str, Any]  # Any: cells


def layer_chart(rows: Sequence[Row], finding: Finding, *, width: int) -> alt.VConcatChart:
    """Draw both curves of both checkpoints, from the embeddings to the last block.

    Parameters
    ----------
    rows : sequence of mapping
        Of the table of layers, of one feature; the checkpoint that is not ``base`` is the tuned one.
    finding : Finding
    width : int
        Of the plot without labels, in pixels.
    """
    narrow = width < WIDE
    points = [point for row in rows for point in _points(row)]
    panels = [_lens(points, width, narrow=narrow), _probe(points, width, narrow=narrow)]
    chart: alt.VConcatChart = alt.vconcat(*panels, spacing=18)
    chart = chart.resolve_scale(fill="shared", stroke="shared", shape="shared")
    return styled(chart, finding, narrow=narrow)


def _points(row: Row) -> list[dict[str, Any]]:  # Any: cells
    """Return one point a curve; what was not measured is none."""
    arm = _ARMS[row["checkpoint"] != "base"]
    place = row["number"] + (_SIDE if arm == "tuned" else -_SIDE)
    found = []
    for curve in ("lens_d", "decodable", "control"):
        value = present(row[curve])
        low, high = (present(row.get(f"{curve}_ci_{end}")) for end in ("low", "high"))
        if value is not None:
            ends = {"low": value if low is None else low, "high": value if high is None else high}
            found.append({"curve": curve, "layer": place, "arm": arm, "value": value, **ends})
    return found


def _lens(points: Sequence[dict[str, Any]], width: int, *, narrow: bool) -> alt.LayerChart:  # Any: as above
    drawn = [point for point in points if point["curve"] == "lens_d"]
    ends = domain([point[end] for point in drawn for end in ("low", "high")] or [0.0])
    said = (
        "Lens: d by the base's head, nats" if narrow else "Lens: d at each layer by the base's norm and head, in nats"
    )
    layers = _curve(drawn, points, alt.Scale(domain=ends, nice=False), last=False, narrow=narrow)
    return layered([_rule(0.0, ends), *layers], width=width, height=_HEIGHT, title=panel_title(said))


def _probe(points: Sequence[dict[str, Any]], width: int, *, narrow: bool) -> alt.LayerChart:  # Any: as above
    shares = [0.0, 1.0]
    scale = alt.Scale(domain=shares, nice=False, clamp=True)
    drawn = [point for point in points if point["curve"] == "decodable"]
    control = [point for point in points if point["curve"] == "control"]
    said = (
        "Linear probe: contexts told" if narrow else "Linear probe: contexts told (dashed: random labels of the words)"
    )
    layers = [
        _rule(0.5, shares),
        alt.Chart(Numbers(values=control))
        .mark_line(strokeDash=[4, 3], strokeWidth=1.3)
        .encode(x=_x(points, last=True), y=alt.Y("value:Q", scale=scale), stroke=_stroke()),
        *_curve(drawn, points, scale, last=True, narrow=narrow),
    ]
    return layered(layers, width=width, height=_HEIGHT, title=panel_title(said))


def _curve(
    drawn: Sequence[dict[str, Any]],  # Any: as above
    points: Sequence[dict[str, Any]],  # Any: as above
    scale: alt.Scale,
    *,
    last: bool,
    narrow: bool,
) -> list[alt.Chart]:
    data = alt.Chart(Numbers(values=list(drawn)))
    x, y = _x(points, last=last), alt.Y("value:Q", scale=scale, axis=alt.Axis(title=None, tickCount=5))
    size = 18 if narrow else 34
    return [
        data.mark_line(strokeWidth=1.6).encode(x=x, y=y, stroke=_stroke()),
        data.mark_rule(strokeWidth=1.1, opacity=0.7).encode(
            x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q", stroke=_stroke()
        ),
        data.mark_point(size=size, strokeWidth=1.4, opacity=1).encode(x=x, y=y, stroke=_stroke(), **_looks()),
    ]


def _rule(at: float, ends: Sequence[float]) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(Numbers(values=[{"value": at}]))
        .mark_rule(color=LINK, strokeWidth=1.5)
        .encode(y=alt.Y("value:Q", scale=alt.Scale(domain=list(ends), nice=False)))
    )
    return chart


def _x(points: Sequence[dict[str, Any]], *, last: bool) -> alt.X:  # Any: as above
    most = max((point["layer"] for point in points), default=1.0)
    axis = alt.Axis(title="Layer: 0 the embeddings, then after each block" if last else None, tickMinStep=1)
    return alt.X("layer:Q", scale=alt.Scale(domain=[-0.5, round(most) + 0.5], nice=False), axis=axis)


def _stroke() -> alt.Stroke:
    return alt.Stroke("arm:N", title=None, scale=alt.Scale(domain=list(_ARMS), range=[BASE, TUNED]))


def _looks() -> dict[str, Any]:  # Any: encodings by channel
    return {
        "shape": alt.Shape("arm:N", title=None, scale=alt.Scale(domain=list(_ARMS), range=["circle", "diamond"])),
        "fill": alt.Fill("arm:N", title=None, scale=alt.Scale(domain=list(_ARMS), range=[SURFACE, TUNED])),
    }
