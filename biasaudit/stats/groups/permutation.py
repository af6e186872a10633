"""What would be seen if the groups did not differ: labels that change places within clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.groups.intervals import cell_sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from biasaudit.types import ClusterDesign

PERMUTATIONS: Final = 999


def permuted_labels(
    labels: NDArray[np.intp], clusters: NDArray[np.intp], *, rng: np.random.Generator, n_permutations: int
) -> Iterator[NDArray[np.intp]]:
    """Yield the labels as they could as well have been, if they mean nothing.

    Within a cluster that has several labels, they are permuted among its items. Clusters that have
    one label each are permuted as wholes: their items were never labelled apart.

    Parameters
    ----------
    labels, clusters : array of int, shape (n_items,)
    rng : numpy.random.Generator
    n_permutations : int

    Examples
    --------
    >>> labels, clusters = np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1])
    >>> drawn = next(permuted_labels(labels, clusters, rng=np.random.default_rng(0), n_permutations=1))
    >>> sorted(drawn[:2].tolist()), drawn[2:].tolist()
    ([0, 1], [0, 0])
    """
    _, clusters = np.unique(clusters, return_inverse=True)
    pairs = np.unique(np.stack([clusters, labels]), axis=1)
    mixed = (np.bincount(pairs[0]) > 1)[clusters]
    rows = np.flatnonzero(mixed)
    rows = rows[np.argsort(clusters[rows], kind="stable")]
    block, within = clusters[rows].astype(np.float64), labels[rows]
    _, first, whole = np.unique(clusters[~mixed], return_index=True, return_inverse=True)
    whole_labels = labels[~mixed][first]
    for _ in range(n_permutations):
        drawn = labels.copy()
        # Positions sorted by block and, within it, at random: a permutation that stays in the block.
        drawn[rows] = within[np.argsort(block + rng.random(len(block)))]
        drawn[~mixed] = rng.permutation(whole_labels)[whole]
        yield drawn


def permuted_values(
    values: NDArray[np.float64],
    clusters: NDArray[np.intp],
    group_index: NDArray[np.intp],
    *,
    n_groups: int,
    design: ClusterDesign,
    rng: np.random.Generator,
    n_permutations: int = PERMUTATIONS,
) -> NDArray[np.float64]:
    """Return every group's value under permutations of the labels.

    Parameters
    ----------
    values : array of float, shape (n_items,)
    clusters, group_index : array of int, shape (n_items,)
    n_groups : int
        Each with at least one item.
    design : ClusterDesign
    rng : numpy.random.Generator
    n_permutations : int

    Returns
    -------
    array of float, shape (n_permutations, n_groups)
    """
    names, clusters = np.unique(clusters, return_inverse=True)
    permuted = np.empty((n_permutations, n_groups))
    drawn_labels = permuted_labels(group_index, clusters, rng=rng, n_permutations=n_permutations)
    for number, drawn in enumerate(drawn_labels):
        sums, weights = cell_sums(values, clusters, drawn, n_clusters=len(names), n_groups=n_groups, design=design)
        permuted[number] = sums.sum(axis=0) / weights.sum(axis=0)
    return permuted


def p_value(observed: float, permuted: NDArray[np.float64]) -> float:
    """Return the share of permutations that reach `observed`, itself counted among them.

    Examples
    --------
    >>> p_value(1.0, np.array([0.5, 1.0, 2.0]))
    0.75
    """
    # A permutation that gives the data back must count, whatever order its sums were added in.
    reached = int((permuted >= observed - 1e-12).sum())
    return (1 + reached) / (1 + len(permuted))
