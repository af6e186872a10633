"""Many means over the same clusters, tested and bounded together by flipping the signs of whole clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.intervals import point
from biasaudit.stats.significance import flips
from biasaudit.stats.spread import spread
from biasaudit.types import ClusterDesign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

_ROUNDING: Final = 1e-12


def losses_p(samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Test of each mean whether it is above 0, adjusted over all of them by max-T, step by step.

    The same flips for all, so that what the means share is used and not corrected for. Crossed clusters can be flipped
    by either factor alone: their t statistics have two-way standard errors, and are set against what the flips of
    either factor give; the larger of the two p-values stands.

    Parameters
    ----------
    samples : sequence of Clustered
        Of the same items in the same clusters.
    design : ClusterDesign
    rng : numpy.random.Generator

    Returns
    -------
    array of float, shape (n_samples,)
        One-sided adjusted p-values.

    References
    ----------
    Westfall and Young 1993, algorithm 2.8; docs/methods.md, section 14.3.
    """
    crossed = samples[0].also is not None and design is not ClusterDesign.NONE
    t = np.array([_t(sample, design) for sample in samples]) if crossed else None
    found = [_adjusted(units, t, rng) for units in _factors(samples, design)]
    return np.asarray(np.max(found, axis=0))


def largest_t(samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator, alpha: float) -> float:
    """Return what the largest t statistic of all exceeds in a share `alpha` of samples whose means are right.

    One-sided, from the flips of what is left of each cluster after its mean is taken off; of crossed clusters the
    larger of the two factors'.

    References
    ----------
    docs/methods.md, section 14.4.
    """
    return max(_critical(units - units.mean(axis=0), rng, alpha) for units in _factors(samples, design))


def _factors(samples: Sequence[Clustered], design: ClusterDesign) -> Iterator[NDArray[np.float64]]:
    """Yield what is flipped, shape (n_units, n_samples): each sample's mean is the sum of its column."""
    one = samples[0]
    if design is ClusterDesign.NONE:
        yield np.stack([sample.values for sample in samples], axis=1) / one.n_items
        return
    sizes = (
        one.sizes[one.index] * one.n_clusters if design is ClusterDesign.DESIGNED else np.full(one.n_items, one.n_items)
    )
    weighed = np.stack([sample.values for sample in samples], axis=1) / sizes[:, np.newaxis]
    yield _summed(weighed, one.index, one.n_clusters)
    if one.also is not None:
        yield _summed(weighed, one.also, one.n_also)


def _summed(values: NDArray[np.float64], index: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    found = np.zeros((n, values.shape[1]))
    np.add.at(found, index, values)
    return found


def _ratios(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return units over the root of their sum of squares, which no flip changes: t grows with the sum of these."""
    lengths = np.sqrt((units**2).sum(axis=0))
    return np.asarray(np.divide(units, lengths, out=np.zeros_like(units), where=lengths > 0))


def _t(sample: Clustered, design: ClusterDesign) -> float:
    value, error = point(sample, design), spread(sample, design).error
    return value / error if error else float(np.sign(value) * np.inf) if value else 0.0


def _adjusted(
    units: NDArray[np.float64], t: NDArray[np.float64] | None, rng: np.random.Generator
) -> NDArray[np.float64]:
    ratios, n = _ratios(units), len(units)
    least = ratios.sum(axis=0) - _ROUNDING * np.abs(ratios).sum(axis=0)
    if t is not None:
        # The sum of ratios that has this t.
        finite = np.clip(t, -1 / _ROUNDING, 1 / _ROUNDING)
        least = np.minimum(least, finite * np.sqrt(n) / np.sqrt(n - 1 + finite**2))
    order = np.argsort(-least, kind="stable")
    ordered, least = ratios[:, order], least[order]
    reached, n_flips = np.zeros(len(order)), 0
    for signs in flips(n, rng):
        # Of each and all behind it: what was found before is no rival of what comes after.
        rivals = np.maximum.accumulate((signs @ ordered)[:, ::-1], axis=1)[:, ::-1]
        reached += (rivals >= least).sum(axis=0)
        n_flips += len(signs)
    extra = int(n_flips < 2**n)  # what was found is one of the flips that could have been drawn
    adjusted = np.maximum.accumulate((reached + extra) / (n_flips + extra))
    found = np.empty(len(order))
    found[order] = np.where(ordered.any(axis=0), adjusted, 1.0)
    return found


def _critical(units: NDArray[np.float64], rng: np.random.Generator, alpha: float) -> float:
    ratios, n = _ratios(units), len(units)
    largest = np.concatenate([(signs @ ratios).max(axis=1) for signs in flips(n, rng)])
    ratio = float(np.quantile(largest, 1 - alpha, method="higher"))
    # A flip that puts every unit on one side has no spread: its t has no bound.
    return ratio * float(np.sqrt((n - 1) / max(n - ratio**2, _ROUNDING)))
