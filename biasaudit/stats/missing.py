"""What the items that could not be scored might have said, at worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.stats.brought import labels, numbers, same_rows
from biasaudit.stats.clusters import clustered
from biasaudit.stats.intervals import mean_estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from biasaudit.types import ClusterDesign, Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingBounds:
    """The reduction D if every missing value had gone one way, then the other.

    Attributes
    ----------
    all_counter : Estimate
        Every value that is missing in either arm taken as -1.
    all_stereotype : Estimate
        The same as +1.
    """

    all_counter: Estimate
    all_stereotype: Estimate

    @property
    def still_reduced(self) -> bool:
        """Whether both intervals lie above 0."""
        return all(bound.ci_low is not None and bound.ci_low > 0 for bound in (self.all_counter, self.all_stereotype))


def missing_bounds(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    clusters: Sequence[object] | NDArray[np.object_],
    design: ClusterDesign,
    *,
    level: float = 0.95,
) -> MissingBounds:
    """Bound the reduction over the items that were not scored.

    Parameters
    ----------
    first, second : array of float, shape (n_items,)
        Item values in [-1, 1]; NaN where an arm did not score the item.
    clusters : sequence, shape (n_items,)
    design : ClusterDesign
    level : float

    Raises
    ------
    ValueError
        If the lengths differ, Series have other rows, or a label is missing.

    References
    ----------
    Manski (1990); METHODS-REFERENCE, section 3.2, rule 8.

    Examples
    --------
    >>> from biasaudit.types import ClusterDesign
    >>> first, second = np.full(5, 0.5), np.array([0.0, 0.0, 0.0, 0.0, np.nan])
    >>> bounds = missing_bounds(first, second, list("abcde"), ClusterDesign.DESIGNED)
    >>> bounds.all_counter.value, round(bounds.all_stereotype.value, 3)
    (0.7, 0.3)
    """
    rows = same_rows({"first": first, "second": second, "clusters": clusters})
    before, after = (numbers(name, rows[name]) for name in ("first", "second"))
    of = labels("clusters", rows["clusters"])
    if len(before) != len(after):
        msg = f"{len(before)} values before and {len(after)} after; give one of each for each item"
        raise ValueError(msg)

    def filled(value: float) -> Estimate:
        difference = np.nan_to_num(before, nan=value) - np.nan_to_num(after, nan=value)
        return mean_estimate(clustered(difference, of), design, level=level, unit="index difference")

    return MissingBounds(all_counter=filled(-1.0), all_stereotype=filled(1.0))
