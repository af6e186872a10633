"""Signs of leans that the data which they multiply had no part in: cross-fitting over halves of the clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.quantiles import t_quantile
from biasaudit.types import ClusterDesign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

SPLITS: Final = 200
CLEAR_AT: Final = 1.96
"""Standard errors from 0 at which a half is taken to lean."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Two arms summed by cluster and second cluster; one column where there is no second factor.

    Attributes
    ----------
    weights : array of float, shape (n_clusters, n_also)
        How much each entry counts: the share of its cluster's items where clusters are designed, else its items.
    first, second : array of float, shape (n_clusters, n_also)
        Weighted sums; the arm's index is their sum over the sum of weights.
    freedom : float
        Degrees of freedom over the clusters.
    """

    weights: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    freedom: float


def grid(first: Clustered, second: Clustered, design: ClusterDesign) -> Grid:
    """Return both arms of a cell as sums; the same clusters in either."""
    rows, also = first.index, first.also
    if design is ClusterDesign.NONE:
        rows, also = np.arange(first.n_items), None
    columns = np.zeros(first.n_items, dtype=np.intp) if also is None else also
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    each = 1 / first.sizes[rows] if design is ClusterDesign.DESIGNED else np.ones(first.n_items)
    flat = rows * shape[1] + columns

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(flat, values, minlength=shape[0] * shape[1]).astype(np.float64)
        return sums.reshape(shape)

    freedom = first.effective_clusters - 1 if design is ClusterDesign.NUISANCE else shape[0] - 1.0
    return Grid(
        weights=summed(each), first=summed(each * first.values), second=summed(each * second.values), freedom=freedom
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signs:
    """The mean sign, over the splits, by which each entry of a grid counts; shapes as the grid's.

    Attributes
    ----------
    first, second : array of float
        Of either arm: its own where the other half leans clearly, else the other arm's where that does, else 0.
    first_own, second_own : array of float
        The same where an arm is never lent the other's: its own in the other half, clear or not.
    base : array of float
        Of the first arm alone where it leans clearly, else 0.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    first_own: NDArray[np.float64]
    second_own: NDArray[np.float64]
    base: NDArray[np.float64]


def crossed_signs(cell: Grid, *, rng: np.random.Generator, n_splits: int = SPLITS) -> Signs:
    """Return the signs that the other half of the clusters gives.

    With a second factor both are halved, and a quarter is signed by the quarter with which it shares neither: the
    halves of the templates alone would share their words.

    Parameters
    ----------
    cell : Grid
    rng : numpy.random.Generator
    n_splits : int
    """
    n_rows, n_columns = cell.weights.shape
    rows = _halves(n_rows, n_splits, rng)
    crossed = n_columns > 1
    columns = _halves(n_columns, n_splits, rng) if crossed else np.ones((n_splits, 1), dtype=bool)
    total = np.zeros((5, n_rows, n_columns))
    for chosen_rows in (rows, ~rows):
        for chosen_columns in (columns, ~columns) if crossed else (columns,):
            held_columns = ~chosen_columns if crossed else chosen_columns
            signs = _signs(cell, chosen_rows, chosen_columns)
            held_rows = (~chosen_rows).astype(float)
            total += (signs[:, :, np.newaxis] * held_rows).transpose(0, 2, 1) @ held_columns.astype(float)
    # Each entry is held once in every split.
    first, second, first_own, second_own, base = total / n_splits
    return Signs(first=first, second=second, first_own=first_own, second_own=second_own, base=base)


