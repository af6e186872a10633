"""The chart by wording: the index of every wording family, base beside tuned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from biasaudit.report.charts.chart_parts import (
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
    styled,
)
from biasaudit.report.charts.pictures import MUTED
from biasaudit.report.words.same_wordings import with_same_as_one
from biasaudit.report.words.wording import chart_label, present, records
from biasaudit.stats import MIN_CLUSTERS
from biasaudit.types import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

ARMS: Final = ("base", "tuned")
ROWS_AT_MOST: Final = 20
"""Wordings of one feature that have a row each; of more, they share a row."""

ROWS_IN_PANELS: Final = 12
"""The same over several features, each of which has a panel with an axis of its own."""

MARKS_AT_MOST: Final = 150
"""Marks in shared rows; of more, only the least, the middle and the greatest wording are drawn."""

LEAST_END: Final = 0.1
"""The scale goes at least so far either way: a lean of 0.02 must not fill a chart."""

# A radius of 4 pixels, whole: each decimal of it is written nine times a mark.
_MARK_SIZE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One wording in one arm."""

    feature: str
    family: str
    arm: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """What one panel draws: rows by name, points and lines in them."""

    title: str
    rows: tuple[str, ...]
    points: tuple[dict[str, Any], ...]  # Any: text and numbers
    lines: tuple[dict[str, Any], ...]  # Any: text and numbers


def wordings_by_feature(families: pd.DataFrame, *, probe: str) -> dict[str, tuple[str, ...]]:
    """Return the wordings of every feature of a probe that has two or more.

    Wordings that give the same values throughout are one. The row that pools a probe's features is left
    out: it repeats their evidence, and where each feature is one family, its families are no wordings.
    """
    one_each = with_same_as_one(families, probe=probe)
    rows = one_each[(one_each["probe"] == probe) & (one_each["metric"] == "index")]
    features = sorted({str(feature) for feature in rows["feature"]})
    if len(features) > 1:
        features = [feature for feature in features if feature != "all"]
    found = {
        feature: tuple(sorted({str(family) for family in rows.loc[rows["feature"] == feature, "family"]}))
        for feature in features
    }
    return {feature: names for feature, names in found.items() if len(names) > 1}


def families_finding(families: pd.DataFrame, *, probe: str, tuned: str, framing: str) -> Finding:
    """Say what :func:`families_chart` shows.

    Parameters
    ----------
    families : DataFrame
        See :data:`biasaudit.record.tables.FAMILIES`.
    probe, tuned, framing : str
    """
    marks = measured_wordings(families, probe=probe, tuned=tuned, framing=framing)
    by_feature = wordings_by_feature(families, probe=probe)
    arms = [[mark for mark in marks if mark.arm == arm] for arm in ARMS]
    # Over several features a wording has a value in each.
    noun = "values" if len(by_feature) > 1 else "wordings"
    if not marks:
        title = said = _nothing_measured(families, probe=probe, framing=framing)
    else:
        title = _in_one_line(arms, noun=noun)
        whens = zip(arms, ("in the base", "after tuning"), strict=True)
        with_it = " and ".join(_said(own, when, noun=noun) for own, when in whens)
        said = f"The lean is clearly with the stereotype {with_it}"
        against = [sum(mark.high < 0 for mark in own) for own in arms]
        if any(against):
            said += f"; clearly against it in {against[0]} and {against[1]}"
        if len(by_feature) > 1:
            said += f" ({_sizes(by_feature)})"
    kind = (
        "one row per wording" if _has_rows_of_its_own(by_feature) else "one row per feature, its wordings side by side"
    )
    return Finding(
        title=title,
        description=(
            f"Dot chart of the index, {kind}: the base as open circles, the tuned checkpoint as filled diamonds; 0 is "
            f"parity. {said}; clearly means that the interval does not include 0. The table after the chart holds the "
            "same numbers."
        ),
    )


def _in_one_line(arms: Sequence[Sequence[Mark]], *, noun: str) -> str:
    """Count leans in the base and then after tuning; an arm without numbers has a dash."""
    n_with = _then([str(sum(mark.low > 0 for mark in own)) if own else "–" for own in arms])
    n_against = _then([str(sum(mark.high < 0 for mark in own)) if own else "–" for own in arms])
    sizes = [str(len(own)) for own in arms]
    of = sizes[0] if len(set(sizes)) == 1 else _then(sizes)
    return f"Clearly with the stereotype {n_with}, against it {n_against}, of {of} {noun}"


