from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from biasaudit import stats
from biasaudit.types import Status


def lean(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x (biased / answered) - 1."""
    return 2 * sums[..., 0] / sums[..., 1] - 1


def answers(rng: np.random.Generator, n_clusters: int) -> NDArray[np.float64]:
    """Clusters of 5 to 20 answers, of which about 70 % are biased, more in some clusters than in others."""
    sizes = rng.integers(5, 21, size=n_clusters)
    return np.stack([rng.binomial(sizes, rng.beta(14, 6, size=n_clusters)), sizes], axis=1).astype(float)


def test_the_value_is_the_statistic_of_all_clusters() -> None:
    """24 of 48 biased over 12 clusters: 2 x 0.5 - 1 = 0."""
    totals = np.array([[1.0, 4.0], [2.0, 4.0], [3.0, 4.0], [2.0, 4.0]] * 3)
    estimate = stats.cluster_bootstrap(totals, lean, rng=np.random.default_rng(0), n_items=48)
    assert estimate.value == 0.0
    assert estimate.ci_low is not None
    assert estimate.ci_high is not None
    assert estimate.ci_low < 0 < estimate.ci_high
    assert (estimate.n_items, estimate.n_clusters) == (48, 12)


def test_many_clusters_give_the_interval_of_the_delta_method() -> None:
    """The mean of 400 clusters of one item: 1.96 standard errors to either side."""
    rng = np.random.default_rng(1)
    values = rng.normal(0.3, 1.0, 400)
    totals = np.stack([values, np.ones(400)], axis=1)
    estimate = stats.cluster_bootstrap(totals, lambda sums: sums[..., 0] / sums[..., 1], rng=rng, n_items=400)
    half = 1.96 * values.std(ddof=1) / 20
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.ci_low == pytest.approx(values.mean() - half, abs=0.01)
    assert estimate.ci_high == pytest.approx(values.mean() + half, abs=0.01)


def test_swapping_the_groups_flips_the_interval() -> None:
    """Counting the other answers as biased turns the sign; the draws are the same."""
    totals = answers(np.random.default_rng(3), 30)
    other = np.stack([totals[:, 1] - totals[:, 0], totals[:, 1]], axis=1)
    one = stats.cluster_bootstrap(totals, lean, rng=np.random.default_rng(0), n_items=1)
    two = stats.cluster_bootstrap(other, lean, rng=np.random.default_rng(0), n_items=1)
    assert one.value == pytest.approx(-(two.value or 0))
    assert one.ci_low == pytest.approx(-(two.ci_high or 0), abs=1e-6)


def test_both_arms_see_the_same_draws() -> None:
    """An arm compared with itself differs by nothing, in every draw: no variation, so no interval."""
    totals = answers(np.random.default_rng(3), 30)
    both = np.concatenate([totals, totals], axis=1)
    estimate = stats.cluster_bootstrap(
        both, lambda sums: lean(sums[..., :2]) - lean(sums[..., 2:]), rng=np.random.default_rng(0), n_items=1
    )
    assert estimate.status is Status.NOT_ESTIMABLE


def test_what_cannot_be_estimated_carries_no_number() -> None:
    rng = np.random.default_rng(0)
    nothing = stats.cluster_bootstrap(np.empty((0, 2)), lean, rng=rng, n_items=0)
    few = stats.cluster_bootstrap(np.ones((9, 2)), lean, rng=rng, n_items=9)
    unanswered = stats.cluster_bootstrap(np.zeros((12, 2)), lean, rng=rng, n_items=9)
    rare = np.zeros((12, 2))
    rare[0] = [1.0, 2.0]
    rare[1] = [2.0, 2.0]
    assert nothing.status is Status.NOT_MEASURED
    assert few.status is Status.TOO_FEW_CLUSTERS
    assert unanswered.status is Status.NOT_ESTIMABLE
    # 2 of 12 clusters hold every answer: a draw has none of them in 11 % of cases.
    assert stats.cluster_bootstrap(rare, lean, rng=rng, n_items=4).method == "not defined in some resamples"


@pytest.mark.slow
@pytest.mark.parametrize("n_clusters", [20, 50])
def test_the_interval_of_a_ratio_covers_what_it_says(n_clusters: int) -> None:
    """400 samples of clusters of unequal size: 95 % of the intervals hold 0.4, within 3 standard errors."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        estimate = stats.cluster_bootstrap(answers(rng, n_clusters), lean, rng=rng, n_items=1, n_resamples=1_000)
        covered += (estimate.ci_low or -2) <= 0.4 <= (estimate.ci_high or -2)
    assert 0.917 <= covered / 400 <= 0.983
