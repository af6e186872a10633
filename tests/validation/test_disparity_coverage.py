"""How often the intervals of group disparity hold the truth, on clusters of unequal size.

Clusters of geometric size, mean 15; correlation 0.2 within clusters; the truth is known by formula.
Run with ``pytest -m slow -s tests/validation`` to see the table.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import norm

from biasaudit.stats.groups.intervals import difference_interval, group_table, level_interval
from biasaudit.stats.groups.resampling import range_intervals, ratio_intervals
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

REPETITIONS = 250
RESAMPLES = 1_000
CORRELATION = 0.2
SLOPE = 1.5
# Latent means; the last group is the reference. Selection rates 0.34, 0.42, 0.50.
SHIFTS = np.array([-0.4, -0.2, 0.0])
REFERENCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One sample."""

    clusters: NDArray[np.intp]
    groups: NDArray[np.intp]
    latent: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One interval and what it should hold."""

    name: str
    estimate: Estimate
    truth: float


def every_group_in_each_row(n_clusters: int, rng: np.random.Generator) -> Rows:
    """Templates filled with each group in turn: every cluster has all groups."""
    clusters = np.repeat(np.arange(n_clusters), rng.geometric(1 / 15, n_clusters))
    return rows(np.tile(clusters, len(SHIFTS)), np.repeat(np.arange(len(SHIFTS)), len(clusters)), rng)


def one_group_in_each_row(n_clusters: int, rng: np.random.Generator) -> Rows:
    """Rows of whatever group: small clusters lack some."""
    clusters = np.repeat(np.arange(n_clusters), rng.geometric(1 / 15, n_clusters))
    return rows(clusters, rng.integers(0, len(SHIFTS), len(clusters)), rng)


def rows(clusters: NDArray[np.intp], groups: NDArray[np.intp], rng: np.random.Generator) -> Rows:
    shared = rng.normal(0, math.sqrt(CORRELATION), int(clusters.max()) + 1)
    own = rng.normal(0, math.sqrt(1 - CORRELATION), len(clusters))
    return Rows(clusters=clusters, groups=groups, latent=shared[clusters] + own + SHIFTS[groups])


def questions(sample: Rows, design: ClusterDesign, rng: np.random.Generator) -> Iterator[Question]:
    # E[cdf(s x)] for x normal about m with variance 1 is cdf(s m / sqrt(1 + s^2)).
    means = norm.cdf(SLOPE * SHIFTS / math.sqrt(1 + SLOPE**2))
    outcomes = {
        "mean": (norm.cdf(SLOPE * sample.latent), means),
        "selection rate": ((sample.latent >= 0).astype(float), norm.cdf(SHIFTS)),
    }
    for metric, (values, truth) in outcomes.items():
        table = group_table(values, sample.clusters, sample.groups, n_groups=len(SHIFTS), design=design)
        ratio = ratio_intervals(table, REFERENCE, rng=rng, n_resamples=RESAMPLES)[0]
        spread, smallest = range_intervals(table, rng=rng, n_resamples=RESAMPLES)
        difference = difference_interval(table, [0], [REFERENCE])
        yield Question(name=f"{metric}: level", estimate=level_interval(table, [0]), truth=truth[0])
        yield Question(name=f"{metric}: difference", estimate=difference, truth=truth[0] - truth[REFERENCE])
        yield Question(name=f"{metric}: ratio", estimate=ratio, truth=truth[0] / truth[REFERENCE])
        yield Question(name=f"{metric}: max - min", estimate=spread, truth=float(np.ptp(truth)))
        yield Question(name=f"{metric}: min / max", estimate=smallest, truth=truth.min() / truth.max())


DESIGNS = {
    "every cluster has all groups, designed": (every_group_in_each_row, ClusterDesign.DESIGNED),
    "clusters lack groups, nuisance": (one_group_in_each_row, ClusterDesign.NUISANCE),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DESIGNS))
def test_intervals_cover_at_their_level(name: str) -> None:
    """93 to 97 %, plus 3 standard errors of the simulation; a range may cover more, never less."""
    draw, design = DESIGNS[name]
    error = math.sqrt(0.95 * 0.05 / REPETITIONS)
    print(f"\n{name}; {REPETITIONS} samples\n{'clusters':>8}  {'quantity':<28}covered  refused")
    wrong = []
    for n_clusters in (20, 50, 200):
        rng = np.random.default_rng(n_clusters)
        held, measured = defaultdict[str, int](int), defaultdict[str, int](int)
        for _ in range(REPETITIONS):
            for question in questions(draw(n_clusters, rng), design, rng):
                estimate = question.estimate
                measured[question.name] += estimate.status is Status.OK
                if estimate.ci_low is not None and estimate.ci_high is not None:
                    held[question.name] += estimate.ci_low <= question.truth <= estimate.ci_high
        for quantity, n_measured in measured.items():
            covered = held[quantity] / n_measured
            print(f"{n_clusters:>8}  {quantity:<28}{covered:.3f}    {1 - n_measured / REPETITIONS:.3f}")
            highest = 1.0 if quantity.endswith(("max - min", "min / max")) else 0.97 + 3 * error
            if not 0.93 - 3 * error <= covered <= highest or n_measured < 0.9 * REPETITIONS:
                wrong.append((n_clusters, quantity, covered, n_measured))
    assert not wrong
