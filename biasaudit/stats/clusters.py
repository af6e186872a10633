"""Clusters: the unit that is resampled, because items of one template move together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from biasaudit.stats.groups.brought import labels, numbers, same_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MIN_CLUSTERS = 5
"""Fewer clusters give no interval.

References
----------
docs/methods.md, section 4.1: one-sample t on cluster means covers 95.1 to 96.4 % from 5 clusters up.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered:
    """Item values with the cluster of each.

    Attributes
    ----------
    values : array of float, shape (n_items,)
    index : array of int, shape (n_items,)
        Cluster of each item, from 0 to n_clusters - 1.
    n_clusters : int
    also : array of int, shape (n_items,), or None
        The second cluster of each item, numbered from 0, where a probe crosses two: such as the occupation beside
        the template. Items that share either move together.
    """

    values: NDArray[np.float64]
    index: NDArray[np.intp]
    n_clusters: int
    also: NDArray[np.intp] | None = None

    def __repr__(self) -> str:
        """Return how many there are; `frame_of` shows each."""
        also = "" if self.also is None else f", crossed with {self.n_also:,} others"
        return f"Clustered({self.n_items:,} items in {self.n_clusters:,} clusters{also})"

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.values)

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean of each cluster, shape (n_clusters,)."""
        return self.sums / self.sizes

    @property
    def sums(self) -> NDArray[np.float64]:
        """Sum of each cluster, shape (n_clusters,)."""
        return np.bincount(self.index, self.values, minlength=self.n_clusters).astype(np.float64)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Items of each cluster, shape (n_clusters,)."""
        sizes: NDArray[np.intp] = np.bincount(self.index, minlength=self.n_clusters).astype(np.intp)
        return sizes

    def with_values(self, values: NDArray[np.float64]) -> Clustered:
        """Return the same clusters with other values."""
        return replace(self, values=values)

    @property
    def n_also(self) -> int:
        """Number of second clusters; 0 without a second factor."""
        return 0 if self.also is None else int(self.also.max(initial=-1)) + 1

    @property
    def effective_clusters(self) -> float:
        """How many clusters of one size an item mean rests on: (sum n)^2 / sum n^2.

        References
        ----------
        docs/methods.md, section 4.1.
        """
        sizes = self.sizes.astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0


def clustered(
    values: Sequence[float] | NDArray[np.float64],
    clusters: Sequence[object] | NDArray[Any],
    also: Sequence[object] | NDArray[Any] | None = None,
) -> Clustered:
    """Return item values with their clusters, numbered in sorted order.

    Parameters
    ----------
    values : sequence of float
    clusters : sequence
        Label of each item's cluster.
    also : sequence, optional
        Label of each item's second cluster. Fewer than 5 of them are no sample: they are left out, and what is
        said holds for these alone.

    Raises
    ------
    ValueError
        If the lengths differ, Series have other rows, a value is not finite, or a label is missing.

    Examples
    --------
    >>> clustered([1.0, 0.0, 0.5], ["b", "b", "a"]).means.tolist()
    [0.5, 0.5]
    """
    rows = same_rows({"values": values, "clusters": clusters, "also": also})
    found, names = numbers("values", rows["values"]), labels("clusters", rows["clusters"])
    if len(found) != len(names):
        msg = f"{len(found)} values for {len(names)} cluster labels"
        raise ValueError(msg)
    if not np.isfinite(found).all():
        msg = "item values must be finite; leave unscored items out and count them"
        raise ValueError(msg)
    distinct, index = np.unique(names, return_inverse=True)
    second = None
    if "also" in rows:
        others = labels("also", rows["also"])
        if len(others) != len(found):
            msg = f"{len(found)} values for {len(others)} labels of second clusters"
            raise ValueError(msg)
        seconds, second = np.unique(others, return_inverse=True)
        second = second if len(seconds) >= MIN_CLUSTERS else None
    return Clustered(values=found, index=index, n_clusters=len(distinct), also=second)
