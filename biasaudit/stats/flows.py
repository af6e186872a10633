"""What became of each item: the net change hides what moved both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFlows:
    """Counts of items by whether either arm leans with the stereotype.

    Attributes
    ----------
    inherited : int
        In both arms.
    removed : int
        In the first arm only.
    introduced : int
        In the second arm only.
    never : int
        In neither.
    missing : int
        Not scored in one arm or both.
    """

    inherited: int
    removed: int
    introduced: int
    never: int
    missing: int


def item_flows(first: NDArray[np.float64], second: NDArray[np.float64]) -> ItemFlows:
    """Count the flows between two arms.

    Parameters
    ----------
    first, second : array of float, shape (n_items,)
        Item values; above 0 is with the stereotype, NaN is not scored.

    Examples
    --------
    >>> nan = float("nan")
    >>> item_flows(np.array([1, 1, -1, 0, nan]), np.array([1, -1, 1, 0, 1.0]))
    ItemFlows(inherited=1, removed=1, introduced=1, never=1, missing=1)
    """
    missing = np.isnan(first) | np.isnan(second)
    before, after = (first > 0) & ~missing, (second > 0) & ~missing
    return ItemFlows(
        inherited=int((before & after).sum()),
        removed=int((before & ~after & ~missing).sum()),
        introduced=int((~before & after & ~missing).sum()),
        never=int((~before & ~after & ~missing).sum()),
        missing=int(missing.sum()),
    )
