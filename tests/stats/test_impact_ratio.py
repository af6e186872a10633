from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.stats import FourFifths, four_fifths, group_outcomes, impact_ratios, ratio_to_reference
from biasaudit.types import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.stats import GroupEstimate, GroupOutcomes

GROUPS = ("a", "b", "c", "d")


def outcomes(by_group: Mapping[str, Sequence[float]]) -> GroupOutcomes:
    """One case of each group in each cluster."""
    return group_outcomes(
        [value for values in by_group.values() for value in values],
        sensitive_features={"group": [group for group, values in by_group.items() for _ in values]},
        clusters=[number for values in by_group.values() for number in range(len(values))],
    )


def shares(n_clusters: int, **selected: int) -> GroupOutcomes:
    return outcomes({group: [float(number < n) for number in range(n_clusters)] for group, n in selected.items()})


def found(cases: GroupOutcomes, seed: int = 0, n_resamples: int = 2000) -> dict[str, GroupEstimate]:
    rows = impact_ratios(cases, rng=np.random.default_rng(seed), n_resamples=n_resamples)
    return {row.group[0]: row for row in rows}


def drawn(rates: Sequence[float], n_clusters: int, rng: np.random.Generator, correlation: float = 0.2) -> GroupOutcomes:
    """Draw cases that are decided alike within a cluster: a normal copula."""
    shared = rng.normal(size=(n_clusters, 1)) * math.sqrt(correlation)
    own = rng.normal(size=(n_clusters, len(rates))) * math.sqrt(1 - correlation)
    thresholds = [NormalDist().inv_cdf(rate) for rate in rates]
    return outcomes(
        {
            group: (shared[:, 0] + own[:, column] < thresholds[column]).astype(float).tolist()
            for column, group in enumerate(GROUPS[: len(rates)])
        }
    )


def limits(row: GroupEstimate) -> tuple[float, float]:
    low, high = row.estimate.ci_low, row.estimate.ci_high
    assert low is not None
    assert high is not None
    return low, high


def test_the_value_is_the_rate_over_the_largest() -> None:
    """40, 30 and 20 of 50: 1, 0.75 and 0.5, whichever group is named first."""
    rows = found(shares(50, a=30, b=40, c=20))
    assert {group: row.estimate.value for group, row in rows.items()} == pytest.approx({"a": 0.75, "b": 1.0, "c": 0.5})
    assert {group: row.descriptive for group, row in rows.items()} == pytest.approx({"a": 0.75, "b": 1.0, "c": 0.5})
    assert {row.reference for row in rows.values()} == {("b",)}
    for row in rows.values():
        low, high = limits(row)
        assert low <= (row.descriptive or 0.0) <= high <= 1
    assert limits(rows["c"])[1] < 0.8
    assert four_fifths(rows["c"]) is FourFifths.BELOW


def test_of_two_groups_the_lower_one_has_the_ratio_to_the_other() -> None:
    """One other group: nothing to correct for, so the limits are those of the ratio to it."""
    cases = shares(50, a=40, b=30)
    [ratio] = ratio_to_reference(cases, "a", rng=np.random.default_rng(0), n_resamples=2000)
    own = found(cases)["b"].estimate
    assert own.value == pytest.approx(ratio.estimate.value)
    assert (own.ci_low, own.ci_high) == pytest.approx((ratio.estimate.ci_low, ratio.estimate.ci_high), rel=0.05)


def test_groups_that_are_alike_have_no_limit_below() -> None:
    """The largest of four equal rates is 1 by definition; the ratio to each of the others still has a lower limit."""
    rows = found(shares(50, a=40, b=40, c=40, d=40))
    assert {row.estimate.value for row in rows.values()} == {1.0}
    # u = 1 - 0.0125 ** (1 / 50) of the clusters could differ, and the rate could be 0.66: 1 - 0.084 / 0.66.
    assert {round(limits(row)[0], 2) for row in rows.values()} == {0.87}


