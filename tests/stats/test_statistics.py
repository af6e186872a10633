from __future__ import annotations

from random import Random

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
    even = stats.clustered([1, 1, 1, 0, 0, 0, 0, 0], list("aabbcdef"))
    assert stats.mean_estimate(even, NUISANCE).value == pytest.approx(3 / 8)


def test_the_jackknife_by_hand() -> None:
    """Five clusters of one item: CR3 equals the ordinary standard error sqrt(0.2 / 5) = 0.2."""
    doubled = stats.clustered([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"])
    estimate = stats.mean_estimate(doubled, NUISANCE)
    assert estimate.value == pytest.approx(0.2)
    assert estimate.ci_high is not None
    assert (estimate.ci_high - 0.2) / 2.7764 == pytest.approx(0.2, abs=1e-4)


def test_the_jackknife_of_unequal_clusters_by_hand() -> None:
    """Without the cluster of two ones 0 / 4, without any other 2 / 5: mean 0.32, squares 0.1024 + 4 * 0.0064.

    4 / 5 of their sum 0.128 is 0.1024: standard error 0.32. Two items and four of one count as 6 ** 2 / 8 = 4.5
    clusters, which are too few; twice as many of each, 12 ** 2 / 16 = 9, have 8 degrees of freedom.
    """
    sample = stats.clustered([1, 1, 0, 0, 0, 0], ["a", "a", "b", "c", "d", "e"])
    found = stats.spread(sample, NUISANCE)
    assert (found.error, found.freedom) == pytest.approx((0.32, 3.5))
    few = stats.mean_estimate(sample, NUISANCE, unit="nats")
    assert (few.status, few.value) == (Status.TOO_FEW_CLUSTERS, None)
    assert "count as 4.5" in few.method
    twice = stats.clustered([1, 1, 0, 0, 0, 0] * 2, list("aabcdeffghij"))
    estimate = stats.mean_estimate(twice, NUISANCE, unit="nats")
    error = stats.spread(twice, NUISANCE).error
    assert estimate.ci_high is not None
    assert estimate.ci_high - 1 / 3 == pytest.approx(2.3060 * error, abs=1e-4)


@pytest.mark.parametrize("design", list(ClusterDesign))
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_at_either_extreme_the_interval_has_width(design: ClusterDesign, end: float) -> None:
    """Ten of ten at one end: the lower bound of the share is 0.025 ** 0.1 = 0.6915, so 0.383 as an index."""
    estimate = stats.mean_estimate(stats.clustered([end] * 10, TEN), design)
    bounds = sorted([estimate.ci_low or 0, estimate.ci_high or 0], key=abs)
    assert estimate.value == end
    assert bounds[0] == pytest.approx(end * 0.383, abs=1e-3)
    assert bounds[1] == end


@pytest.mark.parametrize(("end", "bound"), [(0.0, 0.3085), (1.0, 0.6915)])
def test_a_share_at_either_extreme_has_width_too(end: float, bound: float) -> None:
    """Ten of ten at one end: 0.025 ** 0.1 = 0.6915."""
    estimate = stats.mean_estimate(stats.clustered([end] * 10, TEN), DESIGNED, unit="share")
    assert estimate.value == end
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((min(end, bound), max(end, bound)), abs=1e-4)


def test_answers_that_cancel_in_every_cluster_are_no_certainty() -> None:
    """Ten clusters of one answer each way: a model that names whoever stands first has 0 in each, and no variance.

    At least 0.6915 of clusters are so; the other 0.3085 could sit at either end.
    """
    estimate = stats.mean_estimate(stats.clustered([1.0, -1.0] * 10, sorted(TEN * 2)), DESIGNED)
    assert estimate.value == 0
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((-0.3085, 0.3085), abs=1e-4)
    undecided = stats.mean_estimate(stats.clustered([0.0] * 10, TEN), DESIGNED)
    assert (undecided.ci_low, undecided.ci_high) == pytest.approx((-0.3085, 0.3085), abs=1e-4)


def test_equal_values_that_are_no_answers_keep_their_t_interval() -> None:
    estimate = stats.mean_estimate(stats.clustered([0.25] * 10, TEN), DESIGNED)
    assert (estimate.value, estimate.ci_low, estimate.ci_high) == (0.25, 0.25, 0.25)


def test_many_nuisance_clusters_have_the_jackknife_too() -> None:
    """25 clusters of two equal items 0 or 1 (13 ones): the standard error of 25 items, sqrt(0.52 * 0.48 / 24)."""
    values = np.repeat([1.0] * 13 + [0.0] * 12, 2)
    estimate = stats.mean_estimate(stats.clustered(values, np.repeat(np.arange(25), 2)), NUISANCE, unit="nats")
    assert estimate.value == pytest.approx(0.52)
    assert estimate.ci_high is not None
    assert estimate.ci_high - 0.52 == pytest.approx(2.0639 * (0.52 * 0.48 / 24) ** 0.5, abs=1e-4)
    assert "CR3" in estimate.method


def test_one_cluster_with_half_of_the_items_is_no_sample() -> None:
    """59 clusters of one item and one of 59: 118 ** 2 / (59 ** 2 + 59) = 3.93. t(59) covered 66 to 70 % there."""
    sample = stats.clustered(np.linspace(-0.5, 0.5, 118), [0] * 59 + list(range(1, 60)))
    found = stats.mean_estimate(sample, NUISANCE)
    assert found.status is Status.TOO_FEW_CLUSTERS
    assert found.method == "needs 5 effective clusters: the 60 are so unequal that they count as 3.9"
    assert stats.mean_estimate(sample, DESIGNED).status is Status.OK


def test_a_second_cluster_widens_the_interval_by_hand() -> None:
    """Five templates by five words, the value is the word's alone: 0.1 to 0.5.

    By template nothing differs (V1 = 0); by word 5/4 * 5 * squares of sums: parts (x - 0.3) / 25, sums a fifth of
    -0.2, -0.1, 0, 0.1, 0.2: V2 = 5/4 * 0.004 = 0.005, which is sd 0.1581 / sqrt(5) squared.
    V12 = 25/24 * 5 * 0.1 / 625.
    """
    words = np.tile(np.linspace(0.1, 0.5, 5), 5)
    templates, index = np.repeat(np.arange(5), 5), np.tile(np.arange(5), 5)
    one_way = stats.mean_estimate(stats.clustered(words, templates), DESIGNED)
    assert (one_way.ci_low, one_way.ci_high) == pytest.approx((0.3, 0.3))
    sample = stats.clustered(words, templates, index)
    found = stats.spread(sample, DESIGNED)
    joint = 25 / 24 * 5 * 0.1 / 625
    assert found.error == pytest.approx((0.005 - joint) ** 0.5)
    assert found.freedom == pytest.approx(max(4, (0.005 - joint) ** 2 / (0.005**2 / 4 + joint**2 / 24)))
    assert found.method == "mean of cluster means, two-way cluster-robust t interval"
    test = stats.mean_is_zero(sample, DESIGNED)
    assert test.test == "two-way t test"
    assert stats.spread(sample.with_values(np.zeros(25)), DESIGNED).error == 0


def test_four_second_clusters_are_no_sample_of_them() -> None:
    labels = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    assert stats.clustered(np.zeros(20), *labels).also is None
    with pytest.raises(ValueError, match="20 values for 3 labels of second clusters"):
        stats.clustered(np.zeros(20), labels[0], [1, 2, 3])


def test_independent_items_have_the_ordinary_interval() -> None:
    """1, 2, 3, 4, 5: standard error 0.7071, t(4) = 2.7764. Five clusters of one item say the same."""
    sample = stats.clustered([1.0, 2.0, 3.0, 4.0, 5.0], list("abcde"))
    for design in (NONE, NUISANCE):
        estimate = stats.mean_estimate(sample, design, unit="nats")
        assert (estimate.value, estimate.ci_high) == pytest.approx((3.0, 3.0 + 2.7764 * 0.7071), abs=1e-4)
        assert estimate.method == "mean of independent items, t interval"


def test_values_without_a_cluster_each_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 1 cluster labels"):
        stats.clustered([0.1, 0.2], ["a"])


def test_arms_of_other_items_are_not_compared() -> None:
    first = stats.clustered([0.1] * 5, list("abcde"))
    for second in (stats.clustered([0.1] * 6, list("abcdef")), stats.clustered([0.1] * 5, list("aabcd"))):
        with pytest.raises(ValueError, match="same items in the same order"):
            stats.paired_change(first, second, DESIGNED, rng=np.random.default_rng(0))


def test_a_change_over_few_clusters_has_no_number_anywhere() -> None:
    few = stats.clustered([0.1, 0.2, 0.3, 0.4], list("abcd"))
    change = stats.paired_change(few, few, DESIGNED, rng=np.random.default_rng(0))
    assert change.reduction.status is Status.TOO_FEW_CLUSTERS
    assert change.reduction_90.status is Status.TOO_FEW_CLUSTERS
    assert change.relative.status is Status.TOO_FEW_CLUSTERS
    assert (change.test, change.equivalence, change.smallest_detectable_change) == (None, None, None)


def test_a_change_by_hand() -> None:
    """Differences 0.1 to 0.5 in five clusters: D 0.3, standard error 0.0707, t(4) 2.7764 and (90 %) 2.1318."""
    first = stats.clustered([0.1, 0.2, 0.3, 0.4, 0.5], list("abcde"))
    change = stats.paired_change(
        first, first.with_values(np.zeros(5)), DESIGNED, rng=np.random.default_rng(0), margin=0.4
    )
    assert change.reduction.value == pytest.approx(0.3)
    assert change.reduction.ci_low == pytest.approx(0.3 - 2.7764 * 0.0707, abs=1e-4)
    assert change.reduction_90.ci_low == pytest.approx(0.3 - 2.1318 * 0.0707, abs=1e-4)
    assert change.test is not None
    assert change.test.p_value == pytest.approx(2 / 32)
    # (0.4 - 0.3) / 0.0707 = 1.414 standard errors inside of the margin.
    assert change.equivalence is not None
    assert change.equivalence.p_value == pytest.approx(0.1151, abs=1e-4)
    assert change.relative.value == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=5, max_size=40), st.randoms(use_true_random=False))