def _then(said: Sequence[str]) -> str:
    return " → ".join(said)


def _said(marks: Sequence[Mark], when: str, *, noun: str) -> str:
    if not marks:
        return f"in no measured wording {when}"
    return f"in {sum(mark.low > 0 for mark in marks)} of {len(marks)} {noun} {when}"


def _sizes(by_feature: Mapping[str, Sequence[str]]) -> str:
    sizes = {len(names) for names in by_feature.values()}
    least, most = min(sizes), max(sizes)
    wordings = str(most) if least == most else f"{least} to {most}"
    return f"{len(by_feature)} features, {wordings} wordings of each"


def _nothing_measured(families: pd.DataFrame, *, probe: str, framing: str) -> str:
    chosen = (families["probe"] == probe) & (families["metric"] == "index") & (families["framing"] == framing)
    chosen &= families["feature"].isin(list(wordings_by_feature(families, probe=probe)))
    if set(families.loc[chosen, "status"]) == {Status.TOO_FEW_CLUSTERS.value}:
        return f"No single wording has enough items for an interval: each has fewer than {MIN_CLUSTERS} clusters"
    return "No wording was measured"


def families_chart(
    families: pd.DataFrame, *, probe: str, tuned: str, framing: str, width: int = WIDE
) -> alt.VConcatChart:
    """Draw the index of every wording of a probe, base and tuned.

    Parameters
    ----------
    families : DataFrame
        See :data:`biasaudit.record.tables.FAMILIES`.
    probe, tuned, framing : str
    width : int
        Of the plot without labels, in pixels.

    Returns
    -------
    altair.VConcatChart
        Few wordings: a panel per feature and a row per wording, with intervals. Many: a row per
        feature, a mark per wording, and a line from the least to the greatest. What was not measured
        has no mark.
    """
    marks = measured_wordings(families, probe=probe, tuned=tuned, framing=framing)
    by_feature = wordings_by_feature(families, probe=probe)
    narrow = width < WIDE
    if _has_rows_of_its_own(by_feature):
        panels = [_wording_panel(feature, names, marks, narrow=narrow) for feature, names in by_feature.items()]
        if len(panels) == 1:
            panels = [replace(panels[0], title="")]
    else:
        panels = [_feature_panel(tuple(by_feature), marks, all_drawn=_all_drawn(by_feature), narrow=narrow)]
    ends = [end for panel in panels for line in panel.lines for end in (line["low"], line["high"])]
    scale = alt.Scale(domain=domain([*ends, -LEAST_END, LEAST_END]), nice=False)
    drawn: alt.VConcatChart = alt.vconcat(
        *(_drawn(panel, scale=scale, width=width, last=panel is panels[-1]) for panel in panels), spacing=14
    )
    finding = families_finding(families, probe=probe, tuned=tuned, framing=framing)
    # One legend for all panels.
    drawn = drawn.resolve_scale(fill="shared", stroke="shared", shape="shared")
    return styled(drawn, finding, narrow=narrow)


_SCALE: Final = "The scale differs from chart to chart."


def reading(families: pd.DataFrame, *, probe: str, level: str) -> str:
    """Say how :func:`families_chart` is to be read."""
    marks = "Open circle: base. Filled diamond: tuned."
    by_feature = wordings_by_feature(families, probe=probe)
    if _has_rows_of_its_own(by_feature):
        return f"{marks} Thin lines: {level} intervals. A row without marks was not measured. {_SCALE}"
    each = (
        "Each mark is one wording"
        if _all_drawn(by_feature)
        else "Marks: the least, the middle and the greatest wording"
    )
    return (
        f"{marks} {each}; thin lines go from the least to the greatest and are no intervals, which are in the table. "
        f"{_SCALE}"
    )


def _has_rows_of_its_own(by_feature: Mapping[str, Sequence[str]]) -> bool:
    return sum(map(len, by_feature.values())) <= (ROWS_AT_MOST if len(by_feature) == 1 else ROWS_IN_PANELS)


def _all_drawn(by_feature: Mapping[str, Sequence[str]]) -> bool:
    return len(ARMS) * sum(map(len, by_feature.values())) <= MARKS_AT_MOST


