from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from biasaudit import stats
from biasaudit.types import ClusterDesign, Status


def cell(first: NDArray[np.float64], second: NDArray[np.float64]) -> stats.Cell:
    """One item a cluster."""
    sample = stats.clustered(first, range(len(first)))
    return stats.Cell(first=sample, second=sample.with_values(second), design=ClusterDesign.DESIGNED)


def test_the_headline_makes_up_no_reduction_where_nothing_changed() -> None:
    """30 weak cells, both arms noise around the same lean: the naive ratio says about 38 %, this about 0."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(15):
        leans = rng.normal(0, 0.08, 30)
        cells = [cell(lean + rng.normal(0, 0.25, 40), lean + rng.normal(0, 0.25, 40)) for lean in leans]
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
        cells.append(cell(first, 0.7 * first))
    estimate = stats.relative_reduction_over_cells(cells, rng=rng)
    assert estimate.value == pytest.approx(0.3, abs=1e-6)
    assert stats.relative_reduction_over_cells([], rng=rng).status is Status.NOT_MEASURED


def ten_clusters(rng: np.random.Generator) -> stats.Cell:
    """One cell that leans clearly and does not change: base and tuned correlate at 0.9."""
    shared, own = rng.normal(size=(2, 10))
    return cell(0.5 + 0.12 * shared, 0.5 + 0.12 * (0.9 * shared + math.sqrt(0.19) * own))


def test_one_clear_cell_gives_its_own_relative_reduction() -> None:
    """Every half of this cell leans clearly, so every sign is 1: the same ratio, the same Fieller interval."""
    one = ten_clusters(np.random.default_rng(1))
    reduction = one.first.with_values(one.first.values - one.second.values)
    expected = stats.relative_reduction(reduction, one.first, rng=np.random.default_rng(1))
    estimate = stats.relative_reduction_over_cells([one], rng=np.random.default_rng(1))
    assert estimate.value == pytest.approx(expected.value)
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((expected.ci_low, expected.ci_high))
    assert (estimate.n_items, estimate.n_clusters) == (10, 10)


def spread_around(*leans: float, seed: int = 3) -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [lean + 0.02 * rng.normal(size=20) for lean in leans]


def test_leans_that_change_sides_do_not_cancel_those_that_stay() -> None:
    """Five cells of 0.3 turn to -0.3, five stay: nothing is gone. D over B said that all of it was."""
    cells = [cell(*spread_around(0.3, after, seed=seed)) for seed, after in enumerate([-0.3] * 5 + [0.3] * 5)]
    estimate = stats.relative_reduction_over_cells(cells, rng=np.random.default_rng(0))
    assert estimate.value == pytest.approx(0.0, abs=0.03)
    assert estimate.ci_low is not None
    assert estimate.ci_low < 0 < (estimate.ci_high or 0) < 0.1


def test_a_lean_that_appears_counts_as_growth() -> None:
    """One cell of 0.4 stays and one of 0 leans -0.4 now: 1 - 0.8 / 0.4. The base's own noise counts by no half."""
    cells = [cell(*spread_around(0.4, 0.4)), cell(*spread_around(0.0, -0.4, seed=4))]
    estimate = stats.relative_reduction_over_cells(cells, rng=np.random.default_rng(0))
    assert estimate.value == pytest.approx(-1.0, abs=0.1)


def test_a_lean_wholly_on_the_other_side_is_above_one_where_no_half_shows_it() -> None:
    """Half of what is left lies clearly below 0 in no half: the ratio is above 1, or spans what it may be."""
    rng = np.random.default_rng(2)
    first = 0.4 + 0.02 * rng.normal(size=12)
    second = -0.05 + 0.09 * rng.normal(size=12)
    estimate = stats.relative_reduction_over_cells([cell(first, second)], rng=rng)
    assert estimate.value is not None
    assert estimate.ci_low is not None
    assert estimate.ci_low < 0.875 < (estimate.ci_high or 0) <= 1.0


def test_a_base_that_hardly_leans_has_no_share_however_clear_its_lean() -> None:
    """0.01 without noise that becomes -0.62: it was printed as -6,100 %."""
    tiny = cell(np.full(10, 0.01), np.full(10, -0.62))
    estimate = stats.relative_reduction_over_cells([tiny], rng=np.random.default_rng(0))
    assert (estimate.status, estimate.value) == (Status.NOT_ESTIMABLE, None)
    assert "leans too little" in estimate.method


