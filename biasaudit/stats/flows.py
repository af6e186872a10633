"""What became of each item: the net change hides what moved both ways."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.stats.groups.brought import numbers, same_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ItemState(StrEnum):
    """Where an item stands in one arm."""

    STEREOTYPE = "stereotype"
    NEUTRAL = "neutral"
    COUNTER = "counter"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFlows:
    """Counts of items by where they stand in the first arm and in the second.

    Attributes
    ----------
    matrix : tuple of tuple of int, shape (4, 4)
        Rows are the state in the first arm, columns in the second, in the order of `ItemState`.

    References
    ----------
    docs/methods.md, section 8.6.
    """

    matrix: tuple[tuple[int, ...], ...]

    def count(self, before: ItemState, after: ItemState) -> int:
        """Return the items that went from `before` to `after`."""
        states = list(ItemState)
        return self.matrix[states.index(before)][states.index(after)]

    @property
    def inherited(self) -> int:
        """With the stereotype in both arms."""
        return self.count(ItemState.STEREOTYPE, ItemState.STEREOTYPE)

    @property
    def removed(self) -> int:
        """With the stereotype in the first arm, and measured without it in the second."""
        return self.count(ItemState.STEREOTYPE, ItemState.NEUTRAL) + self.turned

    @property
    def turned(self) -> int:
        """Of the removed, those that now lean against the stereotype."""
        return self.count(ItemState.STEREOTYPE, ItemState.COUNTER)

    @property
    def introduced(self) -> int:
        """With the stereotype in the second arm, and measured without it in the first."""
        return self.count(ItemState.NEUTRAL, ItemState.STEREOTYPE) + self.count(ItemState.COUNTER, ItemState.STEREOTYPE)

    @property
    def never(self) -> int:
        """Measured without the stereotype in both arms."""
        without = (ItemState.NEUTRAL, ItemState.COUNTER)
        return sum(self.count(before, after) for before in without for after in without)

    @property
    def missing(self) -> int:
        """Not scored in one arm or both."""
        return sum(
            self.count(before, after)
            for before in ItemState
            for after in ItemState
            if ItemState.MISSING in {before, after}
        )

    @property
    def churn(self) -> float | None:
        """Share of the items scored in both arms that were removed or introduced; None without any.

        It is above 0 where nothing changed but the wording: compare it with
        :func:`null_churn`.
        """
        scored = self.inherited + self.removed + self.introduced + self.never
        return (self.removed + self.introduced) / scored if scored else None


def item_flows(first: NDArray[np.float64], second: NDArray[np.float64]) -> ItemFlows:
    """Count the flows between two arms.

    Parameters
    ----------
    first, second : array of float, shape (n_items,)
        Item values; above 0 is with the stereotype, NaN is not scored.

    Raises
    ------
    ValueError
        If the lengths differ, or Series have other rows.

    Examples
    --------
    >>> nan = float("nan")
    >>> flows = item_flows(np.array([1, 1, -1, 0, nan]), np.array([1, -1, 1, 0, 1.0]))
    >>> flows.inherited, flows.removed, flows.introduced, flows.never, flows.missing
    (1, 1, 1, 1, 1)
    >>> flows.churn
    0.5
    """
    rows = same_rows({"first": first, "second": second})
    before, after = (numbers(name, rows[name]) for name in ("first", "second"))
    if len(before) != len(after):
        msg = f"{len(before)} values before and {len(after)} after; give one of each for each item"
        raise ValueError(msg)
    pairs = 4 * _states(before) + _states(after)
    counts = np.bincount(pairs, minlength=16).reshape(4, 4)
    return ItemFlows(matrix=tuple(tuple(int(count) for count in row) for row in counts))


def null_churn(wordings: list[NDArray[np.float64]]) -> float | None:
    """Return the mean churn between two wordings of one arm: what a change of nothing looks like.

    Parameters
    ----------
    wordings : list of array of float, shape (n_items,)
        Item values of one arm under each wording of the request.

    Returns
    -------
    float or None
        In [0, 1]; None with fewer than two wordings, or where none share a scored item.

    Examples
    --------
    >>> null_churn([np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, -1.0])])
    0.25
    """
    churns = [item_flows(one, other).churn for number, one in enumerate(wordings) for other in wordings[number + 1 :]]
    known = [churn for churn in churns if churn is not None]
    return float(np.mean(known)) if known else None


def _states(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the position of each value's state in `ItemState`."""
    states = np.select([np.isnan(values), values > 0, values < 0], [3, 0, 2], default=1)
    return states.astype(np.intp)
