from __future__ import annotations

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import ClusterDesign, Estimate, Status

TEN = [str(number) for number in range(10)]


def share_gone(
    reduction: stats.Clustered, first: stats.Clustered, design: ClusterDesign = ClusterDesign.DESIGNED, **other: float
) -> Estimate:
    return stats.relative_reduction(reduction, first, design, rng=np.random.default_rng(0), **other)


def test_relative_reduction_by_hand() -> None:
    """Every cluster halves: the ratio is 0.5 with an interval of no width."""
    first = stats.clustered([0.4, 0.5, 0.6, 0.5, 0.4, 0.6], TEN[:6])
    half = first.with_values(first.values / 2)
    estimate = share_gone(half, first)
    assert estimate.value == pytest.approx(0.5)
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((0.5, 0.5))


def test_relative_reduction_of_a_weak_lean_is_not_estimable() -> None:
    weak = stats.clustered([1.0, -1.0, 1.0, -1.0, 0.1], TEN[:5])
    assert share_gone(weak, weak).status is Status.NOT_ESTIMABLE


def test_fieller_by_hand() -> None:
    """y 1, x 2, var y 0.04, var x 0.16, cov 0.05, t 2: a = 4 - 0.64, b = 2 - 0.2, c = 1 - 0.16."""
    means = stats.PairedMeans(y=1.0, x=2.0, var_y=0.04, var_x=0.16, cov_yx=0.05)
    assert stats.ratio_bounds(means, 2.0) == pytest.approx(
        ((1.8 - (1.8**2 - 3.36 * 0.84) ** 0.5) / 3.36, (1.8 + (1.8**2 - 3.36 * 0.84) ** 0.5) / 3.36)
    )


def test_a_denominator_that_may_be_0_has_no_interval() -> None:
    at_the_edge = stats.PairedMeans(y=1.0, x=2.0, var_y=0.1, var_x=1.0, cov_yx=0.0)
    assert stats.ratio_bounds(at_the_edge, 2.0) is None
    assert stats.ratio_bounds(at_the_edge, 1.99) is not None


def test_few_clusters_have_no_relative_reduction() -> None:
    four = stats.clustered([0.4, 0.5, 0.6, 0.5], TEN[:4])
    assert share_gone(four, four).status is Status.TOO_FEW_CLUSTERS


def test_a_lean_beyond_3_errors_may_still_be_unbounded() -> None:
    """Five clusters, t(4) at 99 % is 4.604: a lean of 4 standard errors passes the gate and has no interval."""
    first = stats.clustered([0.1, 0.2, 0.3, 0.4, 0.45], TEN[:5])
    assert share_gone(first, first, level=0.99).method == "Fieller's interval is unbounded"


def test_an_increase_is_negative() -> None:
    first = stats.clustered([0.4, 0.5, 0.6, 0.5, 0.4, 0.6], TEN[:6])
    assert share_gone(first.with_values(-first.values), first).value == pytest.approx(-1.0)
    against = first.with_values(-first.values)
    assert share_gone(against.with_values(against.values / 2), against).value == pytest.approx(0.5)


def test_the_share_of_a_nuisance_is_that_of_items() -> None:
    """One cluster of six items halves, five of one item stay: of 11 items at 0.5 the first six lose 0.25 each.

    The mean over clusters would say 1/6 of a half: 8 %.
    """
    clusters = [0] * 6 + [1, 2, 3, 4, 5]
    first = stats.clustered(np.linspace(0.49, 0.51, 11), clusters)
    lost = first.with_values(np.array([0.25] * 6 + [0.0] * 5))
    few = share_gone(lost, first, ClusterDesign.NUISANCE)
    assert few.status is Status.TOO_FEW_CLUSTERS  # 11 ** 2 / (36 + 5) = 2.95 effective ones
    apart = stats.clustered(first.values, range(11))
    items = share_gone(apart.with_values(lost.values), apart, ClusterDesign.NONE)
    assert items.value == pytest.approx(1.5 / 5.5, abs=0.01)


def test_a_tiny_lean_has_no_share_however_clear_it_is() -> None:
    """Without noise a lean of 0.00 was told from 0, and its growth printed as -1,360,970 %."""
    tiny = stats.clustered([0.04, 0.041, 0.039, 0.04, 0.04], TEN[:5])
    assert share_gone(tiny, tiny).method == "the first arm's lean is below 0.05"


def test_a_lean_on_the_other_side_is_more_than_all_of_it_gone() -> None:
    first = stats.clustered([0.4, 0.5, 0.6, 0.5, 0.4, 0.6], TEN[:6])
    assert share_gone(first.with_values(1.5 * first.values), first).value == pytest.approx(1.5)
