"""The relative reduction of one cell, as a ratio of two paired means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

MIN_STANDARD_ERRORS: Final = 3.0
"""How far the denominator must be from 0 before a ratio is printed."""


def relative_reduction(reduction: Clustered, first: Clustered, *, level: float = 0.95) -> Estimate:
    """Return mean(reduction) / mean(first) over cluster means, with Fieller's interval.

    Neither scipy nor statsmodels has Fieller's interval for paired means, so it is written here.

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
        ``not estimable`` where the first mean is within 3 standard errors of 0, or the
        interval is unbounded.

    References
    ----------
    Fieller (1954); METHODS-REFERENCE, section 4.6.
    """
    y, x = reduction.means, first.means
    k = len(x)
    counts: dict[str, Any] = {"level": level, "n_items": first.n_items, "n_clusters": k, "unit": "relative"}
    if k < 2 or abs(x.mean()) <= MIN_STANDARD_ERRORS * x.std(ddof=1) / math.sqrt(k):
        return Estimate(
            status=Status.NOT_ESTIMABLE, method="the first arm's lean is within 3 standard errors of 0", **counts
        )
    t = float(stats.t.ppf((1 + level) / 2, k - 1))
    covariance = np.cov(y, x) / k
    a = float(x.mean() ** 2 - t**2 * covariance[1, 1])
    b = float(y.mean() * x.mean() - t**2 * covariance[0, 1])
    c = float(y.mean() ** 2 - t**2 * covariance[0, 0])
    if a <= 0:
        return Estimate(status=Status.NOT_ESTIMABLE, method="Fieller's interval is unbounded", **counts)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Estimate(
        status=Status.OK,
        value=float(y.mean() / x.mean()),
        ci_low=(b - root) / a,
        ci_high=(b + root) / a,
        method="ratio of means of cluster means, Fieller interval",
        **counts,
    )
