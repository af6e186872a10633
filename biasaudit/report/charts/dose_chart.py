"""The dose curve: what is left of a lean, and what it cost, over the disparity that a training allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Final, cast

import altair as alt

from biasaudit.report.charts.chart_parts import Finding, Numbers, layered, panel_title, styled
from biasaudit.report.charts.pictures import LINK, SURFACE, TUNED, WARM
from biasaudit.report.words.facts import counted

_HEIGHT: Final = 150
_COST_HEIGHT: Final = 90
_ALLOWED: Final = "Largest disparity that the training allowed (epsilon), in index points"
_LEAST: Final = {"perplexity": 3.0, "licensed": 5.0}
"""Cost scales go at least so far: what is accepted of either, in percent and points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One training, measured by an audit of what it did not see.

    Attributes
    ----------
    epsilon : float
        Largest disparity that was allowed, in index points; in [0, 1].
    seed : int
    index, ci_low, ci_high : float
        Held-out index of the tuned model, and its interval.
    base : float
        That of its base.
    perplexity_change : float
        Of neutral text: perplexity of the tuned model over that of the base, less 1; positive is worse.
    licensed_drop : float or None
        Loss of licensed associations, in share; positive is worse. None where it was not measured.
    processor_seconds : float or None
        Of the whole training, loading included; None where it was not measured.
    """

    epsilon: float
    seed: int
    index: float
    ci_low: float
    ci_high: float
    base: float
    perplexity_change: float
    licensed_drop: float | None = None
    processor_seconds: float | None = None


def dose_chart(doses: Iterable[Dose], *, title: str, width: int = 470) -> alt.VConcatChart:
    """Draw the lean that is left over the disparity that was allowed, and the cost below it.

    Parameters
    ----------
    doses : iterable of Dose
        Not empty; several seeds of one epsilon are a mark each, and the line goes through their mean.
    title : str
    width : int
        Of the plot without labels, in pixels.

    Returns
    -------
    altair.VConcatChart
        Its background is white, so that it can be read on a page of any colour.

    Raises
    ------
    ValueError
        If there is no dose.
    """
    rows = sorted(doses, key=lambda one: (one.epsilon, one.seed))
    if not rows:
        msg = "a dose curve needs at least one dose"
        raise ValueError(msg)
    costs = {"perplexity": "Neutral text: perplexity, % more"}
    if any(one.licensed_drop is not None for one in rows):
        costs["licensed"] = "Licensed associations lost, points of 100"
    *_, last = costs
    panels = [
        _lean(rows, width),
        *(_cost(rows, name, said, width, axis=_ALLOWED if name == last else None) for name, said in costs.items()),
    ]
    drawn: alt.VConcatChart = alt.vconcat(*panels, spacing=18)
    n_seeds = len({one.seed for one in rows})
    finding = Finding(
        title=title,
        description=(
            f"{title}. Over the largest disparity that a training allowed, {counted(n_seeds, 'seed', 'seeds')}: above, "
            "the index that an audit of held-out items finds, with its interval, beside the line on which it is what "
            "was allowed; below, what it cost. The table beside the picture has the numbers."
        ),
    )
    found = styled(drawn, finding, narrow=False)
    found.background = SURFACE
    return found


def _lean(rows: Sequence[Dose], width: int) -> alt.LayerChart:
    values = [asdict(one) for one in rows]
    lowest = min(0.0, *(one.ci_low for one in rows))
    x, y = _x(rows), alt.Scale(domain=[round(lowest - 0.03, 2), 1.0], nice=False)
    base = fmean(one.base for one in rows)
    axis = alt.Axis(title="Index", tickCount=5)
    most = _most(rows)
    allowed = [{"epsilon": 0.0, "index": 0.0}, {"epsilon": most, "index": most}]
    drawn = alt.Chart(Numbers(values=values))
    layers = [
        alt.Chart(Numbers(values=allowed))
        .mark_line(color=LINK, strokeDash=[4, 4])
        .encode(x=x, y=alt.Y("index:Q", scale=y, axis=axis)),
        alt.Chart(Numbers(values=[{"index": base}]))
        .mark_rule(color=LINK, strokeWidth=1.5)
        .encode(y=alt.Y("index:Q", scale=y)),
        _mean_line(rows, "index", TUNED, y),
        drawn.mark_rule(color=TUNED, strokeWidth=1.2, opacity=0.7).encode(
            x=x, y=alt.Y("ci_low:Q", scale=y), y2="ci_high:Q"
        ),
        drawn.mark_point(color=TUNED, fill=TUNED, size=42).encode(x=x, y=alt.Y("index:Q", scale=y)),
    ]
    said = "Lean left on held-out items (dashed: allowed; grey: base)"
    return layered(layers, width=width, height=_HEIGHT, title=panel_title(said))


def _cost(rows: Sequence[Dose], which: str, title: str, width: int, *, axis: str | None) -> alt.LayerChart:
    values = [
        {"epsilon": one.epsilon, "cost": 100 * cost}
        for one in rows
        if (cost := one.licensed_drop if which == "licensed" else one.perplexity_change) is not None
    ]
    costs = [value["cost"] for value in values]
    y = alt.Scale(domain=[min(0.0, *costs) - 0.5, max(_LEAST[which], *costs) + 0.5], nice=False)
    means = [
        {"epsilon": epsilon, "cost": fmean(one["cost"] for one in values if one["epsilon"] == epsilon)}
        for epsilon in sorted({one["epsilon"] for one in values})
    ]
    x, place = _x(rows, axis), alt.Y("cost:Q", scale=y, axis=alt.Axis(title=None, tickCount=4))
    layers = [
        alt.Chart(Numbers(values=[{"cost": 0.0}])).mark_rule(color=LINK).encode(y=place),
        alt.Chart(Numbers(values=means)).mark_line(color=WARM, strokeWidth=1.8).encode(x=x, y=place),
        alt.Chart(Numbers(values=values)).mark_point(color=WARM, fill=WARM, size=34).encode(x=x, y=place),
    ]
    return layered(layers, width=width, height=_COST_HEIGHT, title=panel_title(title))


def _mean_line(rows: Sequence[Dose], name: str, colour: str, scale: alt.Scale) -> alt.Chart:
    means = [
        {"epsilon": epsilon, name: fmean(getattr(one, name) for one in rows if one.epsilon == epsilon)}
        for epsilon in sorted({one.epsilon for one in rows})
    ]
    line = alt.Chart(Numbers(values=means)).mark_line(color=colour, strokeWidth=2)
    return cast("alt.Chart", line.encode(x=_x(rows), y=alt.Y(f"{name}:Q", scale=scale)))


def _x(rows: Sequence[Dose], title: str | None = None) -> alt.X:
    scale = alt.Scale(domain=[0.0, _most(rows)], nice=False)
    return alt.X("epsilon:Q", scale=scale, axis=alt.Axis(title=title, tickCount=7))


def _most(rows: Sequence[Dose]) -> float:
    """Return where the axis of epsilon ends."""
    return min(round(1.08 * max(one.epsilon for one in rows), 3), 1.0)
