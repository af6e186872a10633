"""What tuning broke: the drop of what a good model keeps, and the ratio of differences that nobody meant to change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit import stats
from biasaudit.types import ClusterDesign, Status

DESIGNED = ClusterDesign.DESIGNED
TEMPLATES = ["a", "b", "c", "d", "e", "f"]
T5, T4 = 2.5706, 2.7764
"""Quantiles of Student's t at 0.975, with 5 and with 4 degrees of freedom, from a printed table."""


def shares(*values: float, clusters: list[str] | None = None) -> stats.Clustered:
    return stats.clustered(list(values), clusters or TEMPLATES[: len(values)])


def test_all_that_is_licensed_can_be_lost_and_all_gained() -> None:
    """From 1 to 0 in every template: 1. Answers that all agree: the share of like clusters is at least 0.025^(1/6) =
    0.5407, the others may lie at -1."""
    right, wrong = shares(*[1.0] * 6), shares(*[0.0] * 6)
    lost = stats.licensed_drop(right, wrong, DESIGNED)
    assert (lost.value, lost.ci_low, lost.ci_high) == pytest.approx((1.0, 2 * 0.025 ** (1 / 6) - 1, 1.0))
    assert stats.licensed_drop(wrong, right, DESIGNED).value == -1.0


def test_answers_that_all_stay_have_a_width_and_probabilities_that_all_stay_have_none() -> None:
    """Answers as in all of the house: 1 - 0.025^(1/6) = 0.459 to either side; what is graded differs by nothing."""
    kept = stats.licensed_drop(shares(*[1.0] * 6), shares(*[1.0] * 6), DESIGNED)
    assert (kept.value, kept.ci_low, kept.ci_high) == pytest.approx((0.0, -0.4593, 0.4593), abs=1e-4)
    graded = stats.licensed_drop(shares(*[0.9] * 6), shares(*[0.9] * 6), DESIGNED)
    assert (graded.value, graded.ci_low, graded.ci_high) == (0.0, 0.0, 0.0)


def test_a_drop_is_the_mean_over_templates_with_their_t_interval() -> None:
    """Drops of .1 and .2 in turn: mean .15, standard deviation .1 x sqrt(6 / 4 / 5) = .05477."""
    found = stats.licensed_drop(shares(*[0.9] * 6), shares(*[0.8, 0.7] * 3), DESIGNED)
    half = 0.05477226 / 6**0.5 * T5
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.15, 0.15 - half, 0.15 + half), abs=1e-5)
    assert (found.n_items, found.n_clusters, found.unit) == (6, 6, "probability difference")


def test_items_of_one_template_count_as_one() -> None:
    """Template a loses .4 in each of three items, the other five lose nothing: .4 / 6, and not .4 x 3 / 8."""
    clusters = ["a", "a", "a", "b", "c", "d", "e", "f"]
    before = shares(*[0.9] * 8, clusters=clusters)
    after = before.with_values(np.array([0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9]))
    assert stats.licensed_drop(before, after, DESIGNED).value == pytest.approx(0.4 / 6)


@pytest.mark.parametrize("measure", [stats.licensed_drop, stats.blunting])
def test_without_evidence_there_is_a_status_and_no_number(measure: type) -> None:
    nothing = stats.clustered([], [])
    four = shares(0.9, 0.9, 0.9, 0.9)
    assert measure(nothing, nothing, DESIGNED).status is Status.NOT_MEASURED
    few = measure(four, four, DESIGNED)
    assert (few.status, few.value, few.n_clusters) == (Status.TOO_FEW_CLUSTERS, None, 4)


def test_the_ratio_has_the_interval_of_fieller() -> None:
    """Before 2 in every template, so that nothing but the numerator varies: mean .5, standard deviation of .4, .5, .6,
    .45, .55 is .07906."""
    before = shares(2.0, 2.0, 2.0, 2.0, 2.0)
    after = before.with_values(np.array([0.8, 1.0, 1.2, 0.9, 1.1]))
    found = stats.blunting(before, after, DESIGNED)
    half = 0.0790569 / 5**0.5 * T4
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.5, 0.5 - half, 0.5 + half), abs=1e-4)
    assert (found.unit, found.status) == ("ratio", Status.OK)