def test_swapping_the_groups_flips_every_index_and_the_order_of_items_nothing(
    values: list[float], random: Random
) -> None:
    names = [str(number % 7) for number in range(len(values))]
    order = random.sample(range(len(values)), len(values))
    for design in ClusterDesign:
        given_order = stats.mean_estimate(stats.clustered(values, names), design)
        swapped = stats.mean_estimate(stats.clustered([-value for value in values], names), design)
        shuffled = stats.mean_estimate(stats.clustered([values[i] for i in order], [names[i] for i in order]), design)
        assert given_order.status is swapped.status is shuffled.status
        if given_order.status is Status.OK:
            assert given_order.value == pytest.approx(-(swapped.value or 0), abs=1e-12)
            assert given_order.ci_low == pytest.approx(-(swapped.ci_high or 0), abs=1e-9)
            assert given_order.value == pytest.approx(shuffled.value, abs=1e-12)
            assert given_order.ci_high == pytest.approx(shuffled.ci_high, abs=1e-9)


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


def test_an_estimate_says_all_of_how_it_was_made() -> None:
    """0, 1, 0, 1, 0.5 in five clusters of one: mean 0.5, standard error 0.2236; t(0.95, 4) = 2.1318."""
    sample = stats.clustered([0.0, 1.0, 0.0, 1.0, 0.5], list("abcde"))
    found = stats.mean_estimate(sample, DESIGNED, level=0.9, unit="nats")
    assert (found.level, found.n_items, found.n_clusters, found.unit) == (0.9, 5, 5, "nats")
    assert found.method == "mean of cluster means, t interval"
    assert found.ci_high == pytest.approx(0.5 + 2.1318 * 0.2236, abs=1e-4)
    usual = stats.mean_estimate(sample, DESIGNED)
    assert (usual.level, usual.unit) == (0.95, "index")


