"""The occupations chart: the model's lean against the world's share of women."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from biasaudit.report.charts.chart_parts import WIDE, Finding, Numbers, layered, looks, styled
from biasaudit.report.charts.group_rates import only_pair
from biasaudit.report.charts.pictures import INK, LINK, MUTED, TUNED_SOFT
from biasaudit.report.words.wording import chart_label, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

LABELLED: Final = 12
"""Points that carry their name at most; more would lie over one another."""


def occupations_finding(disparities: pd.DataFrame, *, probe: str, tuned: str, framing: str = "plain") -> Finding:
    """Say what :func:`occupations_chart` shows."""
    points = _leans(disparities, probe=probe, framing=framing)
    clear = {
        arm: sum(1 for row in points if row["checkpoint"] == arm and (row["low"] > 0 or row["high"] < 0))
        for arm in ("base", tuned)
    }
    attributes = len({row["attribute"] for row in points if row["checkpoint"] in clear})
    title = f"Occupations that lean clearly: {clear['base']} of {attributes} in the base, {clear[tuned]} after tuning"
    return Finding(
        title=title,
        description=(
            f"Scatter chart: the share of women in each occupation against the model's lean in nats. {title}; "
            "clearly means that the interval does not include 0. Open circles are the base, filled diamonds the "
            "tuned checkpoint. The table after the chart holds the same numbers."
        ),
    )


def occupations_chart(
    disparities: pd.DataFrame,
    *,
    probe: str,
    tuned: str,
    framing: str = "plain",
    width: int = WIDE,
) -> alt.LayerChart:
    """Draw the lean of each occupation against the world's share of women.

    Parameters
    ----------
    disparities : DataFrame
        See :data:`biasaudit.record.tables.DISPARITIES`; rows of statistic ``by_attribute`` are used.
    probe, tuned, framing : str
    width : int
        Of the plot, in pixels.

    Returns
    -------
    altair.LayerChart
        Lean in nats, positive towards the first group, which the axis names; intervals as thin lines.
    """
    arms = {"base": "base", tuned: "tuned"}
    points = [
        {**row, "arm": arms[row["checkpoint"]]}
        for row in _leans(disparities, probe=probe, framing=framing)
        if row["checkpoint"] in arms
    ]
    narrow = width < WIDE
    wide = int(width * (1.75 if narrow else 1.3))
    x = alt.X(
        "share:Q",
        title="Share of women in the occupation",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", tickCount=5, grid=False),
    )
    y = alt.Y("value:Q", title=_lean_title(disparities, probe=probe))
    layers = [
        alt.Chart(Numbers(values=[{"y": 0}])).mark_rule(color=MUTED, strokeWidth=1.5).encode(y="y:Q"),
        *_lean_marks(points, "base", x=x, y=y),
        *_lean_marks(points, "tuned", x=x, y=y),
        *_lean_labels(points, x=x, y=y, at_most=LABELLED // 2 if narrow else LABELLED),
    ]
    finding = occupations_finding(disparities, probe=probe, tuned=tuned, framing=framing)
    drawn = layered(layers, width=wide, height=300 if narrow else 340)
    return styled(drawn, finding, narrow=narrow)


def _lean_title(disparities: pd.DataFrame, *, probe: str) -> str:
    features = set(disparities.loc[disparities["probe"] == probe, "feature"])
    pairs = {only_pair(disparities, probe=probe, feature=str(feature)) for feature in features}
    pair = pairs.pop() if len(pairs) == 1 else None
    if pair is None:
        return "Lean of the model in nats"
    up, down = (chart_label(group, limit=20) for group in pair)
    return f"Lean in nats (up: {up}, down: {down})"


def _leans(disparities: pd.DataFrame, *, probe: str, framing: str) -> list[dict[str, Any]]:  # Any: mixed values
    chosen = disparities[
        (disparities["statistic"] == "by_attribute")
        & (disparities["probe"] == probe)
        & (disparities["framing"] == framing)
        & (disparities["status"] == "ok")
    ]
    found = []
    for row in records(chosen):
        share = as_share(row["reference"])
        if share is not None:
            found.append(
                {
                    "checkpoint": str(row["checkpoint"]),
                    "attribute": chart_label(row["group"], limit=24),
                    "share": share,
                    "value": float(row["value"]),
                    "low": float(row["ci_low"]),
                    "high": float(row["ci_high"]),
                }
            )
    return found


def as_share(text: object) -> float | None:
    """Return a share written as text, or None if it is not one.

    Examples
    --------
    >>> as_share("0.868"), as_share("")
    (0.868, None)
    """
    try:
        share = float(str(text))
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _lean_marks(points: Sequence[Mapping[str, Any]], arm: str, *, x: alt.X, y: alt.Y) -> list[alt.Chart]:  # Any: mixed
    own = alt.Chart(Numbers(values=[row for row in points if row["arm"] == arm]))
    # The arms of one occupation share an x: side by side, neither hides the other's interval.
    shift = -2.5 if arm == "base" else 2.5
    return [
        own.mark_rule(strokeWidth=1.2, color=LINK if arm == "base" else TUNED_SOFT, xOffset=shift).encode(
            x=x, y=alt.Y("low:Q"), y2="high:Q"
        ),
        own.mark_point(size=40, strokeWidth=1.5, opacity=1, xOffset=shift).encode(x=x, y=y, **looks(("base", "tuned"))),
    ]


def _lean_labels(
    points: Sequence[Mapping[str, Any]],  # Any: mixed values
    *,
    x: alt.X,
    y: alt.Y,
    at_most: int,
) -> list[alt.Chart]:
    """Name the occupations that lean most, as far as their names do not lie over one another."""
    tuned = sorted((row for row in points if row["arm"] == "tuned"), key=lambda row: -abs(row["value"]))
    heights = [bound for row in points for bound in (row["low"], row["high"])]
    line = 0.04 * (max(heights, default=0.0) - min(heights, default=0.0))
    named: list[Mapping[str, Any]] = []  # Any: mixed values
    for row in tuned:
        reach = (0.025 + 0.0125 * len(row["attribute"])) * (1 if row["share"] < 0.5 else -1)
        start, end = sorted((row["share"], row["share"] + reach))
        taken = [other for other in points if other["attribute"] != row["attribute"]]
        free = not any(
            start - 0.01 < other["share"] < end + 0.01 and abs(other["value"] - row["value"]) < line for other in taken
        ) and all(
            abs(other["value"] - row["value"]) > line or (other["share"] < 0.5) != (row["share"] < 0.5)
            for other in named
        )
        if free and len(named) < at_most:
            named.append(row)
    sides = (
        ("left", 8, [row for row in named if row["share"] < 0.5]),
        ("right", -8, [row for row in named if row["share"] >= 0.5]),
    )
    return [
        alt.Chart(Numbers(values=rows))
        .mark_text(align="left" if side == "left" else "right", dx=dx, color=INK, fontSize=11)
        .encode(x=x, y=y, text="attribute:N")
        for side, dx, rows in sides
        if rows
    ]
