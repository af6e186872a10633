"""The headline: coverage where sides are clear, where leans turn, and where it is unclear on which side they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biasaudit import stats
from biasaudit.stats.fieller import PairedMeans, ratio_bounds
from biasaudit.stats.quantiles import t_quantile
from biasaudit.types import ClusterDesign, Estimate, Status
from tests.validation.row import AT_LEAST, COVERS, Row, covered

DRAWS: Final = 800
SPLITS: Final = 50
"""Fewer than an audit's: they add noise of their own, and none to what is covered."""

Leans = Callable[[np.random.Generator], NDArray[np.float64]]


def fixed(*leans: tuple[float, float]) -> Leans:
    """The same leans before and after in every draw."""
    return lambda _: np.array(leans, dtype=float)


def weak(gone: float) -> Leans:
    """30 cells whose leans are normal around 0, most too small to be seen."""

    def draw(rng: np.random.Generator) -> NDArray[np.float64]:
        before = rng.normal(0, 0.08, 30)
        return np.stack([before, (1 - gone) * before], axis=1)

    return draw


def half_turned(rng: np.random.Generator) -> NDArray[np.float64]:
    """30 weak cells, of which 15 change sides."""
    before = rng.normal(0, 0.08, 30)
    return np.stack([before, np.where(np.arange(30) < 15, before, -before)], axis=1)


DESIGNS: Final[tuple[tuple[str, Leans, int, tuple[float, float]], ...]] = (
    ("1 cell of 10 clusters, unchanged", fixed((0.4, 0.4)), 10, COVERS),
    ("1 cell of 10 clusters, turned", fixed((-0.4, 0.4)), 10, AT_LEAST),
    ("6 cells of 5 clusters, half gone", fixed(*[(0.4, 0.2)] * 6), 5, COVERS),
    ("10 cells, 30% gone, both sides", fixed(*[(0.3, 0.21)] * 5, *[(-0.3, -0.21)] * 5), 20, COVERS),
    ("10 cells, grew by half, both sides", fixed(*[(0.3, 0.45)] * 5, *[(-0.3, -0.45)] * 5), 20, COVERS),
    ("5 of 10 cells turned, 5 stay", fixed(*[(0.3, -0.3)] * 5, *[(0.3, 0.3)] * 5), 20, COVERS),
    ("5 of 10 cells stay, in 5 a lean appears", fixed(*[(0.3, 0.3)] * 5, *[(0.0, -0.3)] * 5), 20, AT_LEAST),
    ("10 cells, all gone", fixed(*[(0.3, 0.0)] * 10), 20, AT_LEAST),
    ("10 cells, the rest on either side", fixed(*[(0.3, 0.06)] * 5, *[(0.3, -0.06)] * 5), 20, AT_LEAST),
    ("1 cell of 12 clusters, a little over parity", fixed((0.4, -0.1)), 12, AT_LEAST),
    ("30 weak cells, unchanged", weak(0.0), 20, COVERS),
    ("30 weak cells, 30% gone", weak(0.3), 20, AT_LEAST),
    ("30 weak cells, grew by half", weak(-0.5), 20, COVERS),
    ("30 weak cells, 15 turned", half_turned, 20, AT_LEAST),
)


def headline_rows(share: float) -> Iterator[Row]:
    """How often the headline's interval holds the truth, of both sides, with leans that turn and that appear."""
    for number, (name, leans, n_clusters, wanted) in enumerate(DESIGNS):
        rng = np.random.default_rng([15, number])
        truths, found, before = [], [], []
        for _ in range(round(share * DRAWS)):
            drawn = leans(rng)
            arms = [_arms(one, n_clusters, rng) for one in drawn]
            truth = float(1 - np.abs(drawn[:, 1]).sum() / np.abs(drawn[:, 0]).sum())
            cells = [_cell(one) for one in arms]
            estimate = stats.relative_reduction_over_cells(cells, rng=rng, n_splits=SPLITS)
            found.append(estimate)
            # Above 1 the rest is on the other side: 1.2 is 0.8 gone, and 0.2 turned.
            turned = estimate.ci_low is not None and estimate.ci_low >= 1
            truths.append(2 - truth if turned else truth)
            old = _before(cells, rng)
            if old is not None:
                before.append(old[0] <= truth <= old[1])
        yield covered(
            "95 % interval of the headline holds the truth",
            name,
            truths,
            found,
            wanted=wanted,
            before=float(np.mean(before)) if before else None,
        )
    yield _of_nothing(share)
    yield from _nuisance(share)


