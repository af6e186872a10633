"""What is attributed to single records: its interval over clusters of items, how sure the order is, and groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.groups.permutation import PERMUTATIONS, p_value, permuted_labels
from biasaudit.stats.quantiles import t_reach

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SPLITS: Final = 126


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """Sums over parts of the items, each with its interval.

    Attributes
    ----------
    values : array of float, shape (n_records,)
    low, high : array of float, shape (n_records,)
        NaN under 5 parts.
    """

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMeans:
    """Means of groups beside what they are if the groups mean nothing; arrays of shape (n_groups,).

    Attributes
    ----------
    means, chance_low, chance_high : array of float
    p, p_adjusted : array of float
        Two-sided; adjusted by the largest of all groups under each permutation.
    """

    means: NDArray[np.float64]
    chance_low: NDArray[np.float64]
    chance_high: NDArray[np.float64]
    p: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]


def summed_parts(parts: NDArray[np.float64], shares: NDArray[np.float64], *, level: float = 0.95) -> Attributed:
    """Return sums over parts of the items, with t intervals over the parts.

    Parameters
    ----------
    parts : array of float, shape (n_records, n_parts)
        What each part of the items, whole clusters of them, adds to the mean over all.
    shares : array of float, shape (n_parts,)
        Weight of each part's items in that mean; they sum to 1.
    level : float

    References
    ----------
    docs/methods.md, section 15.7: the cluster-robust variance of a weighted mean, with K / (K - 1).

    Examples
    --------
    >>> found = summed_parts(np.array([[0.2, 0.2, 0.2, 0.2, 0.2]]), np.full(5, 0.2))
    >>> found.values.round(6).tolist(), found.low.round(6).tolist()
    ([1.0], [1.0])
    """
    values = parts.sum(axis=1)
    k = parts.shape[1]
    if k < MIN_CLUSTERS:
        nothing = np.full(len(values), np.nan)
        return Attributed(values=values, low=nothing, high=nothing.copy())
    apart = parts - values[:, None] * shares[None, :]
    reach = t_reach(level, k) * np.sqrt(k / (k - 1) * (apart**2).sum(axis=1))
    return Attributed(values=values, low=values - reach, high=values + reach)


def split_half_agreement(parts: NDArray[np.float64], shares: NDArray[np.float64]) -> float | None:
    """Return how alike two halves of the items rank the records: mean Spearman correlation over all even splits.

    Parameters
    ----------
    parts, shares : array of float
        As of :func:`summed_parts`.

    Returns
    -------
    float or None
        In [-1, 1]; 1 where either half gives the order of the other. None with fewer than 2 parts or 3 records, or
        where a half tells no record from another.

    References
    ----------
    Spearman (1910), for split halves; no correction for their length is made.

    Examples
    --------
    >>> split_half_agreement(np.array([[0.1, 0.2], [0.2, 0.3], [0.3, 0.9]]), np.array([0.5, 0.5]))
    1.0
    """
    n_records, k = parts.shape
    if k < 2 or n_records < 3:
        return None
    found = []
    # Each split once: of an even number of parts, the half with the first.
    chosen = [one for one in combinations(range(k), k // 2) if k % 2 or 0 in one][:_MOST_SPLITS]
    for half in chosen:
        inside = np.isin(np.arange(k), half)
        ranks = [_ranks(parts[:, side].sum(axis=1) / shares[side].sum()) for side in (inside, ~inside)]
        if min(one.std() for one in ranks) == 0:
            return None
        found.append(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))
    return float(np.mean(found))


def group_means(
    values: NDArray[np.float64],
    groups: NDArray[np.intp],
    *,
    n_groups: int,
    rng: np.random.Generator,
    level: float = 0.95,
    n_permutations: int = PERMUTATIONS,
) -> GroupMeans:
    """Return the mean of each group, beside what permuted groups give.

    Parameters
    ----------
    values : array of float, shape (n_records,)
    groups : array of int, shape (n_records,)
        From 0 to n_groups - 1, each at least once.
    n_groups : int
        At least 2.
    rng : numpy.random.Generator
    level : float
        Of what chance gives, the middle share that its bounds hold.
    n_permutations : int

    References
    ----------
    Westfall and Young (1993), for the largest of all groups. Means are compared as distances from the mean over all
    records, in standard errors under permutation, sd sqrt(1/n - 1/N), so that a small group has no head start.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> groups = np.repeat([0, 1], [20, 5])
    >>> found = group_means(groups.astype(float), groups, n_groups=2, rng=rng)
    >>> found.means.tolist(), bool(found.p_adjusted[1] < 0.01)
    ([0.0, 1.0], True)
    """
    sizes = np.bincount(groups, minlength=n_groups)
    together = np.zeros(len(values), dtype=np.intp)
    drawn = permuted_labels(groups, together, rng=rng, n_permutations=n_permutations)
    permuted = np.stack([np.bincount(one, values, minlength=n_groups) for one in drawn]) / sizes
    means = np.bincount(groups, values, minlength=n_groups) / sizes
    error = values.std() * np.sqrt(1 / sizes - 1 / len(values))
    error = np.where(error > 0, error, 1.0)
    apart, apart_permuted = (np.abs((one - values.mean()) / error) for one in (means, permuted))
    largest = apart_permuted.max(axis=1)
    tail = (1 - level) / 2
    return GroupMeans(
        means=means,
        chance_low=np.quantile(permuted, tail, axis=0),
        chance_high=np.quantile(permuted, 1 - tail, axis=0),
        p=np.array([p_value(one, apart_permuted[:, number]) for number, one in enumerate(apart)]),
        p_adjusted=np.array([p_value(one, largest) for one in apart]),
    )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 0, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts + ends - 1) / 2)[inverse], dtype=np.float64)
