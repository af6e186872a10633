"""Decisions by group as charts: mean p(yes) beside the impact ratio, and error rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.charts.chart_parts import WIDE, Finding
from biasaudit.report.charts.group_rates import (
    AGAINST,
    FeatureGroups,
    GroupRates,
    RateOfAll,
    group_rates,
    leaves_out_zero,
)
from biasaudit.report.charts.row_chart import Arm, Mark, Panel, Row, Words, base_arm, rows_chart, tuned_arms
from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import chart_label, number, present
from biasaudit.stats import FOUR_FIFTHS, FourFifths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt
    import pandas as pd

ARMS: Final = ("base", "tuned")
_SHARE_ENDS: Final = (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesFinding(Finding):
    """What a chart of rates says; its title is one line.

    Attributes
    ----------
    one_answer : tuple of (str, str)
        That a model gives all groups the same answer, and the numbers of it: it makes all else say little.
    counted : str
        The groups that differ, in one or two sentences.
    """

    one_answer: tuple[tuple[str, str], ...]
    counted: str


def decisions_finding(disparities: pd.DataFrame, *, probe: str, tuned: str) -> RatesFinding:
    """Say what :func:`decisions_chart` shows.

    Parameters
    ----------
    disparities : DataFrame
        See :data:`biasaudit.record.tables.DISPARITIES`.
    probe, tuned : str
    """
    rates = group_rates(disparities, probe=probe)
    of = counted(sum(len(of.groups) - 1 for of in rates.features), "group", "groups")
    base, after = (_n_apart(rates, checkpoint, "difference") for checkpoint in ("base", tuned))
    below = [_four_fifths(rates, checkpoint) for checkpoint in ("base", tuned)]
    return _finding(
        _one_answer(rates, tuned, ("selection_rate",)),
        title=f"Clearly apart from the reference: {base} of {of} in the base, {after} after tuning",
        said=(
            f"The mean probability of granting is clearly apart from the reference's in {base} of {of} in the base and "
            f"{after} after tuning. Four-fifths rule, base: {below[0]}; tuned: {below[1]}"
        ),
        drawn=(
            "Two dot charts over the same rows, one row per group: the mean probability of granting, and the share "
            "granted over the most granted group's beside a dashed line at four fifths"
        ),
    )


def decisions_chart(disparities: pd.DataFrame, *, probe: str, tuned: str, width: int = WIDE) -> alt.VConcatChart:
    """Draw the mean p(yes) of every group, and its impact ratio: its selection rate over the largest of any group.

    Parameters
    ----------
    disparities : DataFrame
        See :data:`biasaudit.record.tables.DISPARITIES`.
    probe, tuned : str
    width : int
        Of the plot without labels, in pixels.

    Returns
    -------
    altair.VConcatChart
        What has no interval stands in words, and never as a mark.
    """
    rates = group_rates(disparities, probe=probe)
    short = width < WIDE
    panels = [
        _panel(rates, tuned, "by_group", title="Mean probability of granting", ends=_SHARE_ENDS),
        _panel(
            rates,
            tuned,
            "impact_ratio",
            title="Share granted, over the highest" if short else "Share granted, over the highest; dashes: 0.8",
            ends=_SHARE_ENDS,
            limit=FOUR_FIFTHS,
        ),
    ]
    finding = decisions_finding(disparities, probe=probe, tuned=tuned)
    return rows_chart(_rows(rates), panels, _arms(), finding, width=width)


def errors_finding(disparities: pd.DataFrame, *, probe: str, tuned: str) -> RatesFinding:
    """Say what :func:`errors_chart` shows; the arguments are those of :func:`decisions_finding`."""
    rates = group_rates(disparities, probe=probe)
    of = counted(sum(len(of.groups) - 1 for of in rates.features), "group", "groups")
    wrongly, rightly = (
        [_n_apart(rates, checkpoint, AGAINST[statistic]) for checkpoint in ("base", tuned)]
        for statistic in ("false_positive_rate", "true_positive_rate")
    )
    return _finding(
        _one_answer(rates, tuned, ("true_positive_rate", "false_positive_rate")),
        title=f"Wrongly denied more or less often: {wrongly[0]} of {of} in the base, {wrongly[1]} after tuning",
        said=(
            f"Wrongly denied clearly more or less often than the reference: {wrongly[0]} of {of} in the base, "
            f"{wrongly[1]} after tuning; rightly denied: {rightly[0]} and {rightly[1]}"
        ),
        drawn=(
            "Two dot charts over the same rows, one row per group: the false-positive rate, which is the share denied "
            "of the cases that are rightly granted, and the true-positive rate, which is the share denied of those "
            "rightly denied"
        ),
    )


def errors_chart(disparities: pd.DataFrame, *, probe: str, tuned: str, width: int = WIDE) -> alt.VConcatChart:
    """Draw the false- and true-positive rates of every group; the arguments are those of :func:`decisions_chart`."""
    rates = group_rates(disparities, probe=probe)
    panels = [
        _panel(rates, tuned, statistic, title=title, ends=_SHARE_ENDS)
        for statistic, title in (
            ("false_positive_rate", "False-positive rate: wrongly denied"),
            ("true_positive_rate", "True-positive rate: rightly denied"),
        )
    ]
    finding = errors_finding(disparities, probe=probe, tuned=tuned)
    return rows_chart(_rows(rates), panels, _arms(), finding, width=width)


_ALL_OR_NONE: Final[Mapping[tuple[str, float], str]] = {
    ("selection_rate", 0.0): "grants nothing to any group",
    ("selection_rate", 1.0): "grants everything to every group",
    ("true_positive_rate", 0.0): "denies nothing that should be denied, of any group",
    ("true_positive_rate", 1.0): "denies all that should be denied, of every group",
    ("false_positive_rate", 0.0): "denies nothing that should be granted, of any group",
    ("false_positive_rate", 1.0): "denies all that should be granted, of every group",
}
"""What a rate of none or all in every group means."""


def _finding(one_answer: Sequence[tuple[str, str]], *, title: str, said: str, drawn: str) -> RatesFinding:
    """Put together what a chart says: that all groups get one answer is its title, where it is so."""
    whole = ". ".join([*(f"{what}: {numbers}" for what, numbers in one_answer), said])
    return RatesFinding(
        title=one_answer[0][0] if one_answer else title,
        description=(
            f"{drawn}; the base as open circles, the tuned model as filled diamonds, with intervals. {whole}. The "
            "table after the chart holds the same numbers."
        ),
        one_answer=tuple(one_answer),
        counted=said,
    )


def _one_answer(rates: GroupRates, tuned: str, statistics: Sequence[str]) -> list[tuple[str, str]]:
    """Say of which models all groups have a rate of 0 or 1: groups that all get one answer cannot differ."""
    said = []
    for checkpoint, other in ((tuned, "base"), ("base", tuned)):
        arm = (checkpoint, rates.framing)
        for statistic in statistics:
            same = rates.same_in_all(arm, statistic)
            if same is None:
                continue
            whose, compared = ("base", "tuned") if checkpoint == "base" else ("tuned model", "base")
            of_other = _range(rates.rate_range((other, rates.framing), statistic), compared)
            rate, low, high = (number(end, decimals=2) for end in (same.least, same.low, same.high))
            numbers = (
                f"{_NAMES[statistic]} {rate} in each of {counted(same.n_groups, 'group', 'groups')} "
                f"(intervals within {low} to {high}){of_other}"
            )
            said.append((f"The {whose} {_ALL_OR_NONE[statistic, same.least]}", numbers))
    return said


_NAMES: Final[Mapping[str, str]] = {
    "selection_rate": "share granted",
    "true_positive_rate": "true-positive rate",
    "false_positive_rate": "false-positive rate",
}


def _range(found: RateOfAll | None, whose: str) -> str:
    if found is None:
        return ""
    least, most, low, high = (number(end, decimals=2) for end in (found.least, found.most, found.low, found.high))
    return f"; {whose}: {' to '.join(dict.fromkeys([least, most]))} (within {low} to {high})"


def _four_fifths(rates: GroupRates, checkpoint: str) -> str:
    """Count the groups that are clearly below four fifths, and those of which the interval says neither."""
    arm = (checkpoint, rates.framing)
    rulings = [rates.ruling(arm, of, group) for of in rates.features for group in of.groups]
    judged = [ruling for ruling in rulings if ruling is not FourFifths.NOT_MEASURED]
    if not judged:
        same = rates.same_in_all(arm, "selection_rate")
        return "not estimable, as nothing is granted" if same is not None and same.most == 0 else "not estimable"
    below, open_ = judged.count(FourFifths.BELOW), judged.count(FourFifths.INCONCLUSIVE)
    return f"{below} of {counted(len(judged), 'group', 'groups')} clearly below, {open_} inconclusive"


def _n_apart(rates: GroupRates, checkpoint: str, statistic: str) -> int:
    arm = (checkpoint, rates.framing)
    return sum(
        leaves_out_zero(rates.row(arm, of.feature, statistic, group))
        for of in rates.features
        for group in of.groups[1:]
    )


def _row_groups(rates: GroupRates) -> list[tuple[FeatureGroups | None, str]]:
    """Return feature and group of every row; a header has no groups, and its feature's name."""
    found: list[tuple[FeatureGroups | None, str]] = []
    for of in rates.features:
        found += [(None, of.feature), *((of, group) for group in of.groups)]
    return found


