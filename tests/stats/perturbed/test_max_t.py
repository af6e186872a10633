"""Many means over the same clusters, against plain loops over all flips."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from biasaudit.stats import Clustered, clustered
from biasaudit.stats.perturbed import losses_p, upper_bounds
from biasaudit.types import ClusterDesign

DESIGNED, NUISANCE, NONE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE, ClusterDesign.NONE


def samples_of(values: np.ndarray) -> list[Clustered]:
    return [clustered(one, np.arange(len(values))) for one in values.T]


def p_values(values: np.ndarray) -> list[float]:
    return [float(p) for p in losses_p(samples_of(values), DESIGNED, rng=np.random.default_rng(0))]


def t_of(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(values.mean(axis=0) / (values.std(axis=0, ddof=1) / np.sqrt(len(values))))


def by_loops(values: np.ndarray) -> list[float]:
    """Step down over t statistics of every flip, written out."""
    found = t_of(values)
    order = sorted(range(len(found)), key=lambda at: -found[at])
    flipped = [t_of(np.array(signs)[:, np.newaxis] * values) for signs in product((1, -1), repeat=len(values))]
    adjusted, least = [0.0] * len(found), 0.0
    for place, at in enumerate(order):
        rivals = order[place:]
        share = np.mean([max(one[rival] for rival in rivals) >= found[at] - 1e-9 for one in flipped])
        least = max(least, float(share))
        adjusted[at] = least
    return adjusted


def test_the_p_values_are_those_of_all_flips_written_out() -> None:
    values = np.array([0.0, 0.8, 1.5, -0.5]) + np.random.default_rng(1).standard_normal((7, 4))
    assert p_values(values) == pytest.approx(by_loops(values))


def test_one_perturbation_needs_no_correction() -> None:
    """The one-sided sign-flip test of scipy."""
    values = np.random.default_rng(2).standard_normal((8, 1)) + 0.4
    alone = scipy_stats.permutation_test(
        (values[:, 0].tolist(),), np.mean, permutation_type="samples", alternative="greater", n_resamples=10_000
    )
    assert p_values(values) == pytest.approx([alone.pvalue])


def test_copies_of_one_perturbation_cost_nothing() -> None:
    """What they share is used: the p-value of 60 copies is that of one, where Bonferroni would multiply by 60."""
    values = np.random.default_rng(3).standard_normal((10, 1)) + 0.9
    assert p_values(np.repeat(values, 60, axis=1)) == pytest.approx(p_values(values) * 60)


def test_what_changes_nothing_has_a_p_value_of_one() -> None:
    values = np.stack([np.zeros(8), np.arange(1.0, 9.0)], axis=1)
    assert p_values(values) == pytest.approx([1.0, 1 / 256])


def test_a_gain_is_no_loss() -> None:
    assert p_values(-np.arange(1.0, 9.0)[:, np.newaxis]) == [1.0]


def test_many_clusters_are_flipped_by_chance_and_never_give_zero() -> None:
    """What was found is counted among the 9,999 flips: 1 / 10,000 at least."""
    values = np.random.default_rng(4).normal(5, 1, (25, 3))
    assert p_values(values) == pytest.approx([1e-4] * 3)


def test_sums_are_flipped_where_clusters_are_a_nuisance_and_items_where_there_are_none() -> None:
    """Items -1, 3 in one cluster and 1 to 4 in the others: by items fewer flips reach what was found."""
    values = np.array([-1.0, 3.0, 1.0, 2.0, 3.0, 4.0])
    index = np.array([0, 0, 1, 2, 3, 4])
    sample = clustered(values, index)
    rng = np.random.default_rng(0)
    assert losses_p([sample], NUISANCE, rng=rng).tolist() == by_loops(np.array([[2.0], [1], [2], [3], [4]]))
    assert losses_p([sample], NONE, rng=rng).tolist() == by_loops(values[:, np.newaxis])


def test_crossed_clusters_have_the_larger_p_value_of_either_factor() -> None:
    """All words of two lose, in every template: by template alone that is certain, by word it is not."""
    index, also = np.repeat(np.arange(8), 6), np.tile(np.arange(6), 8)
    rng = np.random.default_rng(5)
    values = np.array([2.0, 2.0, -0.5, 0.2, -0.3, 0.1])[also] + 0.01 * rng.standard_normal(48)
    [by_template] = losses_p([clustered(values, index)], DESIGNED, rng=rng)
    [crossed] = losses_p([clustered(values, index, also)], DESIGNED, rng=rng)
    assert by_template == pytest.approx(1 / 256)
    assert crossed > 0.1


def test_bounds_of_one_mean_are_near_its_own_t_bound() -> None:
    values = np.random.default_rng(6).standard_normal((20, 1))
    [bound] = upper_bounds(samples_of(values), DESIGNED, rng=np.random.default_rng(0), alpha=0.05, unit="nats")
    error = values.std(ddof=1) / np.sqrt(20)
    assert bound >= values.mean() + scipy_stats.t.ppf(0.95, 19) * error
    assert bound == pytest.approx(values.mean() + scipy_stats.t.ppf(0.95, 19) * error, abs=0.15 * error)


def test_more_means_have_wider_bounds_and_copies_do_not() -> None:
    values = np.random.default_rng(7).standard_normal((12, 20))
    rng = np.random.default_rng(0)
    one = upper_bounds(samples_of(values[:, :1]), DESIGNED, rng=rng, alpha=0.05, unit="nats")
    many = upper_bounds(samples_of(values), DESIGNED, rng=rng, alpha=0.05, unit="nats")
    copies = upper_bounds(samples_of(np.repeat(values[:, :1], 20, axis=1)), DESIGNED, rng=rng, alpha=0.05, unit="nats")
    assert many[0] > one[0]
    assert copies.tolist() == pytest.approx([one[0]] * 20)


def test_bounds_stop_at_the_end_of_the_scale() -> None:
    values = np.linspace(0.5, 1.0, 12)[:, np.newaxis] * np.tile([1.0, -1.0], 6)[:, np.newaxis]
    [bound] = upper_bounds(samples_of(5 * values), DESIGNED, rng=np.random.default_rng(0), alpha=0.001, unit="index")
    assert bound == 1


def test_two_identical_graded_checkpoints_differ_by_a_number() -> None:
    """Graded values are no answers (section 4.6): their difference of 0 is known."""
    [bound] = upper_bounds(
        samples_of(np.zeros((12, 1))), DESIGNED, rng=np.random.default_rng(0), alpha=0.05, unit="index difference"
    )
    assert bound == 0
