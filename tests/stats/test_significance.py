from __future__ import annotations

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import ClusterDesign

DESIGNED, NUISANCE, NONE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE, ClusterDesign.NONE
TEN = [str(number) for number in range(10)]


def test_sign_flip_is_exact_for_few_clusters() -> None:
    """Five equal differences: 2 of the 32 sign patterns are as extreme."""
    sample = stats.clustered([0.1] * 5, ["a", "b", "c", "d", "e"])
    result = stats.sign_flip(sample, DESIGNED, rng=np.random.default_rng(0))
    assert result.p_value == pytest.approx(2 / 32)


def test_mcnemar_is_used_only_where_every_item_is_its_own_cluster() -> None:
    """Removed 6, introduced 0: p = 2 * 0.5 ** 6."""
    first = stats.clustered([1.0] * 6 + [-1.0] * 4, TEN)
    second = first.with_values(np.full(10, -1.0))
    rng = np.random.default_rng(0)
    alone = stats.paired_change(first, second, NONE, rng=rng).test
    clusters = stats.paired_change(first, second, NUISANCE, rng=rng).test
    assert alone is not None
    assert clusters is not None
    assert alone.test == "exact McNemar"
    assert alone.p_value == pytest.approx(2 * 0.5**6)
    assert clusters.test.startswith("sign-flip")


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.9 times 3, 2, 1, made monotone."""
    assert stats.holm([0.02, 0.9, 0.01]) == pytest.approx((0.04, 0.9, 0.03))
    assert stats.holm([]) == ()


def test_holm_is_that_of_statsmodels() -> None:
    """Few families, because statsmodels collects garbage at each; ties and a single value are among them."""
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(0)
    for p_values in ([0.3], [0.02, 0.02, 0.5], rng.random(53).tolist(), (rng.random(40) ** 4).tolist()):
        assert stats.holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]), abs=1e-15)


def test_benjamini_hochberg_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03 times 3/1, 3/2, 3/3, made monotone from the end: 0.03 for all."""
    assert stats.benjamini_hochberg([0.02, 0.03, 0.01]) == pytest.approx((0.03, 0.03, 0.03))
    assert stats.benjamini_hochberg([0.9, 0.001]) == pytest.approx((0.9, 0.002))
    assert stats.benjamini_hochberg([]) == ()


@pytest.mark.parametrize("design", list(ClusterDesign))
def test_equivalence_says_what_the_90_percent_interval_says(design: ClusterDesign) -> None:
    """At a margin equal to the interval's farther end the p-value is exactly 0.05."""
    sample = stats.clustered(np.linspace(-0.02, 0.05, 10), TEN)
    estimate = stats.mean_estimate(sample, design, level=0.90, unit="index difference")
    assert estimate.ci_high is not None
    assert stats.equivalence(sample, design, margin=estimate.ci_high).p_value == pytest.approx(0.05)
    assert stats.equivalence(sample.with_values(-sample.values), design, margin=estimate.ci_high).p_value == (
        pytest.approx(0.05)
    )
    assert stats.equivalence(sample, design, margin=1.0).p_value < 1e-6
    assert stats.equivalence(sample, design, margin=0.001).p_value > 0.5


def test_equivalence_without_variation_is_decided_by_the_value() -> None:
    same = stats.clustered([0.03] * 5, TEN[:5])
    assert stats.equivalence(same, DESIGNED, margin=0.05).p_value == 0.0
    assert stats.equivalence(same, DESIGNED, margin=0.03).p_value == 1.0


def test_tests_that_cannot_be_run_are_refused() -> None:
    one = stats.clustered([0.1], ["a"])
    with pytest.raises(ValueError, match="2 clusters"):
        stats.equivalence(one, DESIGNED, margin=0.1)
    with pytest.raises(ValueError, match="margin above 0"):
        stats.equivalence(stats.clustered([0.1, 0.2], ["a", "b"]), DESIGNED, margin=0.0)
    with pytest.raises(ValueError, match="2 clusters"):
        stats.mean_is_zero(one, DESIGNED)


def test_the_t_test_by_hand() -> None:
    """1, 2, 3, 4, 5: mean 3, standard error sqrt(2.5 / 5) = 0.7071, t = 4.243, two-sided p = 0.0132."""
    sample = stats.clustered([1.0, 2.0, 3.0, 4.0, 5.0], list("abcde"))
    assert stats.mean_is_zero(sample, DESIGNED).p_value == pytest.approx(0.01324, abs=1e-5)
    assert stats.mean_is_zero(sample.with_values(-sample.values), DESIGNED).p_value == pytest.approx(0.01324, abs=1e-5)
    nothing = sample.with_values(np.zeros(5))
    assert stats.mean_is_zero(nothing, DESIGNED).p_value == 1.0
    assert stats.mean_is_zero(nothing.with_values(np.ones(5)), DESIGNED).p_value == 0.0
