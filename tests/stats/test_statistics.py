from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import stats
from biasaudit.types import ClusterDesign, Estimate, Status

DESIGNED, NUISANCE, NONE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE, ClusterDesign.NONE
TEN = [str(number) for number in range(10)]


def test_the_designed_mean_weighs_clusters_and_not_items() -> None:
    """Cluster a holds three ones, the other four hold a zero: (1 + 0 + 0 + 0 + 0) / 5, not 3 / 7."""
    sample = stats.clustered([1, 1, 1, 0, 0, 0, 0], ["a", "a", "a", "b", "c", "d", "e"])
    designed = stats.mean_estimate(sample, DESIGNED)
    assert designed.value == pytest.approx(0.2)
    # sd of (1,0,0,0,0) is sqrt(0.2), standard error 0.2, t(0.975, 4) = 2.776.
    assert designed.ci_high == pytest.approx(0.2 + 2.7764 * 0.2, abs=1e-4)
    assert stats.mean_estimate(sample, NUISANCE).value == pytest.approx(3 / 7)


def test_the_jackknife_by_hand() -> None:
    """Five clusters of one item: CR3 equals the ordinary standard error sqrt(0.2 / 5) = 0.2."""
    doubled = stats.clustered([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"])
    estimate = stats.mean_estimate(doubled, NUISANCE)
    assert estimate.value == pytest.approx(0.2)
    assert estimate.ci_high is not None
    assert (estimate.ci_high - 0.2) / 2.7764 == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("design", list(ClusterDesign))
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_at_either_extreme_the_interval_has_width(design: ClusterDesign, end: float) -> None:
    """Ten of ten at one end: the lower bound of the share is 0.025 ** 0.1 = 0.6915, so 0.383 as an index."""
    estimate = stats.mean_estimate(stats.clustered([end] * 10, TEN), design)
    bounds = sorted([estimate.ci_low or 0, estimate.ci_high or 0], key=abs)
    assert estimate.value == end
    assert bounds[0] == pytest.approx(end * 0.383, abs=1e-3)
    assert bounds[1] == end


def test_no_items_and_too_few_clusters_carry_no_number() -> None:
    empty = stats.mean_estimate(stats.clustered([], []), DESIGNED)
    few = stats.mean_estimate(stats.clustered([0.1, 0.2, 0.3, 0.4], ["a", "b", "c", "d"]), DESIGNED)
    assert (empty.status, empty.value) == (Status.NOT_MEASURED, None)
    assert (few.status, few.value) == (Status.TOO_FEW_CLUSTERS, None)


def test_an_estimate_that_contradicts_itself_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        Estimate(status=Status.OK)
    with pytest.raises(ValueError, match="carries no number"):
        Estimate(status=Status.NOT_MEASURED, value=0.0)


def test_unscored_values_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.clustered([float("nan")], ["a"])


def test_identical_checkpoints_differ_by_exactly_nothing() -> None:
    values = np.linspace(-1, 1, 10)
    sample = stats.clustered(values, TEN)
    change = stats.paired_change(sample, sample, DESIGNED, rng=np.random.default_rng(0))
    assert change.reduction.value == 0
    assert change.test is not None
    assert change.test.p_value == 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=6, max_size=30))
def test_swapping_the_arms_flips_the_reduction(values: list[float]) -> None:
    names = [str(number) for number in range(len(values))]
    first = stats.clustered(values, names)
    second = first.with_values(-first.values[::-1])
    forward = stats.paired_change(first, second, DESIGNED, rng=np.random.default_rng(0)).reduction
    backward = stats.paired_change(second, first, DESIGNED, rng=np.random.default_rng(0)).reduction
    assert forward.value == pytest.approx(-(backward.value or 0))
    assert forward.ci_low == pytest.approx(-(backward.ci_high or 0))


def test_the_interval_covers_at_its_level() -> None:
    """400 samples of 10 clusters of 4: 95 % intervals of a true 0 cover it in 92 to 98 % (3 standard errors)."""
    rng = np.random.default_rng(11)
    names = np.repeat(np.arange(10), 4)
    hits = 0
    for _ in range(400):
        values = rng.normal(0, 0.1, 10)[names] + rng.normal(0, 0.2, 40)
        estimate = stats.mean_estimate(stats.clustered(values, names), DESIGNED)
        hits += (estimate.ci_low or 0) <= 0 <= (estimate.ci_high or 0)
    assert 0.917 <= hits / 400 <= 0.983


def test_an_interval_holds_no_index_that_cannot_be() -> None:
    """0, 1, 0, 1, 0.5: mean 0.5, standard error 0.2236, t(4) = 2.776: up to 1.121, which no index reaches."""
    sample = stats.clustered([0.0, 1.0, 0.0, 1.0, 0.5], ["a", "b", "c", "d", "e"])
    index = stats.mean_estimate(sample, DESIGNED)
    assert index.ci_low == pytest.approx(-0.1208, abs=1e-4)
    assert index.ci_high == 1.0
    share = stats.mean_estimate(sample, DESIGNED, unit="share")
    assert (share.ci_low, share.ci_high) == (0.0, 1.0)
    nats = stats.mean_estimate(sample, DESIGNED, unit="nats")
    assert nats.ci_high == pytest.approx(1.1208, abs=1e-4)