def test_a_nuisance_counts_by_its_items() -> None:
    """Two items of each of six clusters lose half, one item of each of six lose nothing: 12 of 18 halves are 1/3.

    Cluster means would say 1/4.
    """
    clusters = [*np.repeat(np.arange(6), 2), *range(6, 12)]
    first = stats.clustered(np.linspace(0.39, 0.41, 18), clusters)
    second = first.with_values(first.values * np.array([0.5] * 12 + [1.0] * 6))
    found = {
        design: stats.relative_reduction_over_cells(
            [stats.Cell(first=first, second=second, design=design)], rng=np.random.default_rng(0)
        ).value
        for design in (ClusterDesign.NUISANCE, ClusterDesign.DESIGNED)
    }
    assert found[ClusterDesign.NUISANCE] == pytest.approx(1 / 3, abs=0.02)
    assert found[ClusterDesign.DESIGNED] == pytest.approx(1 / 4, abs=0.02)


def test_a_second_factor_is_halved_too() -> None:
    """Twelve templates by twelve words; the words carry the change. Templates alone take it for nearly certain."""
    rng = np.random.default_rng(5)
    words = rng.normal(0, 0.1, 12)
    rows, columns = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    values = 0.4 + 0.01 * rng.normal(size=144), 0.3 + words[columns]
    widths = []
    for also in (None, columns):
        first = stats.clustered(values[0], rows, also)
        one = stats.Cell(first=first, second=first.with_values(values[1]), design=ClusterDesign.DESIGNED)
        estimate = stats.relative_reduction_over_cells([one], rng=np.random.default_rng(0))
        assert estimate.value == pytest.approx(1 - (0.3 + words.mean()) / 0.4, abs=0.01)
        widths.append((estimate.ci_high or 0) - (estimate.ci_low or 0))
    assert widths[1] > 10 * widths[0]


def test_two_equal_cells_by_hand() -> None:
    """Leans 0.4 to 0.6, reductions 0.1 in one cell and 0.3 in the other: 0.4 / 1.0, with every weight 1."""
    first = np.array([0.4, 0.5, 0.6, 0.4, 0.5, 0.6])
    cells = [cell(first, first - change) for change in (0.1, 0.3)]
    estimate = stats.relative_reduction_over_cells(cells, rng=np.random.default_rng(0))
    assert estimate.value == pytest.approx(0.4)
    # var of a cell's lean 0.008 / 6; direction (1, -0.4): 0.16 * 0.008 / 6 in either cell, so 10 degrees of
    # freedom (t = 2.2281); Fieller with no covariance: a = 1 - t^2 v, b = 0.4, c = 0.16, v = 0.016 / 6.
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((0.3587, 0.4520), abs=1e-4)


def test_a_lean_against_the_stereotype_counts_as_a_lean() -> None:
    """-0.5 that becomes -0.25 has lost half, as 0.5 that becomes 0.25 has."""
    first = np.array([0.4, 0.5, 0.6, 0.4, 0.5, 0.6])
    rng = np.random.default_rng(0)
    with_it = stats.relative_reduction_over_cells([cell(first, first / 2)], rng=rng)
    against = stats.relative_reduction_over_cells([cell(-first, -first / 2)], rng=rng)
    assert with_it.value == pytest.approx(0.5)
    assert against.value == pytest.approx(0.5)


def test_halves_of_unequal_size_count_as_halves() -> None:
    """Seven clusters that all lean clearly: weights are 1 on average, so the ratio stays within a split's noise."""
    first = np.linspace(0.5, 0.8, 7)
    estimate = stats.relative_reduction_over_cells([cell(first, first - 0.1)], rng=np.random.default_rng(2))
    assert estimate.value == pytest.approx(0.1 / 0.65, abs=0.002)


def test_no_lean_and_few_clusters_carry_no_number() -> None:
    rng = np.random.default_rng(0)
    flat = cell(np.zeros(8), np.ones(8))
    few = cell(np.ones(4), np.zeros(4))
    noisy = cell(np.array([1.0, -1, 1, -1, 1, -1, 1, 0]), np.zeros(8))
    assert stats.relative_reduction_over_cells([flat], rng=rng).status is Status.NOT_ESTIMABLE
    assert stats.relative_reduction_over_cells([few], rng=rng).status is Status.NOT_MEASURED
    assert stats.relative_reduction_over_cells([noisy], rng=rng).status is Status.NOT_ESTIMABLE
    gone = stats.relative_reduction_over_cells([cell(np.ones(8), np.zeros(8))], rng=rng)
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
