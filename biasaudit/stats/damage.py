"""What tuning broke: associations that a good model keeps, and differences that nobody wanted flattened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.stats.fieller import FLOOR, PairedMeans, ratio_bounds
from biasaudit.stats.halves import grid, reach_of, weighed
from biasaudit.stats.intervals import are_answers, mean_estimate, refused
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

LEAST_ABS_D_NATS: Final = FLOOR
"""Least mean |d| of the first arm of which a ratio is printed, in nats: where there was nothing, nothing is blunted."""

_SAME: Final = 1e-9
"""Relative: a spread below it is that of rounding."""


def licensed_drop(first: Clustered, second: Clustered, design: ClusterDesign, *, level: float = 0.95) -> Estimate:
    """Estimate how much of the licensed associations the second arm lost.

    Parameters
    ----------
    first, second : Clustered
        Probability of the right continuation against the wrong one, in [0, 1], of the same licensed items in the same
        order.
    design : ClusterDesign
    level : float

    Returns
    -------
    Estimate
        Mean of the first arm minus mean of the second, in [-1, 1]; above 0 is a loss. ``not measured`` without items,
        ``too few clusters`` under 5.

    Notes
    -----
    Where every probability of both arms is 0, a half or 1, they are answers: of clusters that all agree the interval
    has the width that such answers have (Clopper-Pearson over clusters). Other probabilities that differ by the same in
    every cluster do so by that much, and the interval has no width.

    References
    ----------
    docs/methods.md, section 8.8.

    Examples
    --------
    >>> from biasaudit.stats.clusters import clustered
    >>> templates = ["a", "b", "c", "d", "e", "f"]
    >>> before = clustered([0.9] * 6, templates)
    >>> found = licensed_drop(before, before.with_values(before.values - [0.1, 0.2] * 3), ClusterDesign.DESIGNED)
    >>> f"{found.value:.2f} {found.ci_low:.3f} {found.ci_high:.3f}"  # sd 0.0548 / sqrt(6) x t(5) 2.571
    '0.15 0.093 0.207'
    """
    lost = first.with_values(first.values - second.values)
    answered = all(are_answers(side.values, "share") for side in (first, second))
    unit = "share difference" if answered else "probability difference"
    return mean_estimate(lost, design, level=level, unit=unit)


def blunting(first: Clustered, second: Clustered, design: ClusterDesign, *, level: float = 0.95) -> Estimate:
    """Estimate what is left of differences that nobody meant to change: mean |d| after over mean |d| before.

    Parameters
    ----------
    first, second : Clustered
        |d| in nats, at least 0, of the same items in the same order: of what was not trained.
    design : ClusterDesign
        Decides the means: over clusters, or over items.
    level : float

    Returns
    -------
    Estimate
        Unit ``ratio``: 1 is as before, below 1 a model that tells less apart, 0 one that tells nothing apart.
        ``not measured`` without items, ``too few clusters`` under 5. ``not estimable`` where the first mean is below
        0.05 nats, every cluster has one and the same ratio (nothing says how far another would be from it), or
        Fieller's interval is unbounded.

    References
    ----------
    Fieller (1954); docs/methods.md, section 8.9, with the coverage that decided for it.

    Examples
    --------
    >>> from biasaudit.stats.clusters import clustered
    >>> before = clustered([2.0, 2.0, 2.0, 2.0, 2.0], ["a", "b", "c", "d", "e"])
    >>> found = blunting(before, before.with_values(np.array([0.8, 1.0, 1.2, 0.9, 1.1])), ClusterDesign.DESIGNED)
    >>> f"{found.value:.2f} {found.ci_low:.3f} {found.ci_high:.3f}"  # sd 0.158 / sqrt(5) / 2 x t(4) 2.776
    '0.50 0.402 0.598'
    """
    counts: dict[str, Any] = {
        "level": level,
        "n_items": first.n_items,
        "n_clusters": first.n_clusters,
        "unit": "ratio",
    }
    refusal = refused(first, level=level, unit="ratio", design=design)
    if refusal is not None:
        return refusal
    sums = grid(first, second, design)
    found = weighed(sums, sums.second, sums.first)
    after, before = (float(value) for value in found.values)
    if before < LEAST_ABS_D_NATS:
        method = f"the first arm's mean |d| is below {LEAST_ABS_D_NATS:g} nats"
        return Estimate(status=Status.NOT_ESTIMABLE, method=method, **counts)
    direction = np.array([1.0, -after / before])
    if float(direction @ found.covariance @ direction) <= (_SAME * before) ** 2:
        return Estimate(status=Status.NOT_ESTIMABLE, method="every cluster has the same ratio", **counts)
    means = PairedMeans(
        y=after,
        x=before,
        var_y=float(found.covariance[0, 0]),
        var_x=float(found.covariance[1, 1]),
        cov_yx=float(found.covariance[0, 1]),
    )
    bounds = ratio_bounds(means, reach_of(level, found.freedom(direction)))
    if bounds is None:
        return Estimate(status=Status.NOT_ESTIMABLE, method="Fieller's interval is unbounded", **counts)
    what = "means of cluster means" if design is ClusterDesign.DESIGNED else "item means"
    return Estimate(
        status=Status.OK,
        value=after / before,
        ci_low=max(bounds[0], 0.0),  # a size is never below 0
        ci_high=bounds[1],
        method=f"ratio of mean |d|, {what}, paired, Fieller interval",
        **counts,
    )
