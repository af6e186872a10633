"""Intervals of quantities that have no simple variance, by resampling whole clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES: Final = 10_000
MIN_RESAMPLED: Final = 10
"""Fewer clusters are not resampled: among 5, over a third of samples had resamples without variation."""

_DRAWN_AT_ONCE: Final = 2_000_000
_STEP: Final = 1e-6

Statistic = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]
"""From totals, shape (..., n_columns), to values, shape (...); NaN where it is not defined."""


def cluster_bootstrap(
    totals: NDArray[np.float64],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
    n_items: int,
    unit: str = "index",
) -> Estimate:
    """Estimate a smooth function of totals over clusters.

    The studentised (bootstrap-t) interval: each resample is divided by its own standard error,
    which the delta method gives from its clusters. scipy's bootstrap offers the percentile, basic
    and BCa intervals only, which cover 91 to 93 % with 20 to 50 clusters. Of a ratio over clusters
    of unequal size, 400 samples each, this covered 93 % with 10 and 94 to 96 % with 20 to 200.

    Parameters
    ----------
    totals : array of float, shape (n_clusters, n_columns)
        What each cluster adds to the totals, for example counts of biased answers and of answers.
        The columns of two arms stand side by side, so that both see the same draws.
    statistic : callable
        Of the totals' mean over clusters, vectorised over leading axes. It must not change when all
        columns are multiplied by a number, as ratios do not.
    rng : numpy.random.Generator
    level : float
    n_resamples : int
    n_items : int
        For the record.
    unit : str

    Returns
    -------
    Estimate
        ``not measured`` without clusters, ``too few clusters`` under 10 of them, ``not estimable``
        where the value is not defined, does not vary, or is not defined in over 1 % of resamples.

    References
    ----------
    Efron (1979); Hall (1988) for the studentised interval. docs/methods.md, section 4.7.

    Examples
    --------
    >>> totals = np.array([[1.0, 4.0], [2.0, 4.0], [3.0, 4.0], [2.0, 4.0]] * 3)
    >>> share = lambda sums: sums[..., 0] / sums[..., 1]
    >>> cluster_bootstrap(totals, share, rng=np.random.default_rng(0), n_items=48, n_resamples=99).value
    0.5
    """
    k = len(totals)
    counts: dict[str, Any] = {"level": level, "n_items": n_items, "n_clusters": k, "unit": unit}
    if k < MIN_RESAMPLED:
        status = Status.TOO_FEW_CLUSTERS if k else Status.NOT_MEASURED
        return Estimate(status=status, method=f"needs {MIN_RESAMPLED} clusters to resample", **counts)
    columns = np.concatenate([totals, _products(totals)], axis=1)
    value, error = (float(found[0]) for found in _studied(columns.mean(axis=0)[np.newaxis], statistic, totals, k))
    if not np.isfinite(value) or not error > 0:
        return Estimate(status=Status.NOT_ESTIMABLE, method="not defined, or without variation", **counts)
    means = np.concatenate([weights @ columns / k for weights in cluster_draws(k, n_resamples, rng)])
    values, errors = _studied(means, statistic, totals, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = (values - value) / errors
    pivots = pivots[np.isfinite(pivots)]
    if len(pivots) < 0.99 * n_resamples:
        return Estimate(status=Status.NOT_ESTIMABLE, method="not defined in some resamples", **counts)
    low, high = np.quantile(pivots, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        status=Status.OK,
        value=value,
        ci_low=min(value - float(high) * error, value),
        ci_high=max(value - float(low) * error, value),
        method=f"{n_resamples} resamples of clusters, studentised",
        **counts,
    )


def cluster_draws(n_clusters: int, n_resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield how often each cluster is drawn, shape (at most n_resamples, n_clusters), in blocks."""
    block = max(1, _DRAWN_AT_ONCE // n_clusters)
    for start in range(0, n_resamples, block):
        rows = min(block, n_resamples - start)
        drawn = rng.integers(n_clusters, size=(rows, n_clusters), dtype=np.int32)
        drawn += n_clusters * np.arange(rows, dtype=np.int32)[:, np.newaxis]
        counted = np.bincount(drawn.ravel(), minlength=rows * n_clusters)
        yield counted.reshape(rows, n_clusters).astype(np.float64)


def _products(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every product of two columns, shape (n_clusters, n_columns ** 2): they give covariances."""
    return (totals[:, :, np.newaxis] * totals[:, np.newaxis, :]).reshape(len(totals), -1)


def _studied(
    means: NDArray[np.float64], statistic: Statistic, totals: NDArray[np.float64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values and delta-method standard errors from the means of columns and of their products."""
    width = totals.shape[1]
    first, products = means[:, :width], means[:, width:].reshape(-1, width, width)
    covariance = products - first[:, :, np.newaxis] * first[:, np.newaxis, :]
    # Central differences: each column moves by a millionth of its largest value.
    steps = np.diag(_STEP * np.maximum(np.abs(totals).max(axis=0), 1e-300))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = statistic(first)
        upper = statistic(first[:, np.newaxis, :] + steps)
        lower = statistic(first[:, np.newaxis, :] - steps)
        gradient = (upper - lower) / (2 * np.diag(steps))
    variance = np.einsum("ri,rij,rj->r", gradient, covariance, gradient) / (k - 1)
    return values, np.sqrt(np.maximum(variance, 0.0))