def test_a_group_that_is_never_selected() -> None:
    """Its own ratio is 0 with an upper limit; the others are held against each other and not against it."""
    rows = found(shares(50, a=40, b=38, c=0))
    assert rows["c"].estimate.value == 0
    assert limits(rows["c"])[1] < 0.8
    assert limits(rows["a"])[0] > 0.8


def test_nobody_selected_is_not_estimable() -> None:
    rows = found(shares(50, a=0, b=0))
    assert {row.estimate.status for row in rows.values()} == {Status.NOT_ESTIMABLE}
    assert {four_fifths(row) for row in rows.values()} == {FourFifths.NOT_MEASURED}


def test_a_group_without_enough_clusters_leaves_all_open() -> None:
    """It may be the one that is selected most."""
    rows = found(outcomes({"a": [1.0] * 40 + [0.0] * 10, "b": [1.0] * 30 + [0.0] * 20, "c": [1.0, 0.0, 1.0, 0.0]}))
    assert {row.estimate.status for row in rows.values()} == {Status.TOO_FEW_CLUSTERS}


def test_one_group_alone_has_nothing_to_be_compared_with() -> None:
    assert found(shares(50, a=40))["a"].estimate.status is Status.NOT_MEASURED


@pytest.mark.slow
@given(data=st.data(), n_clusters=st.integers(5, 9))
def test_whatever_is_decided_the_value_lies_within_the_limits(data: st.DataObject, n_clusters: int) -> None:
    """At the corrected level a ratio of few cases may have no upper limit, where at the level itself it has one."""
    decisions = st.lists(st.sampled_from([0.0, 1.0]), min_size=n_clusters, max_size=n_clusters)
    cases = outcomes({group: data.draw(decisions) for group in GROUPS[:3]})
    for row in found(cases, n_resamples=99).values():
        if row.estimate.status is Status.OK:
            low, high = limits(row)
            assert 0 <= low <= (row.descriptive or 0.0) + 1e-9
            assert (row.descriptive or 0.0) - 1e-9 <= high <= 1


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.5, 0.5, 0.5, 0.4), (0.75, 0.75, 0.6, 0.6), (0.5, 0.4, 0.4, 0.4)])
def test_a_ratio_of_exactly_four_fifths_is_seldom_ruled_either_way(rates: Sequence[float]) -> None:
    """500 samples of 40 clusters; the last group's ratio is 0.8, and either ruling is wrong in at most 2.5 %."""
    rng = np.random.default_rng(20261125)
    rows = [found(drawn(rates, 40, rng), seed, n_resamples=499)["d"] for seed in range(500)]
    rulings = [four_fifths(row) for row in rows]
    # 2.5 % of 500 is 12.5; 22 is its 99.5 % point.
    assert rulings.count(FourFifths.NOT_BELOW) <= 22
    assert rulings.count(FourFifths.BELOW) <= 22


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.8, 0.8), (0.8, 0.77), (0.4, 0.38)])
def test_groups_decided_alike_in_nearly_every_cluster_have_a_ratio_that_covers(rates: Sequence[float]) -> None:
    """500 samples of 40 clusters, correlation 0.99: at most a few clusters differ, and most samples gave no ratio."""
    rng = np.random.default_rng(20261125)
    true = rates[1] / rates[0]
    estimates = []
    for seed in range(500):
        cases = drawn(rates, 40, rng, correlation=0.99)
        [row] = ratio_to_reference(cases, "a", rng=np.random.default_rng(seed), n_resamples=499)
        estimates.append(row.estimate)
    measured = [one for one in estimates if one.ci_low is not None and one.ci_high is not None]
    assert len(measured) >= 0.95 * len(estimates)
    covered = sum((one.ci_low or 0.0) <= true <= (one.ci_high or 0.0) for one in measured)
    assert covered >= 0.93 * len(measured)