def _of_nothing(share: float) -> Row:
    rng = np.random.default_rng(16)
    shown = [
        stats.relative_reduction_over_cells(
            [_cell(_arms(np.zeros(2), 20, rng)) for _ in range(10)], rng=rng, n_splits=SPLITS
        ).status
        is Status.OK
        for _ in range(round(share * DRAWS))
    ]
    return Row(
        question="a headline where there is no lean at all",
        setting="10 cells",
        wanted=(0.0, 0.05),
        found=sum(shown) / len(shown),
        repetitions=len(shown),
    )


def _nuisance(share: float) -> Iterator[Row]:
    """Large clusters lose half, small ones nothing: the item mean is what is published of such sets."""
    rng = np.random.default_rng(17)
    # A third of the clusters hold ten items, the others one: five of six items lie in the large ones.
    truth = 0.5 * 5 / 6
    found: list[Estimate] = []
    of_means: list[Estimate] = []
    for _ in range(round(share * DRAWS)):
        sizes = rng.choice([10, 1], size=60, p=[1 / 3, 2 / 3])
        clusters = np.repeat(np.arange(60), sizes)
        lost = np.where(sizes[clusters] > 1, 0.5, 0.0)
        lean = 0.4 + 0.1 * rng.normal(size=60)[clusters] + 0.1 * rng.normal(size=len(clusters))
        first = stats.clustered(lean, clusters)
        second = first.with_values(lean * (1 - lost) + 0.05 * rng.normal(size=len(lean)))
        for design, into in ((ClusterDesign.NUISANCE, found), (ClusterDesign.DESIGNED, of_means)):
            one = stats.Cell(first=first, second=second, design=design)
            into.append(stats.relative_reduction_over_cells([one], rng=rng, n_splits=SPLITS))
    held = [_holds(estimate, truth) for estimate in of_means]
    yield covered(
        "95 % interval of the headline holds the truth",
        "60 clusters of unequal size, a nuisance",
        truth,
        found,
        before=sum(held) / len(held),
    )


def _holds(estimate: Estimate, truth: float) -> bool:
    return (
        estimate.ci_low is not None and estimate.ci_high is not None and (estimate.ci_low <= truth <= estimate.ci_high)
    )


def _arms(leans: NDArray[np.float64], n_clusters: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return leans + rng.multivariate_normal([0, 0], [[0.04, 0.03], [0.03, 0.04]], size=n_clusters)


def _cell(arms: NDArray[np.float64]) -> stats.Cell:
    first = stats.clustered(arms[:, 0], range(len(arms)))
    return stats.Cell(first=first, second=first.with_values(arms[:, 1]), design=ClusterDesign.DESIGNED)


def _before(cells: list[stats.Cell], rng: np.random.Generator) -> tuple[float, float] | None:
    """Return the interval of before: D and B with the base's clear sign, which lets leans that turn cancel."""
    sums, covariance, freedom = np.zeros(2), np.zeros((2, 2)), 0
    for one in cells:
        sign = stats.crossed_signs(stats.grid(one.first, one.second, one.design), rng=rng, n_splits=SPLITS).base[:, 0]
        pair = np.stack([sign * (one.first.means - one.second.means), sign * one.first.means])
        sums += pair.mean(axis=1)
        covariance += np.cov(pair) / len(sign)
        freedom += len(sign) - 1
    if sums[1] <= 0:
        return None
    means = PairedMeans(
        y=float(sums[0]),
        x=float(sums[1]),
        var_y=float(covariance[0, 0]),
        var_x=float(covariance[1, 1]),
        cov_yx=float(covariance[0, 1]),
    )
    return ratio_bounds(means, t_quantile(0.975, freedom))
