"""The worst of many means."""

from __future__ import annotations

import numpy as np
import pytest

from biasaudit.stats import Clustered, clustered
from biasaudit.stats.perturbed import Worst, worst_of
from biasaudit.types import ClusterDesign, Estimate, Status

DESIGNED, NUISANCE, NONE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE, ClusterDesign.NONE


def samples_of(values: np.ndarray) -> list[Clustered]:
    return [clustered(one, np.arange(len(values))) for one in values.T]


def worst(values: np.ndarray, *, two_sided: bool = False, seed: int = 0) -> Worst:
    rng = np.random.default_rng(seed)
    return worst_of(samples_of(values), DESIGNED, rng=rng, level=0.95, unit="nats", two_sided=two_sided)


def holds(found: Estimate, truth: float) -> bool:
    assert found.ci_low is not None
    assert found.ci_high is not None
    return found.ci_low < truth < found.ci_high


def width(found: Estimate) -> float:
    assert found.ci_low is not None
    assert found.ci_high is not None
    return found.ci_high - found.ci_low


def test_of_one_mean_the_worst_is_that_mean() -> None:
    """Each cluster is measured in half of the splits: the halves of a split add up to the mean of all."""
    values = np.random.default_rng(1).standard_normal((12, 1))
    found = worst(values)
    assert found.place == 0
    assert found.estimate.value == pytest.approx(values.mean())
    assert holds(found.estimate, values.mean())


def test_one_that_is_far_worse_is_measured_as_if_it_had_been_named_beforehand() -> None:
    values = np.random.default_rng(2).standard_normal((12, 5)) * 0.1 + [0.0, 3.0, 0.0, 0.0, 0.0]
    found = worst(values)
    assert found.place == 1
    assert found.estimate.value == pytest.approx(values[:, 1].mean())


def test_the_largest_of_many_that_are_all_alike_is_not_taken_at_its_word() -> None:
    """60 independent means of 12 standard normal values: the largest is about 0.67, measured elsewhere about 0."""
    values = np.random.default_rng(3).standard_normal((12, 60))
    found = worst(values).estimate
    assert values.mean(axis=0).max() > 0.5
    assert found.value == pytest.approx(0, abs=0.3)
    assert holds(found, 0)


def test_the_far_end_reaches_beyond_the_largest_of_all() -> None:
    """The cross-fitted mean is at most the worst, so that its own far end would fall short of it."""
    values = np.random.default_rng(4).standard_normal((12, 60))
    found = worst(values).estimate
    assert holds(found, values.mean(axis=0).max())


def test_by_size_a_mean_far_below_zero_is_the_worst() -> None:
    values = np.random.default_rng(5).standard_normal((12, 3)) * 0.1 + [0.5, -2.0, 1.0]
    found = worst(values, two_sided=True)
    assert found.place == 1
    assert found.estimate.value == pytest.approx(-values[:, 1].mean())
    turned = worst(-values, two_sided=True)
    assert turned.estimate.value == pytest.approx(-values[:, 1].mean())
    assert turned.estimate.ci_high == found.estimate.ci_high


def test_clusters_of_unequal_size_weigh_by_their_items_where_they_are_a_nuisance() -> None:
    rng = np.random.default_rng(6)
    index = np.repeat(np.arange(20), rng.integers(1, 6, 20))
    sample = clustered(rng.standard_normal(len(index)), index)
    for design, mean in (
        (NUISANCE, sample.values.mean()), (NONE, sample.values.mean()), (DESIGNED, sample.means.mean())
    ):  # fmt: skip
        found = worst_of([sample], design, rng=np.random.default_rng(0), level=0.95, unit="nats").estimate
        assert found.value == pytest.approx(mean, abs=0.05)


def test_under_ten_clusters_a_half_is_no_sample() -> None:
    found = worst(np.random.default_rng(7).standard_normal((9, 3)))
    assert found.estimate.status is Status.TOO_FEW_CLUSTERS
    assert found.estimate.value is None


def crossed(n_words: int) -> list[Clustered]:
    rng = np.random.default_rng(8)
    index, also = np.repeat(np.arange(12), n_words), np.tile(np.arange(n_words), 12)
    words = rng.standard_normal((n_words, 3))[also]
    return [clustered(one, index, also) for one in (words + 0.2 * rng.standard_normal(words.shape) + [0, 0, 9]).T]


def test_crossed_clusters_are_measured_where_neither_factor_was_chosen_on() -> None:
    rng = np.random.default_rng(0)
    both = crossed(12)
    found = worst_of(both, DESIGNED, rng=rng, level=0.95, unit="nats")
    assert found.place == 2
    assert found.estimate.value == pytest.approx(both[2].means.mean(), abs=0.3)
    assert "quarter" in found.estimate.method
    templates = [clustered(one.values, one.index) for one in both]
    alone = worst_of(templates, DESIGNED, rng=rng, level=0.95, unit="nats").estimate
    assert width(found.estimate) > 3 * width(alone)
    by_size = worst_of(
        [one.with_values(-one.values) for one in both], DESIGNED, rng=rng, level=0.95, unit="nats", two_sided=True
    )
    assert by_size.estimate.value == pytest.approx(both[2].means.mean(), abs=0.3)


def test_a_second_factor_of_under_ten_cannot_be_halved() -> None:
    found = worst_of(crossed(8), DESIGNED, rng=np.random.default_rng(0), level=0.95, unit="nats").estimate
    assert found.status is Status.TOO_FEW_CLUSTERS


def test_factors_that_hardly_cross_leave_no_quarter_to_measure() -> None:
    """Each of 12 templates has a word of its own: about 3 lie in a quarter."""
    samples = [clustered(np.arange(12.0), np.arange(12), np.arange(12))]
    found = worst_of(samples, DESIGNED, rng=np.random.default_rng(0), level=0.95, unit="nats").estimate
    assert found.status is Status.NOT_ESTIMABLE
