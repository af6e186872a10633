"""Ratios of two paired means, with the interval that a ratio has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.quantiles import t_reach
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

MIN_STANDARD_ERRORS: Final = 3.0
"""How far the denominator must be from 0 before a ratio is printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedMeans:
    """Two means that vary together.

    Attributes
    ----------
    y, x : float
        Numerator and denominator.
    var_y, var_x, cov_yx : float
        Variances and covariance of the means.
    """

    y: float
    x: float
    var_y: float
    var_x: float
    cov_yx: float


def ratio_bounds(means: PairedMeans, quantile: float) -> tuple[float, float] | None:
    """Return both ends of Fieller's interval of ``y / x``; None where it is unbounded.

    Neither scipy nor statsmodels has Fieller's interval for paired means, so it is written here.

    Parameters
    ----------
    means : PairedMeans
    quantile : float
        Of Student's t at the level wanted.

    References
    ----------
    Fieller (1954); METHODS-REFERENCE, section 4.6.

    Examples
    --------
    >>> ratio_bounds(PairedMeans(y=1.0, x=2.0, var_y=0.0625, var_x=0.0, cov_yx=0.0), 2.0)
    (0.25, 0.75)
    >>> ratio_bounds(PairedMeans(y=1.0, x=2.0, var_y=0.01, var_x=1.0, cov_yx=0.0), 2.0) is None
    True
    """
    square = quantile**2
    a = means.x**2 - square * means.var_x
    if a <= 0:
        return None
    b = means.y * means.x - square * means.cov_yx
    c = means.y**2 - square * means.var_y
    # Rounding may carry an interval without width below 0.
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a


def relative_reduction(reduction: Clustered, first: Clustered, *, level: float = 0.95) -> Estimate:
    """Return mean(reduction) / mean(first) over cluster means, with Fieller's interval.

    Parameters
    ----------
    reduction : Clustered
        First arm minus second.
    first : Clustered
        First arm; the same clusters.
    level : float

    Returns
    -------
    Estimate
        Unit ``relative``: 1 is all of it gone, 0 is no change, negative is an increase.
        ``too few clusters`` under 5 of them; ``not estimable`` where the first mean is within 3
        standard errors of 0, or the interval is unbounded.

    References
    ----------
    METHODS-REFERENCE, section 4.6.
    """
    y, x = reduction.means, first.means
    k = len(x)
    counts: dict[str, Any] = {"level": level, "n_items": first.n_items, "n_clusters": k, "unit": "relative"}
    if k < MIN_CLUSTERS:
        return Estimate(status=Status.TOO_FEW_CLUSTERS, method=f"needs {MIN_CLUSTERS} clusters", **counts)
    covariance = np.cov(y, x) / k
    if abs(x.mean()) <= MIN_STANDARD_ERRORS * math.sqrt(covariance[1, 1]):
        return Estimate(
            status=Status.NOT_ESTIMABLE, method="the first arm's lean is within 3 standard errors of 0", **counts
        )
    means = PairedMeans(
        y=float(y.mean()),
        x=float(x.mean()),
        var_y=float(covariance[0, 0]),
        var_x=float(covariance[1, 1]),
        cov_yx=float(covariance[0, 1]),
    )
    bounds = ratio_bounds(means, t_reach(level, k))
    if bounds is None:
        return Estimate(status=Status.NOT_ESTIMABLE, method="Fieller's interval is unbounded", **counts)
    return Estimate(
        status=Status.OK,
        value=means.y / means.x,
        ci_low=bounds[0],
        ci_high=bounds[1],
        method="ratio of means of cluster means, Fieller interval",
        **counts,
    )