@pytest.mark.parametrize(
    ("n_clusters", "method"),
    [
        (24, "mean of items, cluster jackknife (CR3), t interval with effective clusters"),
        (25, "mean of items, cluster jackknife (CR3), t interval with effective clusters"),
    ],
)
def test_nuisance_clusters_say_which_error_they_have(n_clusters: int, method: str) -> None:
    values = np.repeat([0.0, 1.0, 1.0] * n_clusters, 2)[: 2 * n_clusters]
    sample = stats.clustered(values, np.repeat(np.arange(n_clusters), 2))
    assert stats.mean_estimate(sample, NUISANCE, unit="nats").method == method
    assert stats.mean_estimate(sample, NONE, unit="nats").method == "mean of independent items, t interval"


def test_a_refusal_says_what_there_was() -> None:
    few = stats.mean_estimate(stats.clustered([0.1, 0.2, 0.3], list("aab")), DESIGNED, level=0.9, unit="share")
    assert few == Estimate(
        status=Status.TOO_FEW_CLUSTERS, level=0.9, n_items=3, n_clusters=2, method="needs 5 clusters", unit="share"
    )
    nothing = stats.mean_estimate(stats.clustered([], []), DESIGNED, level=0.9, unit="share")
    assert nothing == Estimate(
        status=Status.NOT_MEASURED, level=0.9, n_items=0, n_clusters=0, method="needs 5 clusters", unit="share"
    )


