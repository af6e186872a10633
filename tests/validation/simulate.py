"""Item values with a known truth: two arms, clusters of unequal size, items of a cluster that move together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy import integrate, stats

from biasaudit.stats import Clustered, clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray

Form = Literal["sign", "graded"]

MEAN_SIZE: Final = 15
ICC: Final = 0.2
NATS: Final = 1.5
"""Standard deviation of d over items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true.

    Attributes
    ----------
    n_clusters : int
    first, second : float
        Mean of d in either arm, in standard deviations of an item.
    form : {"sign", "graded"}
    correlation : float
        Of an item's d in the two arms.
    """

    n_clusters: int
    first: float
    second: float
    form: Form = "graded"
    correlation: float = 0.8

    @property
    def first_index(self) -> float:
        """True index of the first arm."""
        return index_of(self.first, self.form)

    @property
    def second_index(self) -> float:
        """True index of the second arm."""
        return index_of(self.second, self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One sample of a world."""

    first: Clustered
    second: Clustered


def index_of(mean: float, form: Form) -> float:
    """Return the mean item value where d is normal around `mean`, in standard deviations."""
    if form == "sign":
        return float(2 * stats.norm.cdf(mean) - 1)
    value, _ = integrate.quad(lambda z: np.tanh(NATS * (mean + z) / 4) * stats.norm.pdf(z), -10, 10)
    return float(value)


def mean_for(index: float, form: Form) -> float:
    """Return the mean of d that gives a true index."""
    from scipy.optimize import brentq

    return float(brentq(lambda mean: index_of(mean, form) - index, -8, 8))


def draw(world: World, rng: np.random.Generator) -> Draw:
    """Sample both arms; cluster sizes are geometric around 15, so that some hold one item and some 60."""
    sizes = rng.geometric(1 / MEAN_SIZE, world.n_clusters)
    index = np.repeat(np.arange(world.n_clusters), sizes)
    clusters = _paired_normals(rng, world.n_clusters, world.correlation)[:, index]
    items = _paired_normals(rng, len(index), world.correlation)
    noise = np.sqrt(ICC) * clusters + np.sqrt(1 - ICC) * items
    first, second = (
        _values(mean + part, world.form) for mean, part in zip((world.first, world.second), noise, strict=True)
    )
    sample = clustered(first, index)
    return Draw(first=sample, second=sample.with_values(second))


def _paired_normals(rng: np.random.Generator, n: int, correlation: float) -> NDArray[np.float64]:
    shared, own = rng.normal(size=(2, n))
    return np.stack([shared, correlation * shared + np.sqrt(1 - correlation**2) * own])


def _values(d: NDArray[np.float64], form: Form) -> NDArray[np.float64]:
    return np.sign(d) if form == "sign" else np.tanh(NATS * d / 4)
