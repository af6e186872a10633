"""Intervals where t fails: answers at an end of the scale, unequal clusters, and clusters that are crossed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import t as student

from biasaudit import stats
from biasaudit.analysis.compare import is_saturated
from biasaudit.types import ClusterDesign, Estimate
from tests.validation.row import AT_LEAST, COVERS, Row, counted, covered

DESIGNED, NUISANCE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE
DRAWS: Final = 2_000
ICC: Final = 0.2
Drawing: TypeAlias = Callable[[float, NDArray[np.intp], np.random.Generator], stats.Clustered]
"""From an index and the clusters' sizes to a sample."""


def answers(index: float, sizes: NDArray[np.intp], rng: np.random.Generator) -> stats.Clustered:
    """Draw answers of -1 and 1 whose clusters have an intra-cluster correlation of 0.2."""
    share = (1 + index) / 2
    each = rng.beta(share * (1 - ICC) / ICC, (1 - share) * (1 - ICC) / ICC, len(sizes))
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    return stats.clustered(np.where(rng.random(len(clusters)) < each[clusters], 1.0, -1.0), clusters)


def meant(index: float, sizes: NDArray[np.intp], rng: np.random.Generator, *, wordings: int = 3) -> stats.Clustered:
    """Draw means of the answers to several wordings, which have half of their variance in common by item."""
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    n_items, threshold = len(clusters), ndtri((1 + index) / 2)
    shared = ICC**0.5 * rng.standard_normal(len(sizes))[clusters] + 0.5**0.5 * rng.standard_normal(n_items)
    own = (0.5 - ICC) ** 0.5 * rng.standard_normal((wordings, n_items))
    return stats.clustered(np.where(shared + own < threshold, 1.0, -1.0).mean(axis=0), clusters)


def plain_t(sample: stats.Clustered, truth: float, *, robust: bool = False) -> bool:
    """Whether the interval of before covers: t(K - 1) on cluster means, or CR1 on items."""
    k = sample.n_clusters
    value, error = float(sample.means.mean()), float(sample.means.std(ddof=1) / k**0.5)
    if robust:
        value = float(sample.values.mean())
        sums = np.bincount(sample.index, sample.values - value)
        error = float(np.sqrt(k / (k - 1) * (sums**2).sum()) / sample.n_items)
    return bool(abs(value - truth) <= student.ppf(0.975, k - 1) * error)


def end_rows(share: float) -> Iterator[Row]:
    """Levels near an end of the scale, in clusters of 15."""
    yield from _near_an_end("95 % interval of answers near an end holds the truth", answers, 11, share)


def wording_rows(share: float) -> Iterator[Row]:
    """The same of items that are asked in three wordings."""
    yield from _near_an_end("95 % interval of answers to three wordings holds the truth", meant, 14, share)


def _near_an_end(question: str, drawing: Drawing, seed: int, share: float) -> Iterator[Row]:
    for n_clusters in (5, 12, 50):
        for index in (0.9, -0.9, 0.6):
            rng = np.random.default_rng([seed, n_clusters, round(10 * index) + 10])
            drawn = [drawing(index, np.full(n_clusters, 15), rng) for _ in range(round(share * DRAWS / 2))]
            yield covered(
                question,
                f"B = {index:+.1f}, {n_clusters} clusters",
                index,
                [stats.mean_estimate(sample, DESIGNED) for sample in drawn],
                wanted=AT_LEAST if n_clusters < 12 else (0.93, 0.98),
                before=float(np.mean([plain_t(sample, index) for sample in drawn])),
            )


