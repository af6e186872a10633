"""The charts, as Altair objects: they show themselves in a notebook, and the report draws them as SVG."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

import altair as alt

from biasaudit.report.charts.chart_parts import (
    NARROW,
    ROW_HEIGHT,
    WIDE,
    Finding,
    Numbers,
    domain,
    index_axis,
    layered,
    looks,
    offset,
    paint,
    panel_title,
    row_axis,
    row_name,
    rows_height,
    styled,
)
from biasaudit.report.charts.occupations import as_share, occupations_chart, occupations_finding
from biasaudit.report.charts.pictures import GRID, INK, LINK, MUTED
from biasaudit.report.sections.first.elsewhere import CHANGED
from biasaudit.report.words.facts import counted
from biasaudit.report.words.order import by_verdict, in_order
from biasaudit.report.words.wording import ARMS, VERDICT_SYMBOLS, chart_label, in_words, present, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

__all__ = [
    "NARROW",
    "WIDE",
    "as_share",
    "occupations_chart",
    "occupations_finding",
    "reduction_chart",
    "reduction_finding",
]

LEAST_END: Final = 0.1
"""The scale of a probe goes at least so far either way: a lean of 0.02 must not fill a panel."""


def reduction_finding(comparisons: pd.DataFrame, *, contrast: str, tuned: str) -> Finding:
    """Say what :func:`reduction_chart` shows.

    Parameters
    ----------
    comparisons : DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`.
    contrast, tuned : str
    """
    cells = _graded(comparisons, contrast=contrast, tuned=tuned)
    declared = [row for row in cells if row["declared"]]
    counts = Counter(str(row["verdict"]) for row in declared)
    title = _title(counts)
    told = f" ({in_words(counts)})" if declared else ""
    first, second = ARMS.get(contrast, ("first arm", "second arm"))
    return Finding(
        title=title,
        description=(
            f"Dumbbell chart, one row per probe and feature: the index of {first} as an open circle and of {second} "
            "as a filled diamond, each with its interval; 0 is parity, and a band shows the margin on either side. "
            f"Each probe has a scale of its own. {title}{told}. The table after the chart holds the same numbers."
        ),
    )


def _title(counts: Counter[str]) -> str:
    """Return what came of comparisons, in one line of a narrow picture.

    Examples
    --------
    >>> _title(Counter({"reduced": 1, "increased": 1, "unchanged": 1})), _title(Counter({"unchanged": 1}))
    ('Change shown in 2 of 3 comparisons', 'No change shown in 1 comparison')
    """
    n_changed = sum(counts[verdict] for verdict in CHANGED)
    of = counted(counts.total(), "comparison", "comparisons")
    if not counts:
        return "Nothing was compared"
    return f"Change shown in {n_changed} of {of}" if n_changed else f"No change shown in {of}"


def reduction_chart(
    comparisons: pd.DataFrame,
    *,
    contrast: str,
    tuned: str,
    names: Mapping[str, str] | None = None,
    width: int = WIDE,
) -> alt.VConcatChart:
    """Draw the graded index of both arms of a contrast, one row per probe and feature.

    Parameters
    ----------
    comparisons : DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`.
    contrast : str
        A value of :class:`biasaudit.types.Contrast`.
    tuned : str
        Tuned checkpoint.
    names : mapping, optional
        Probe -> name to show; one that is empty has no title.
    width : int
        Of the plot without labels, in pixels.

    Returns
    -------
    altair.VConcatChart
        One panel per probe, on a scale of its own, with the margin as a band. Cells that were not measured have a
        row and no mark.
    """
    cells = _graded(comparisons, contrast=contrast, tuned=tuned)
    arms = ARMS.get(contrast, ("first arm", "second arm"))
    narrow = width < WIDE
    probes = list(dict.fromkeys(str(row["probe"]) for row in cells))
    panels = [
        _panel(
            [row for row in cells if str(row["probe"]) == probe],
            title=chart_label((names or {}).get(probe, probe), limit=36 if narrow else 70),
            arms=arms,
            width=width,
            last=number == len(probes) - 1,
        )
        for number, probe in enumerate(probes)
    ]
    finding = reduction_finding(comparisons, contrast=contrast, tuned=tuned)
    # An audit without this contrast still gets a picture that says so.
    drawn: alt.VConcatChart = alt.vconcat(*(panels or [_empty(width)]), spacing=14)
    # One legend for all panels.
    drawn = drawn.resolve_scale(fill="shared", stroke="shared", shape="shared")
    return styled(drawn, finding, narrow=narrow)


def _graded(comparisons: pd.DataFrame, *, contrast: str, tuned: str) -> list[dict[str, Any]]:  # Any: pandas cells
    chosen = comparisons[
        (comparisons["contrast"] == contrast) & (comparisons["tuned"] == tuned) & (comparisons["metric"] == "graded")
    ]
    place = {probe: number for number, probe in enumerate(in_order(map(str, chosen["probe"]), comparisons))}
    return sorted(records(chosen), key=lambda row: (place[str(row["probe"])], by_verdict(row)))


def _domain(cells: Sequence[Mapping[str, Any]]) -> list[float]:  # Any: pandas cells
    bounds = [
        bound
        for row in cells
        for name in ("first_ci_low", "first_ci_high", "second_ci_low", "second_ci_high")
        if (bound := present(row[name])) is not None
    ]
    least = max([LEAST_END, *(float(row["margin"]) for row in cells)])
    return domain([*bounds, -least, least])


def _panel(
    cells: Sequence[Mapping[str, Any]],  # Any: pandas cells
    *,
    title: str,
    arms: tuple[str, str],
    width: int,
    last: bool,
) -> alt.LayerChart:
    narrow = width < WIDE
    rows = [row_name(number, _feature(row), narrow=narrow) for number, row in enumerate(cells)]
    y = row_axis(rows, narrow=narrow)
    scale = alt.Scale(domain=_domain(cells), nice=False)
    x = alt.X("value:Q", scale=scale, axis=index_axis(narrow=narrow, last=last, own_scale=True))
    points = [point for row, name in zip(cells, rows, strict=True) for point in _points(row, name, arms)]
    # Of one arm after the other: what looks alike is then drawn in one.
    points.sort(key=lambda point: arms.index(str(point["arm"])))
    links = [
        {"row": name, "first": first, "second": second}
        for row, name in zip(cells, rows, strict=True)
        if (first := present(row["first_value"])) is not None and (second := present(row["second_value"])) is not None
    ]
    verdicts = [{"row": name, "verdict": _verdict(row)} for row, name in zip(cells, rows, strict=True)]
    drawn = alt.Chart(Numbers(values=points))
    layers = [
        _margin(cells, scale),
        alt.Chart(Numbers(values=[{"value": 0}])).mark_rule(color=MUTED, strokeWidth=1.5).encode(x=x),
        alt.Chart(Numbers(values=links))
        .mark_rule(color=LINK, strokeWidth=5, strokeCap="round")
        .encode(x=alt.X("first:Q", scale=scale), x2="second:Q", y=y),
        drawn.mark_rule(strokeWidth=1.5).encode(
            x=alt.X("low:Q", scale=scale),
            x2="high:Q",
            y=y,
            yOffset=offset(arms),
            stroke=paint("stroke", arms),
        ),
        drawn.mark_point(size=72, strokeWidth=1.8, opacity=1).encode(x=x, y=y, yOffset=offset(arms), **looks(arms)),
        alt.Chart(Numbers(values=verdicts))
        .mark_text(align="left", color=INK, fontSize=11.5)
        .encode(x=alt.value(width + 12), y=y, text="verdict:N"),
    ]
    return layered(
        layers,
        width=width,
        height=rows_height(rows, least=ROW_HEIGHT),
        **({"title": panel_title(title)} if title else {}),
    )


def _margin(cells: Sequence[Mapping[str, Any]], scale: alt.Scale) -> alt.Chart:  # Any: pandas cells
    """Shade what is within the margin of parity: a yardstick that all panels share."""
    margins = {float(row["margin"]) for row in cells}
    bands = [{"low": -margin, "high": margin} for margin in margins] if len(margins) == 1 else []
    band = alt.Chart(Numbers(values=bands)).mark_rect(color=GRID, opacity=0.75)
    return cast("alt.Chart", band.encode(x=alt.X("low:Q", scale=scale), x2="high:Q"))


def _feature(row: Mapping[str, Any]) -> str:  # Any: pandas cells
    return str(row["feature"]) if row["declared"] else f"{row['feature']} (pooled)"


def _verdict(row: Mapping[str, Any]) -> str:  # Any: pandas cells
    verdict = str(row["verdict"])
    return (
        f"{VERDICT_SYMBOLS.get(verdict, '')} {chart_label(verdict.removesuffix(' the stereotype'), limit=20)}".strip()
    )


def _points(row: Mapping[str, Any], name: str, arms: tuple[str, str]) -> list[dict[str, object]]:  # Any: pandas cells
    found: list[dict[str, object]] = []
    for which, arm in zip(("first", "second"), arms, strict=True):
        value, low, high = (present(row[f"{which}_{part}"]) for part in ("value", "ci_low", "ci_high"))
        if value is not None and low is not None and high is not None:
            found.append({"row": name, "arm": arm, "value": value, "low": low, "high": high})
    return found


def _empty(width: int) -> alt.LayerChart:
    note = alt.Chart(Numbers(values=[{"note": "Nothing was compared."}])).mark_text(color=MUTED)
    return layered([note.encode(text="note:N")], width=width, height=40)