def _rows(rates: GroupRates) -> list[Row]:
    return [
        Row(label=name, is_header=True)
        if of is None
        else Row(label=f"{chart_label(name, limit=19)} (ref.)" if name == of.reference else name)
        for of, name in _row_groups(rates)
    ]


def _in_words(said: Mapping[str, str]) -> str:
    """Say what stands for the marks of a row; once, where it is the same of all arms."""
    if len(said) == len(ARMS) and len(set(said.values())) == 1:
        return next(iter(said.values()))
    return ", ".join(f"{arm} {status}" for arm, status in said.items())


def _arms() -> tuple[Arm, ...]:
    return (base_arm(ARMS[0]), *tuned_arms(ARMS[1:]))


def _panel(
    rates: GroupRates,
    tuned: str,
    statistic: str,
    *,
    title: str,
    ends: tuple[float, float],
    guides: tuple[float, ...] = (),
    limit: float | None = None,
) -> Panel:
    marks: list[Mark] = []
    absent: dict[int, dict[str, str]] = {}
    cells = ((place, of.feature, group) for place, (of, group) in enumerate(_row_groups(rates)) if of is not None)
    for place, feature, group in cells:
        for checkpoint, arm in zip(("base", tuned), ARMS, strict=True):
            row = rates.row((checkpoint, rates.framing), feature, statistic, group)
            if row is None:
                continue
            value, low, high = (present(row[name]) for name in ("value", "ci_low", "ci_high"))
            if value is not None and low is not None and high is not None:
                marks.append(Mark(row=place, arm=arm, value=value, low=low, high=high))
            else:
                absent.setdefault(place, {})[arm] = chart_label(row["status"])
    words = tuple(Words(row=place, text=_in_words(said)) for place, said in absent.items())
    return Panel(title=title, marks=tuple(marks), ends=ends, guides=guides, limit=limit, words=words)
