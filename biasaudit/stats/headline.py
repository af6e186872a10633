"""One number over all cells, without the reduction that regression to the mean makes up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.fieller import PairedMeans, ratio_bounds
from biasaudit.stats.quantiles import t_quantile
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SELECT_AT: Final = 1.96
SPLITS: Final = 200
METHOD: Final = f"cross-fitted ratio of sums, {SPLITS} splits, Fieller interval over clusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Cluster means of one declared cell, in both arms.

    Attributes
    ----------
    first, second : array of float, shape (n_clusters,)
    n_items : int
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    n_items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one cell adds to the two sums: means of the weighted cluster means, and their covariance."""

    reduction: float
    lean: float
    covariance: NDArray[np.float64]
    freedom: int


def relative_reduction_over_cells(
    cells: Sequence[Cell], *, rng: np.random.Generator, level: float = 0.95, n_splits: int = SPLITS
) -> Estimate:
    """Return the share of the inherited lean, over all cells, that the second arm no longer has.

    Clusters are halved; a cell whose lean is clear in one half is measured in the other, with that
    half's sign, and the halves change places. Over many splits, a cluster's weight is the mean sign
    that the halves without it gave. Weighted reductions and leans are summed over the cells before
    they are divided, and Fieller's interval is taken from the clusters' covariance within cells,
    with Satterthwaite's degrees of freedom. With one cell of clear lean this is its relative
    reduction.

    Parameters
    ----------
    cells : sequence of Cell
        Those with fewer than 5 clusters are left out, as they have no interval of their own.
    rng : numpy.random.Generator
        For the splits.
    level : float
    n_splits : int

    Returns
    -------
    Estimate
        Unit ``relative``. ``not measured`` without cells, ``not estimable`` where no cell leans
        clearly enough to be selected, or the interval is unbounded.

    References
    ----------
    METHODS-REFERENCE, section 4.5: the naive ratio reports 11 to 38 % where nothing changed.
    Satterthwaite (1946). Coverage is simulated in tests/validation: a cluster bootstrap of the same
    ratio covered 92 to 100 % of the truths that this covers in 94 to 96 %, at up to twice the width.
    """
    usable = [cell for cell in cells if len(cell.first) >= MIN_CLUSTERS]
    counts: dict[str, Any] = {
        "n_items": sum(cell.n_items for cell in usable),
        "n_clusters": sum(len(cell.first) for cell in usable),
        "level": level,
        "unit": "relative",
    }
    if not usable:
        return Estimate(status=Status.NOT_MEASURED, **counts)
    parts = [_part(cell, rng, n_splits) for cell in usable]
    sums = _sums(parts)
    bounds = None
    if sums.x > 0:
        bounds = ratio_bounds(sums, t_quantile((1 + level) / 2, _freedom(parts, sums.y / sums.x)))
    if bounds is None:
        return Estimate(status=Status.NOT_ESTIMABLE, method="too little inherited lean to divide by", **counts)
    return Estimate(
        status=Status.OK, value=sums.y / sums.x, ci_low=bounds[0], ci_high=bounds[1], method=METHOD, **counts
    )


def _part(cell: Cell, rng: np.random.Generator, n_splits: int) -> _Part:
    weights = _weights(cell.first, rng, n_splits)
    lean, reduction = weights * cell.first, weights * (cell.first - cell.second)
    return _Part(
        reduction=float(reduction.mean()),
        lean=float(lean.mean()),
        covariance=np.cov(reduction, lean) / len(lean),
        freedom=len(lean) - 1,
    )


def _weights(first: NDArray[np.float64], rng: np.random.Generator, n_splits: int) -> NDArray[np.float64]:
    """Return, for each cluster, the mean sign of the lean in the halves that do not hold it."""
    k = len(first)
    order = rng.permuted(np.tile(np.arange(k), (n_splits, 1)), axis=1)
    total = np.zeros(k)
    for chosen, held in ((order[:, ::2], order[:, 1::2]), (order[:, 1::2], order[:, ::2])):
        signs = _clear_signs(first[chosen])
        # Halves of an odd number differ in size, and each half counts as a half.
        np.add.at(total, held, (signs * k / (2 * held.shape[1]))[:, np.newaxis])
    return total / n_splits


def _clear_signs(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sign of each row's mean where it is beyond 1.96 standard errors, else 0."""
    lean = means.mean(axis=1)
    error = means.std(axis=1, ddof=1) / np.sqrt(means.shape[1])
    return np.where(np.abs(lean) > SELECT_AT * error, np.sign(lean), 0.0)


def _sums(parts: Sequence[_Part]) -> PairedMeans:
    covariance = sum((part.covariance for part in parts), start=np.zeros((2, 2)))
    return PairedMeans(
        y=sum(part.reduction for part in parts),
        x=sum(part.lean for part in parts),
        var_y=float(covariance[0, 0]),
        var_x=float(covariance[1, 1]),
        cov_yx=float(covariance[0, 1]),
    )


def _freedom(parts: Sequence[_Part], ratio: float) -> float:
    """Return Satterthwaite's degrees of freedom of ``reduction - ratio * lean``, summed over cells."""
    direction = np.array([1.0, -ratio])
    variances = np.array([max(float(direction @ part.covariance @ direction), 0.0) for part in parts])
    freedoms = np.array([part.freedom for part in parts])
    total = variances.sum()
    if total == 0:
        return float(freedoms.sum())
    return float(total**2 / (variances**2 / freedoms).sum())