def test_an_estimate_at_the_end_says_how_it_was_made() -> None:
    """Six items in five clusters, all 1: the bound is 0.05 ** (1 / 5) = 0.5493 at 90 %."""
    sample = stats.clustered([1.0] * 6, list("aabcde"))
    found = stats.mean_estimate(sample, DESIGNED, level=0.9, unit="share")
    assert found.ci_low == pytest.approx(0.05**0.2)
    assert found == Estimate(
        status=Status.OK,
        value=1.0,
        ci_low=found.ci_low,
        ci_high=1.0,
        level=0.9,
        n_items=6,
        n_clusters=5,
        method="every cluster answers alike: Clopper-Pearson over clusters",
        unit="share",
    )


def test_a_mean_at_the_end_needs_every_item_there() -> None:
    """Nats have no end, and cluster means that happen to be 1 in the mean are no end either."""
    ones = stats.clustered([1.0] * 5, list("abcde"))
    assert stats.mean_estimate(ones, DESIGNED, unit="nats").ci_low == 1.0
    spread = stats.clustered([1.5, 0.5, 1.5, 0.5, 1.0], list("abcde"))
    assert "t interval" in stats.mean_estimate(spread, DESIGNED).method


def test_means_of_answers_over_wordings_near_an_end_have_the_logit_scale() -> None:
    """12 clusters of 10, of which 4 items say otherwise to one wording of three: t took 0.957 to 0.999 of them."""
    values = np.ones(120)
    values[[0, 30, 60, 90]] = 1 / 3
    found = stats.mean_estimate(stats.clustered(values, np.repeat(np.arange(12), 10)), DESIGNED)
    assert found.value == pytest.approx(1 - 4 * (2 / 3) / 120)
    assert "logit scale" in found.method
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 0.95
    assert 0.98 < found.ci_high < 1
    graded = stats.mean_estimate(stats.clustered(values - 0.01, np.repeat(np.arange(12), 10)), DESIGNED)
    assert "logit scale" not in graded.method
