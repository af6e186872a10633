"""Many means over the same clusters, tested and bounded together by flipping the signs of whole clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.intervals import RANGES, are_answers, point, without_spread
from biasaudit.stats.quantiles import t_quantile
from biasaudit.stats.significance import flips
from biasaudit.stats.spread import spread
from biasaudit.types import ClusterDesign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

_ROUNDING: Final = 1e-12


def losses_p(samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """Test of each mean whether it is above 0, adjusted over all of them by max-T, step by step.

    The same flips for all, so that what the means share is used and not corrected for. Crossed clusters cannot be
    flipped apart: their t statistics have two-way standard errors, and are set against what the flips of either factor
    give; the larger of the two p-values stands.

    Parameters
    ----------
    samples : sequence of Clustered
        Of the same items in the same clusters.
    design : ClusterDesign
    rng : numpy.random.Generator

    Returns
    -------
    array of float, shape (n_samples,)
        One-sided adjusted p-values, in (0, 1].

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing, algorithm 2.8; docs/methods.md, section 14.3.
    """
    values = _stacked(samples)
    t = np.array([_t(sample, design) for sample in samples]) if is_crossed(samples[0], design) else None
    found = [_adjusted(units, t, rng) for units in factors(samples[0], values, design)]
    return np.asarray(np.max(found, axis=0))


def upper_bounds(
    samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator, alpha: float, unit: str
) -> NDArray[np.float64]:
    """Bound every mean from above, all together: in a share of 1 - alpha of samples, none lies above its bound.

    Parameters
    ----------
    samples : sequence of Clustered
        Of the same items in the same clusters, at least 2 of them.
    design : ClusterDesign
    rng : numpy.random.Generator
    alpha : float
        In (0, 1).
    unit : str
        A name in `biasaudit.stats.intervals.RANGES` cuts the bounds at the ends of its scale; another has no ends.

    Returns
    -------
    array of float, shape (n_samples,)

    Notes
    -----
    Answers that are alike in all clusters have no spread; they are bounded as in section 4.6, each at alpha over the
    number of samples, and never by themselves.

    References
    ----------
    docs/methods.md, section 14.4.
    """
    reach = _largest_t(samples, design, rng=rng, alpha=alpha)
    _, highest = RANGES.get(unit, (-np.inf, np.inf))
    return np.array(
        [min(_upper(one, design, reach, alpha=alpha, unit=unit, n=len(samples)), highest) for one in samples]
    )


def is_crossed(sample: Clustered, design: ClusterDesign) -> bool:
    """Whether items that share a second factor move together too."""
    return sample.also is not None and design is not ClusterDesign.NONE


def factors(sample: Clustered, values: NDArray[np.float64], design: ClusterDesign) -> list[NDArray[np.float64]]:
    """Return what is flipped, one array a factor, shape (n_units, n_samples): a mean is the sum of its column.

    Parameters
    ----------
    sample : Clustered
        Its clusters are those of `values`.
    values : array of float, shape (n_items, n_samples)
    design : ClusterDesign
    """
    if design is ClusterDesign.NONE:
        return [values / sample.n_items]
    n = sample.n_items
    sizes = sample.sizes[sample.index] * sample.n_clusters if design is ClusterDesign.DESIGNED else np.full(n, n)
    weighed = values / sizes[:, np.newaxis]
    by_cluster = _summed(weighed, sample.index, sample.n_clusters)
    return [by_cluster] if sample.also is None else [by_cluster, _summed(weighed, sample.also, sample.n_also)]


def _stacked(samples: Sequence[Clustered]) -> NDArray[np.float64]:
    return np.stack([sample.values for sample in samples], axis=1)


def _summed(values: NDArray[np.float64], index: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    return np.asarray(np.stack([np.bincount(index, column, minlength=n) for column in values.T], axis=1))


def _ratios(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return units over the root of their sum of squares, which no flip changes: t grows with the sum of these."""
    lengths = np.sqrt((units**2).sum(axis=0))
    return np.asarray(np.divide(units, lengths, out=np.zeros_like(units), where=lengths > 0))


def _t(sample: Clustered, design: ClusterDesign) -> float:
    value, error = point(sample, design), spread(sample, design).error
    return value / error if error else float(np.sign(value) / _ROUNDING)


def _adjusted(
    units: NDArray[np.float64], t: NDArray[np.float64] | None, rng: np.random.Generator
) -> NDArray[np.float64]:
    ratios, n = _ratios(units), len(units)
    least = ratios.sum(axis=0)
    if t is not None:
        finite = np.clip(t, -1 / _ROUNDING, 1 / _ROUNDING)
        least = np.minimum(least, finite * np.sqrt(n) / np.sqrt(n - 1 + finite**2))  # the sum of ratios with this t
    # A flip that gives the same sum in another order is as large as what was found.
    least = least - _ROUNDING * np.abs(ratios).sum(axis=0)
    order = np.argsort(-least, kind="stable")
    ordered, least = ratios[:, order], least[order]
    reached, n_flips = np.zeros(len(order)), 0
    for signs in flips(n, rng):
        # Of each and all behind it: what was found before is no rival of what comes after.
        rivals = np.maximum.accumulate((ordered.T @ signs.T)[::-1], axis=0)[::-1]
        reached += (rivals >= least[:, np.newaxis]).sum(axis=1)
        n_flips += len(signs)
    extra = int(n_flips < 2**n)  # what was found is one of the flips that could have been drawn
    adjusted = np.maximum.accumulate((reached + extra) / (n_flips + extra))
    found = np.empty(len(order))
    found[order] = np.where(ordered.any(axis=0), adjusted, 1.0)
    return found


def _largest_t(samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator, alpha: float) -> float:
    """Return what the largest t of all exceeds in a share `alpha` of flips of what is left beside the means.

    Of crossed clusters the larger of the two factors'.
    """
    left = _stacked(samples) - np.array([point(one, design) for one in samples])
    return max(_critical(units, rng, alpha) for units in factors(samples[0], left, design))


def _critical(units: NDArray[np.float64], rng: np.random.Generator, alpha: float) -> float:
    ratios, n = _ratios(units), len(units)
    largest = np.concatenate([(ratios.T @ signs.T).max(axis=0) for signs in flips(n, rng)])
    ratio = float(np.quantile(largest, 1 - alpha, method="higher"))
    # A flip that puts every unit on one side has no spread: its t has no bound.
    return ratio * float(np.sqrt((n - 1) / max(n - ratio**2, _ROUNDING)))


def _upper(sample: Clustered, design: ClusterDesign, reach: float, *, alpha: float, unit: str, n: int) -> float:
    value, found = point(sample, design), spread(sample, design)
    if is_alike(sample, design, unit):
        _, highest = RANGES[unit]
        share: float = (alpha / n) ** (1 / sample.n_clusters)
        return highest - share * (highest - value)
    return value + found.error * max(reach, t_quantile(1 - alpha, found.freedom))


def is_alike(sample: Clustered, design: ClusterDesign, unit: str) -> bool:
    """Whether every cluster gives the same answer, so that a t interval has no width that means anything."""
    return unit in ("index", "answer difference", "answer sum") and (
        without_spread(sample, design) and are_answers(sample.values, unit)
    )