def _halves(n: int, n_splits: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which half each of n is in, shape (n_splits, n); of an odd number the larger half changes."""
    order = rng.permuted(np.tile(np.arange(n), (n_splits, 1)), axis=1)
    larger = (n + (np.arange(n_splits) % 2)[:, np.newaxis]) // 2
    return np.asarray(order < larger)


def _signs(cell: Grid, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the five signs that each split's chosen part gives, shape (5, n_splits)."""
    first, first_clear = _leans(cell.first, cell.weights, rows, columns)
    second, second_clear = _leans(cell.second, cell.weights, rows, columns)
    base, tuned = first * first_clear, second * second_clear
    either = first_clear | second_clear
    return np.stack(
        [
            np.where(first_clear, base, tuned),
            np.where(second_clear, tuned, base),
            first * either,
            second * either,
            base,
        ]
    )


def _leans(
    sums: NDArray[np.float64], weights: NDArray[np.float64], rows: NDArray[np.bool_], columns: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the sign of each split's lean, and whether it is clear of 0."""
    chosen_rows, chosen_columns = rows.astype(float), columns.astype(float)
    weight = _summed(chosen_rows, weights, chosen_columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = _summed(chosen_rows, sums, chosen_columns) / weight
        # Residuals of the chosen entries, summed by row, by column and each alone.
        by_row = (chosen_columns @ sums.T - lean[:, np.newaxis] * (chosen_columns @ weights.T)) * chosen_rows
        variance = _scaled(by_row, chosen_rows)
        if weights.shape[1] > 1:
            by_column = (chosen_rows @ sums - lean[:, np.newaxis] * (chosen_rows @ weights)) * chosen_columns
            squares = _squares(sums, weights, lean, chosen_rows, chosen_columns)
            variance = np.maximum(variance + _scaled(by_column, chosen_columns) - squares, squares)
        clear = np.abs(lean) * weight > CLEAR_AT * np.sqrt(variance)
    return np.nan_to_num(np.sign(lean)), clear & (np.abs(lean) > 0)


def _summed(rows: NDArray[np.float64], table: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each split's chosen entries of a table."""
    return np.asarray(((rows @ table) * columns).sum(axis=1))


def _scaled(residuals: NDArray[np.float64], chosen: NDArray[np.float64]) -> NDArray[np.float64]:
    n = chosen.sum(axis=1)
    return np.asarray(n / (n - 1) * (residuals**2).sum(axis=1))


def _squares(
    sums: NDArray[np.float64],
    weights: NDArray[np.float64],
    lean: NDArray[np.float64],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the sum of squared residuals of the chosen entries, of each split."""
    terms = [_summed(rows, part, columns) for part in (sums**2, sums * weights, weights**2)]
    return np.maximum(terms[0] - 2 * lean * terms[1] + lean**2 * terms[2], 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighed:
    """Two signed means of a cell, with what their covariance is made of.

    Attributes
    ----------
    values : array of float, shape (2,)
    parts : tuple of (array of float, shape (2, 2); float)
        Covariances by cluster, by second cluster and by both, with the degrees of freedom of each; the first alone
        where there is no second factor.
    """

    values: NDArray[np.float64]
    parts: tuple[tuple[NDArray[np.float64], float], ...]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Of the two means; two-way where there is a second factor."""
        if len(self.parts) == 1:
            return self.parts[0][0]
        (rows, _), (columns, _), (both, _) = self.parts
        values, vectors = np.linalg.eigh(rows + columns - 2 * both)
        return np.asarray(both + (vectors * np.maximum(values, 0.0)) @ vectors.T)

    def freedom(self, direction: NDArray[np.float64]) -> float:
        """Return Satterthwaite's degrees of freedom of a sum of the two means in this direction."""
        variances = [float(direction @ part @ direction) for part, _ in self.parts]
        freedoms = [freedom for _, freedom in self.parts]
        total = float(direction @ self.covariance @ direction)
        squares = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
        return min(freedoms) if squares == 0 else max(total**2 / squares, min(freedoms))


def weighed(cell: Grid, one: NDArray[np.float64], other: NDArray[np.float64]) -> Weighed:
    """Return the means of two signed tables of sums over a grid, with their covariance by clusters (CR3).

    Parameters
    ----------
    cell : Grid
    one, other : array of float, shape (n_clusters, n_also)
        Sums times signs.
    """
    sums = np.stack([one, other])
    total, weight = sums.sum(axis=(1, 2)), cell.weights.sum()
    values = total / weight
    parts = [(_jackknife(sums.sum(axis=2), cell.weights.sum(axis=1)), cell.freedom)]
    n_columns = cell.weights.shape[1]
    if n_columns > 1:
        parts.append((_jackknife(sums.sum(axis=1), cell.weights.sum(axis=0)), n_columns - 1.0))
        there = cell.weights > 0
        residuals = (sums - values[:, np.newaxis, np.newaxis] * cell.weights)[:, there] / weight
        n = int(there.sum())
        parts.append((n / (n - 1) * residuals @ residuals.T, n - 1.0))
    return Weighed(values=values, parts=tuple(parts))


def _jackknife(sums: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance of means with each cluster left out in turn."""
    without = (sums.sum(axis=1, keepdims=True) - sums) / (weights.sum() - weights)
    k = len(weights)
    away = without - without.mean(axis=1, keepdims=True)
    return np.asarray((k - 1) / k * away @ away.T)


def reach_of(level: float, freedom: float) -> float:
    """Return how many standard errors an interval reaches to either side."""
    return t_quantile((1 + level) / 2, freedom)