def saturated_rows(share: float) -> Iterator[Row]:
    """Answers nearly all on one side that change by as much as the margin, called unchanged."""
    for n_clusters, size in ((5, 15), (12, 15), (20, 1)):
        for side in (1, -1):
            rng = np.random.default_rng([12, n_clusters, side + 1])
            now, before = [], []
            for _ in range(round(share * DRAWS / 2)):
                first = answers(side * 0.97, np.full(n_clusters, size), rng)
                # Only what was on the side can leave it: 0.05 of the index is a share of 0.025.
                leaves = (rng.random(first.n_items) < 0.025 / 0.985) & (first.values == side)
                second = first.with_values(np.where(leaves, -side, first.values))
                change = stats.paired_change(first, second, DESIGNED, rng=rng)
                within = _within(change.reduction_90)
                now.append(within and not (is_saturated(first.values) or is_saturated(second.values)))
                before.append(_within_by_t(first.values - second.values, first))
            yield counted(
                "a saturated index that changes by the margin, called unchanged",
                f"B = {side * 0.97:+.2f}, {n_clusters} clusters of {size}",
                now,
                before=before,
            )


def _within(estimate: Estimate) -> bool:
    return (
        estimate.ci_low is not None
        and estimate.ci_high is not None
        and (estimate.ci_low > -0.05 and estimate.ci_high < 0.05)
    )


def _within_by_t(difference: NDArray[np.float64], first: stats.Clustered) -> bool:
    means = first.with_values(difference).means
    half = student.ppf(0.95, len(means) - 1) * means.std(ddof=1) / len(means) ** 0.5
    return bool(abs(means.mean()) + half < 0.05)


def unequal_rows(share: float) -> Iterator[Row]:
    """Item means over clusters of unequal size; one cluster may hold half of the items."""
    for n_clusters in (20, 60):
        for name, largest in (("geometric", 0), ("one cluster has half", 1)):
            rng = np.random.default_rng([13, n_clusters, largest])
            drawn = []
            for _ in range(round(share * DRAWS / 2)):
                sizes = rng.geometric(1 / 15, n_clusters)
                if largest:
                    sizes[0] = sizes[1:].sum()
                drawn.append(answers(-0.2, sizes, rng))
            yield covered(
                "95 % interval of an item mean holds the truth",
                f"{n_clusters} clusters, {name}",
                -0.2,
                [stats.mean_estimate(sample, NUISANCE) for sample in drawn],
                before=float(np.mean([plain_t(sample, -0.2, robust=True) for sample in drawn])),
            )


CROSSED: Final = (
    ("12 templates x 32 words", 12, 32, 0.02, 0.1),
    ("12 templates x 12 words", 12, 12, 0.02, 0.1),
    ("12 templates x 12 words, alike", 12, 12, 0.1, 0.1),
    ("12 templates x 6 words", 12, 6, 0.05, 0.05),
    ("12 templates x 32 words, nothing shared", 12, 32, 0.0, 0.0),
)
"""Name, templates, words, and the variance that each of them shares; an item's own is 0.3."""


def crossed_rows(share: float) -> Iterator[Row]:
    """Items that share a template or a word: the interval of their mean, and the test of it."""
    for number, (name, n_rows, n_columns, by_row, by_column) in enumerate(CROSSED):
        rng = np.random.default_rng([14, number])
        rows, columns = np.repeat(np.arange(n_rows), n_columns), np.tile(np.arange(n_columns), n_rows)
        drawn = [
            stats.clustered(
                0.3
                * (by_row**0.5 * rng.normal(size=n_rows)[rows] + by_column**0.5 * rng.normal(size=n_columns)[columns])
                + 0.3 * 0.3**0.5 * rng.normal(size=len(rows)),
                rows,
                columns,
            )
            for _ in range(round(share * DRAWS))
        ]
        yield covered(
            "95 % interval over crossed clusters holds the truth",
            name,
            0.0,
            [stats.mean_estimate(sample, DESIGNED, unit="nats") for sample in drawn],
            wanted=COVERS if by_row else AT_LEAST,
            before=float(np.mean([plain_t(sample, 0.0) for sample in drawn])),
        )
        yield counted(
            "no change, told from 0 over crossed clusters",
            name,
            [stats.mean_is_zero(sample, DESIGNED).p_value <= 0.05 for sample in drawn],
            before=[not plain_t(sample, 0.0) for sample in drawn],
        )
