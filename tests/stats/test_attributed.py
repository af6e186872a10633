"""What is attributed to records, by numbers that are worked by hand and by draws of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.stats import clustered, mean_estimate
from biasaudit.stats.attributed import group_means, split_half_agreement, summed_parts
from biasaudit.types import ClusterDesign

SHARES = np.full(6, 1 / 6)


def test_parts_of_equal_weight_have_the_t_interval_of_their_clusters() -> None:
    """A mean over six cluster means is the sum of six parts, each a sixth of its cluster's mean."""
    means = np.array([0.1, 0.3, 0.2, 0.6, 0.5, 0.4])
    found = summed_parts(means[None, :] / 6, SHARES)
    wanted = mean_estimate(clustered(means, range(6)), ClusterDesign.DESIGNED, unit="index")
    assert (found.values[0], found.low[0], found.high[0]) == pytest.approx(
        (wanted.value, wanted.ci_low, wanted.ci_high)
    )


def test_parts_of_unequal_weight_that_hold_the_same_mean_have_no_width() -> None:
    shares = np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
    found = summed_parts(0.7 * shares[None, :], shares)
    assert (found.low[0], found.high[0]) == pytest.approx((0.7, 0.7))


def test_under_five_parts_there_is_no_interval() -> None:
    found = summed_parts(np.ones((2, 4)) / 4, np.full(4, 0.25))
    assert found.values.tolist() == [1.0, 1.0]
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_halves_that_rank_alike_agree_and_those_that_rank_the_other_way_do_not() -> None:
    one = np.array([1.0, 2.0, 3.0, 4.0])
    assert split_half_agreement(np.stack([one, one**2], axis=1), np.array([0.5, 0.5])) == pytest.approx(1)
    assert split_half_agreement(np.stack([one, -one], axis=1), np.array([0.5, 0.5])) == pytest.approx(-1)


def test_ties_have_the_mean_of_their_ranks() -> None:
    """Ranks .5, .5, 2 and 0, 1, 2: their correlation is 1.5 / sqrt(1.5 x 2)."""
    parts = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    assert split_half_agreement(parts, np.array([0.5, 0.5])) == pytest.approx(1.5 / np.sqrt(3))


@pytest.mark.parametrize("shape", [(5, 1), (2, 6)], ids=["one part", "two records"])
def test_too_little_has_no_agreement(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    assert split_half_agreement(rng.normal(size=shape), np.full(shape[1], 1 / shape[1])) is None


def test_records_that_a_half_does_not_tell_apart_have_no_agreement() -> None:
    assert split_half_agreement(np.ones((5, 6)), SHARES) is None


@pytest.mark.parametrize("n_parts", [5, 6])
def test_noise_agrees_with_nothing_and_signal_with_itself(n_parts: int) -> None:
    rng = np.random.default_rng(n_parts)
    noise, signal = rng.normal(size=(2000, n_parts)), rng.normal(size=(2000, 1))
    shares = np.full(n_parts, 1 / n_parts)
    assert split_half_agreement(noise, shares) == pytest.approx(0, abs=0.05)
    found = split_half_agreement(noise + 5 * signal, shares)
    assert found is not None
    assert found > 0.95


def test_a_group_that_differs_is_found_and_the_others_are_not_blamed() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [100, 80, 20])
    values = rng.normal(size=200) + 3 * (groups == 2)
    found = group_means(values, groups, n_groups=3, rng=rng)
    assert found.means == pytest.approx([values[groups == number].mean() for number in range(3)])
    assert found.p_adjusted[2] == pytest.approx(1 / 1000)
    assert found.means[2] > found.chance_high[2]
    assert (found.p_adjusted >= found.p).all()


def test_where_groups_mean_nothing_few_are_found() -> None:
    """At the level of 5 % over all three groups; 200 draws of 99 permutations."""
    rng = np.random.default_rng(1)
    groups = np.repeat([0, 1, 2], [30, 20, 10])
    found = [
        group_means(rng.normal(size=60), groups, n_groups=3, rng=rng, n_permutations=99).p_adjusted.min()
        for _ in range(200)
    ]
    assert np.mean(np.array(found) <= 0.05) < 0.1


def test_values_that_are_all_equal_differ_nowhere() -> None:
    groups = np.repeat([0, 1], [5, 7])
    found = group_means(np.full(12, 0.3), groups, n_groups=2, rng=np.random.default_rng(0), n_permutations=9)
    assert found.p_adjusted.tolist() == [1.0, 1.0]
    assert found.chance_low == pytest.approx([0.3, 0.3])


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_the_other_sign_turns_everything_round(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(7, 6))
    one, other = summed_parts(parts, SHARES), summed_parts(-parts, SHARES)
    assert one.values == pytest.approx(-other.values)
    assert one.low == pytest.approx(-other.high)
    assert split_half_agreement(parts, SHARES) == pytest.approx(split_half_agreement(-parts, SHARES))
