"""Ratios of two paired means, with the interval that a ratio has."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.stats.halves import crossed_signs, grid, reach_of, weighed
from biasaudit.stats.intervals import point, refused
from biasaudit.stats.spread import spread
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

MIN_STANDARD_ERRORS: Final = 3.0
"""How far the denominator must be from 0 before a ratio is printed."""

_SPLITS: Final = 50
"""Of one cell whose lean is far from 0: nearly all give one sign."""

FLOOR: Final = 0.05
"""Least lean of which a share is printed: what counts as no change would be more than all of a smaller one."""


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
    Fieller (1954); docs/methods.md, section 7.1.

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


def relative_reduction(
    reduction: Clustered,
    first: Clustered,
    design: ClusterDesign = ClusterDesign.DESIGNED,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Estimate:
    """Return mean(reduction) / mean(first), cross-fitted, with Fieller's interval.

    The lean that decides whether a share is printed at all is not the one that it is a share of: each half of the
    clusters counts, with the sign of the other, where the other leans clearly.

    Parameters
    ----------
    reduction : Clustered
        First arm minus second.
    first : Clustered
        First arm; the same clusters.
    design : ClusterDesign
        Decides the means: over clusters, or over items.
    rng : numpy.random.Generator
        For the splits.
    level : float

    Returns
    -------
    Estimate
        Unit ``relative``: 1 is all of it gone, 0 is no change, negative is a lean that grew on its side, above 1 one
        that lies on the other side now. ``too few clusters`` as means have it; ``not estimable`` where the first mean
        is within 3 standard errors of 0, or within 0.05, or the interval is unbounded.

    References
    ----------
    docs/methods.md, sections 7.1 and 7.3.
    """
    counts: dict[str, Any] = {
        "level": level,
        "n_items": first.n_items,
        "n_clusters": first.n_clusters,
        "unit": "relative",
    }
    refusal = refused(first, level=level, unit="relative", design=design)
    if refusal is not None:
        return refusal
    lean, error = point(first, design), spread(first, design).error
    if abs(lean) <= MIN_STANDARD_ERRORS * error:
        return Estimate(
            status=Status.NOT_ESTIMABLE, method="the first arm's lean is within 3 standard errors of 0", **counts
        )
    if abs(lean) < FLOOR:
        return Estimate(status=Status.NOT_ESTIMABLE, method=f"the first arm's lean is below {FLOOR:g}", **counts)
    sums = grid(reduction, first, design)
    signs = crossed_signs(replace(sums, first=sums.second), rng=rng, n_splits=_SPLITS).base
    found = weighed(sums, signs * sums.first, signs * sums.second)
    y, x = (float(value) for value in found.values)
    means = PairedMeans(
        y=y,
        x=x,
        var_y=float(found.covariance[0, 0]),
        var_x=float(found.covariance[1, 1]),
        cov_yx=float(found.covariance[0, 1]),
    )
    bounds = None if x <= 0 else ratio_bounds(means, reach_of(level, found.freedom(np.array([1.0, -y / x]))))
    if bounds is None:
        return Estimate(status=Status.NOT_ESTIMABLE, method="Fieller's interval is unbounded", **counts)
    what = "means of cluster means" if design is ClusterDesign.DESIGNED else "item means"
    return Estimate(
        status=Status.OK,
        value=y / x,
        ci_low=bounds[0],
        ci_high=bounds[1],
        method=f"ratio of {what}, cross-fitted, Fieller interval",
        **counts,
    )