def test_what_grows_with_what_it_is_set_against_is_told_better_than_either() -> None:
    """Paired: sizes from 1 to 3 that are all nearly halved. Apart, each mean is known to a third."""
    before = shares(1.0, 1.5, 2.0, 2.5, 3.0, 2.0)
    after = before.with_values(before.values * np.array([0.5, 0.49, 0.5, 0.51, 0.5, 0.5]))
    found = stats.blunting(before, after, DESIGNED)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert 0.49 < found.ci_low < 0.5 < found.ci_high < 0.515


def test_nothing_is_left_where_nothing_is_told_apart_any_more() -> None:
    """The lower extreme: 0 in five of six templates. No bound lies below it."""
    found = stats.blunting(shares(*[2.0] * 6), shares(0.0, 0.0, 0.0, 0.0, 0.0, 0.1), DESIGNED)
    assert found.value == pytest.approx(0.1 / 12)
    assert found.ci_low == 0.0


def test_where_there_was_nothing_there_is_no_ratio() -> None:
    """0.04 nats before: a hundredth more would be a quarter more."""
    small = stats.blunting(shares(*[0.04] * 6), shares(0.01, 0.02, 0.03, 0.04, 0.01, 0.02), DESIGNED)
    assert (small.status, small.value) == (Status.NOT_ESTIMABLE, None)
    assert "below 0.05 nats" in small.method


def test_where_every_template_has_one_ratio_nothing_says_how_far_another_would_be() -> None:
    """An interval without a width would be below 1 whatever the ratio is."""
    before = shares(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    alike = stats.blunting(before, before.with_values(before.values / 2), DESIGNED)
    assert (alike.status, alike.method) == (Status.NOT_ESTIMABLE, "every cluster has the same ratio")


def test_an_interval_without_bounds_is_none() -> None:
    """One template holds nearly all of it: the mean before cannot be told from 0."""
    before = shares(9.0, 0.01, 0.01, 0.01, 0.01, 0.01)
    after = before.with_values(np.array([8.0, 0.3, 0.2, 0.1, 0.2, 0.3]))
    found = stats.blunting(before, after, DESIGNED)
    assert (found.status, found.method) == (Status.NOT_ESTIMABLE, "Fieller's interval is unbounded")


@given(st.lists(st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)), min_size=6, max_size=6), st.floats(0.5, 3))
def test_the_ratio_knows_no_unit_and_no_order(pairs: list[tuple[float, float]], unit: float) -> None:
    """Nats or bits, the templates in this order or that: one ratio, and it lies in its interval."""
    before, after = (shares(*values) for values in zip(*pairs, strict=True))
    found = stats.blunting(before, after, DESIGNED)
    other = stats.blunting(shares(*(before.values[::-1] * unit)), shares(*(after.values[::-1] * unit)), DESIGNED)
    assert found.status is other.status
    if found.value is not None:
        assert other.value == pytest.approx(found.value)
        assert (other.ci_low, other.ci_high) == pytest.approx((found.ci_low, found.ci_high))
        assert found.ci_low is not None
        assert found.ci_high is not None
        assert found.ci_low <= found.value <= found.ci_high


@pytest.mark.parametrize(("n_clusters", "spread"), [(6, 0.2), (12, 0.6)])
def test_the_interval_of_blunting_covers(n_clusters: int, spread: float) -> None:
    """The table of docs/methods.md, section 8.9, in small: 400 draws, true ratio of means exp(.2^2 / 2) = 1.0202.

    Of 95 %, three standard errors of 400 draws are 3.3 points.
    """
    rng = np.random.default_rng(7)
    clusters = np.repeat(np.arange(n_clusters), 4)
    covered = []
    for _ in range(400):
        before = np.abs(
            np.exp(spread * rng.standard_normal(n_clusters))[clusters] * (2 + rng.standard_normal(len(clusters)))
        )
        after = before * np.exp(0.2 * rng.standard_normal(len(clusters)))
        found = stats.blunting(stats.clustered(before, clusters), stats.clustered(after, clusters), DESIGNED)
        if found.ci_low is not None and found.ci_high is not None:
            covered.append(found.ci_low <= np.exp(0.02) <= found.ci_high)
    assert len(covered) > 390
    assert 0.917 <= np.mean(covered) <= 0.983
