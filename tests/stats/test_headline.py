from __future__ import annotations

import math

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import Status


def test_the_headline_makes_up_no_reduction_where_nothing_changed() -> None:
    """30 weak cells, both arms noise around the same lean: the naive ratio says about 38 %, this about 0."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(15):
        leans = rng.normal(0, 0.08, 30)
        cells = [
            stats.Cell(first=lean + rng.normal(0, 0.25, 40), second=lean + rng.normal(0, 0.25, 40), n_items=40)
            for lean in leans
        ]
        estimate = stats.relative_reduction_over_cells(cells, rng=rng)
        if estimate.value is not None:
            found.append(estimate.value)
    assert len(found) >= 10
    assert abs(float(np.median(found))) < 0.15


def test_the_headline_finds_a_reduction_that_is_there() -> None:
    rng = np.random.default_rng(6)
    cells = []
    for lean in np.linspace(0.3, 0.6, 8):
        first = lean + rng.normal(0, 0.05, 20)
        cells.append(stats.Cell(first=first, second=0.7 * first, n_items=20))
    estimate = stats.relative_reduction_over_cells(cells, rng=rng)
    assert estimate.value == pytest.approx(0.3, abs=1e-6)
    assert stats.relative_reduction_over_cells([], rng=rng).status is Status.NOT_MEASURED


def ten_clusters(rng: np.random.Generator) -> stats.Cell:
    """One cell that leans clearly and does not change: base and tuned correlate at 0.9."""
    shared, own = rng.normal(size=(2, 10))
    return stats.Cell(first=0.5 + 0.12 * shared, second=0.5 + 0.12 * (0.9 * shared + math.sqrt(0.19) * own), n_items=10)


def test_one_clear_cell_gives_its_own_relative_reduction() -> None:
    """Every half of this cell leans clearly, so every weight is 1: the same ratio, the same Fieller interval."""
    rng = np.random.default_rng(1)
    cell = ten_clusters(rng)
    alone = stats.clustered(cell.first, range(10))
    expected = stats.relative_reduction(alone.with_values(cell.first - cell.second), alone)
    estimate = stats.relative_reduction_over_cells([cell], rng=rng)
    assert estimate.value == pytest.approx(expected.value)
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((expected.ci_low, expected.ci_high))
    assert (estimate.n_items, estimate.n_clusters) == (10, 10)


def test_two_equal_cells_by_hand() -> None:
    """Leans 0.4 to 0.6, reductions 0.1 in one cell and 0.3 in the other: 0.4 / 1.0, with every weight 1."""
    first = np.array([0.4, 0.5, 0.6, 0.4, 0.5, 0.6])
    cells = [stats.Cell(first=first, second=first - change, n_items=6) for change in (0.1, 0.3)]
    estimate = stats.relative_reduction_over_cells(cells, rng=np.random.default_rng(0))
    assert estimate.value == pytest.approx(0.4)
    # var of a cell's lean 0.008 / 6; direction (1, -0.4): 0.16 * 0.008 / 6 in either cell, so 10 degrees of
    # freedom (t = 2.2281); Fieller with no covariance: a = 1 - t^2 v, b = 0.4, c = 0.16, v = 0.016 / 6.
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((0.3587, 0.4520), abs=1e-4)


def test_a_lean_against_the_stereotype_counts_as_a_lean() -> None:
    """-0.5 that becomes -0.25 has lost half, as 0.5 that becomes 0.25 has."""
    first = np.array([0.4, 0.5, 0.6, 0.4, 0.5, 0.6])
    rng = np.random.default_rng(0)
    with_it = stats.relative_reduction_over_cells([stats.Cell(first=first, second=first / 2, n_items=6)], rng=rng)
    against = stats.relative_reduction_over_cells([stats.Cell(first=-first, second=-first / 2, n_items=6)], rng=rng)
    assert with_it.value == pytest.approx(0.5)
    assert against.value == pytest.approx(0.5)


def test_halves_of_unequal_size_count_as_halves() -> None:
    """Seven clusters that all lean clearly: weights are 1 on average, so the ratio stays within a split's noise."""
    first = np.linspace(0.5, 0.8, 7)
    estimate = stats.relative_reduction_over_cells(
        [stats.Cell(first=first, second=first - 0.1, n_items=7)], rng=np.random.default_rng(2)
    )
    assert estimate.value == pytest.approx(0.1 / 0.65, abs=0.002)


def test_no_lean_and_few_clusters_carry_no_number() -> None:
    rng = np.random.default_rng(0)
    flat = stats.Cell(first=np.zeros(8), second=np.ones(8), n_items=8)
    few = stats.Cell(first=np.ones(4), second=np.zeros(4), n_items=4)
    noisy = stats.Cell(first=np.array([1.0, -1, 1, -1, 1, -1, 1, 0]), second=np.zeros(8), n_items=8)
    assert stats.relative_reduction_over_cells([flat], rng=rng).status is Status.NOT_ESTIMABLE
    assert stats.relative_reduction_over_cells([few], rng=rng).status is Status.NOT_MEASURED
    assert stats.relative_reduction_over_cells([noisy], rng=rng).status is Status.NOT_ESTIMABLE
    gone = stats.relative_reduction_over_cells([stats.Cell(first=np.ones(8), second=np.zeros(8), n_items=8)], rng=rng)
    assert (gone.value, gone.ci_low, gone.ci_high) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.slow
def test_the_headlines_interval_covers_what_it_says() -> None:
    """Nothing changed, ten clusters: 95 % of 250 draws cover 0, within 3 standard errors; percentiles covered 85 %."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(250):
        estimate = stats.relative_reduction_over_cells([ten_clusters(rng)], rng=rng)
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        covered += estimate.ci_low <= 0 <= estimate.ci_high
    assert 0.909 <= covered / 250 <= 0.991