def measured_wordings(families: pd.DataFrame, *, probe: str, tuned: str, framing: str) -> list[Mark]:
    """Return the measured wordings of either arm."""
    shown = wordings_by_feature(families, probe=probe)
    one_each = with_same_as_one(families, probe=probe)
    own = one_each[(one_each["probe"] == probe) & (one_each["metric"] == "index") & (one_each["framing"] == framing)]
    found = []
    for checkpoint, arm in zip(("base", tuned), ARMS, strict=True):
        for row in records(own[own["checkpoint"] == checkpoint]):
            value, low, high = (present(row[part]) for part in ("value", "ci_low", "ci_high"))
            if row["status"] == "ok" and value is not None and low is not None and high is not None:
                mark = Mark(
                    feature=str(row["feature"]), family=str(row["family"]), arm=arm, value=value, low=low, high=high
                )
                found += [mark] if mark.feature in shown else []
    return found


def _wording_panel(feature: str, names: Sequence[str], marks: Sequence[Mark], *, narrow: bool) -> _Panel:
    """One row per wording, with its interval."""
    rows = _rows(names, narrow=narrow)
    own = [mark for mark in marks if mark.feature == feature]
    return _Panel(
        title=chart_label(feature, limit=36 if narrow else 70),
        rows=rows,
        points=tuple({"row": rows[names.index(mark.family)], "arm": mark.arm, "value": mark.value} for mark in own),
        lines=tuple(
            {"row": rows[names.index(mark.family)], "arm": mark.arm, "low": mark.low, "high": mark.high} for mark in own
        ),
    )


def _feature_panel(features: Sequence[str], marks: Sequence[Mark], *, all_drawn: bool, narrow: bool) -> _Panel:
    """One row per feature, with all its wordings and a line from the least to the greatest."""
    rows = _rows(features, narrow=narrow)
    points: list[dict[str, Any]] = []  # Any: text and numbers
    lines: list[dict[str, Any]] = []  # Any: text and numbers
    for row, feature in zip(rows, features, strict=True):
        for arm in ARMS:
            values = sorted(mark.value for mark in marks if mark.feature == feature and mark.arm == arm)
            if not values:
                continue
            lines.append({"row": row, "arm": arm, "low": values[0], "high": values[-1]})
            shown = values if all_drawn else sorted({values[0], values[len(values) // 2], values[-1]})
            points += [{"row": row, "arm": arm, "value": value} for value in shown]
    return _Panel(title="", rows=rows, points=tuple(points), lines=tuple(lines))


def _rows(names: Sequence[str], *, narrow: bool) -> tuple[str, ...]:
    # A row is named by its position: two names can have one label once they are cut.
    return tuple(f"{number:03d}{chart_label(name, limit=16 if narrow else 26)}" for number, name in enumerate(names))


def _drawn(panel: _Panel, *, scale: alt.Scale, width: int, last: bool) -> alt.LayerChart:
    narrow = width < WIDE
    x = alt.X("value:Q", scale=scale, axis=index_axis(narrow=narrow, last=last))
    y = row_axis(panel.rows, narrow=narrow)
    layers = [
        alt.Chart(Numbers(values=[{"value": 0}])).mark_rule(color=MUTED, strokeWidth=1.5).encode(x=x),
        alt.Chart(Numbers(values=_by_arm(panel.lines)))
        .mark_rule(strokeWidth=1.5)
        .encode(
            x=alt.X("low:Q", scale=scale),
            x2="high:Q",
            y=y,
            yOffset=offset(ARMS),
            stroke=paint("stroke", ARMS),
        ),
        alt.Chart(Numbers(values=_by_arm(panel.points)))
        .mark_point(size=_MARK_SIZE, strokeWidth=1.5, opacity=1)
        .encode(x=x, y=y, yOffset=offset(ARMS), **looks(ARMS)),
    ]
    return layered(
        layers,
        width=width,
        height=ROW_HEIGHT * len(panel.rows),
        title=panel_title(panel.title),
    )


def _by_arm(values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:  # Any: text and numbers
    """Return what is drawn of one arm after the other: what looks alike is then drawn in one."""
    return sorted(values, key=lambda value: ARMS.index(value["arm"]))
