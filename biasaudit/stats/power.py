"""What an audit of a given size can see, before it runs and after."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.quantiles import t_quantile
from biasaudit.stats.spread import spread

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered
    from biasaudit.types import ClusterDesign

CORRELATION: Final = 0.1
"""Correlation of differences within a cluster, where nothing better is known."""

LEVEL: Final = 0.05
"""Error rate of the test, over its family."""

_STEPS: Final = 400


def error_rate(level: float) -> float:
    """Return the error rate that goes with a confidence level, over a family of tests.

    Examples
    --------
    >>> error_rate(0.95), error_rate(0.99)
    (0.05, 0.01)
    """
    return round(1 - level, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a cell of planned size can show.

    Attributes
    ----------
    n_items, n_clusters : int
    smallest_detectable_change : float or None
        Index points, found at the power asked for; None with too few clusters, or where no change can be shown.
    power_unchanged : float or None
        Probability of calling a cell without any change ``unchanged``.
    """

    n_items: int
    n_clusters: int
    smallest_detectable_change: float | None
    power_unchanged: float | None


def power_of_change(change: float, error: float, n_clusters: int, *, alpha: float = 0.05) -> float:
    """Return the probability that a two-sided t test finds `change`.

    Parameters
    ----------
    change : float
        True D, in index points.
    error : float
        Standard error of D; above 0.
    n_clusters : int
    alpha : float

    Returns
    -------
    float
        In [alpha, 1].

    Raises
    ------
    ValueError
        If the error is not above 0 or there are fewer than 2 clusters.

    References
    ----------
    Noncentral t, as in statsmodels' TTestPower, which takes an effect size and a number of
    observations where we have the standard error itself.

    Examples
    --------
    >>> round(power_of_change(0.0, 0.02, 20), 3)
    0.05
    >>> round(power_of_change(0.06, 0.02, 20), 2)
    0.81
    """
    _check(error, n_clusters)
    freedom = n_clusters - 1
    critical = t_quantile(1 - alpha / 2, freedom)
    shift = change / error
    from scipy.stats import nct  # noqa: PLC0415  # half a second to import

    upper = nct.sf(critical, freedom, shift)
    # The other tail by symmetry: scipy's cdf loses its digits far from the centre.
    lower = nct.sf(critical, freedom, -shift)
    return float(upper + lower)


def power_of_equivalence(margin: float, error: float, n_clusters: int, *, alpha: float = 0.05) -> float:
    """Return the probability that a cell without any change is called ``unchanged``.

    Parameters
    ----------
    margin : float
        Largest change that counts as none.
    error : float
        Standard error of D; above 0.
    n_clusters : int
    alpha : float
        Of each of the two one-sided tests.

    Raises
    ------
    ValueError
        If the error is not above 0 or there are fewer than 2 clusters.

    References
    ----------
    Schuirmann (1987), two one-sided tests; docs/methods.md, section 10.2. The error's own
    uncertainty is integrated over its chi-squared distribution.

    Examples
    --------
    >>> round(power_of_equivalence(0.05, 0.05, 20), 2)
    0.0
    >>> round(power_of_equivalence(0.05, 0.015, 20), 2)
    0.88
    """
    _check(error, n_clusters)
    freedom = n_clusters - 1
    critical = t_quantile(1 - alpha, freedom)

    # |D| < margin - critical * s, where D is normal with the true error and s is its estimate.
    quantiles = (np.arange(_STEPS) + 0.5) / _STEPS
    estimated = np.sqrt(2 * special.gammaincinv(freedom / 2, quantiles) / freedom)
    room = np.maximum(margin / error - critical * estimated, 0.0)
    return float((2 * special.ndtr(room) - 1).mean())


def can_show_a_change(n_clusters: int, *, n_cells: int = 1, alpha: float = LEVEL) -> bool:
    """Whether the test of a change can reach its level at all.

    Parameters
    ----------
    n_clusters : int
    n_cells : int
        Cells of the family that Holm corrects; the first claim in it needs alpha / n_cells.
    alpha : float

    References
    ----------
    docs/methods.md, section 10.3: signs of K cluster means can be flipped in 2^K ways, so that the least p-value of a
    two-sided test is 2^(1 - K): 0.0625 with 5 clusters, 0.0005 with 12.

    Examples
    --------
    >>> [can_show_a_change(n) for n in (5, 6)], [can_show_a_change(10, n_cells=m) for m in (25, 26)]
    ([False, True], [True, False])
    """
    return 2.0 ** (1 - n_clusters) <= alpha / n_cells


def planned_error(n_items: int, n_clusters: int, *, spread: float, correlation: float = CORRELATION) -> float:
    """Return the standard error of D that a cell of this size may be expected to have.

    Parameters
    ----------
    n_items, n_clusters : int
    spread : float
        Standard deviation of an item's change, above 0: see :class:`biasaudit.kinds.Index`.
    correlation : float
        Of differences within a cluster, in [0, 1].

    References
    ----------
    docs/methods.md, section 10.2: sd / sqrt(n) sqrt(1 + (m - 1) ICC), m items a cluster; of preferences of which a
    share p turns, sd is 2 sqrt(p).

    Examples
    --------
    >>> round(planned_error(400, 400, spread=0.25), 4)
    0.0125
    """
    size = n_items / n_clusters
    return spread / math.sqrt(n_items) * math.sqrt(1 + (size - 1) * correlation)


def prospect(
    n_items: int,
    n_clusters: int,
    *,
    spread: float,
    margin: float = 0.05,
    power: float = 0.8,
    alpha: float = LEVEL,
    correlation: float = CORRELATION,
    n_cells: int = 1,
) -> Prospect:
    """Say what a cell of planned size can show.

    Parameters
    ----------
    n_items, n_clusters : int
    spread : float
        Standard deviation of an item's change: see :class:`biasaudit.kinds.Index`.
    margin : float
        Largest change that counts as none.
    power, alpha : float
    correlation : float
        Of differences within a cluster.
    n_cells : int
        Cells that are tested together.

    Examples
    --------
    >>> found = prospect(1508, 1508, spread=0.25)
    >>> round(found.smallest_detectable_change, 3), round(found.power_unchanged, 2)
    (0.018, 1.0)
    >>> prospect(4, 4, spread=0.25).smallest_detectable_change is None
    True
    >>> prospect(200, 5, spread=0.25).smallest_detectable_change is None
    True
    """
    if n_clusters < MIN_CLUSTERS:
        return Prospect(n_items=n_items, n_clusters=n_clusters, smallest_detectable_change=None, power_unchanged=None)
    error = planned_error(n_items, n_clusters, spread=spread, correlation=correlation)
    smallest = _smallest(error, n_clusters - 1, power=power, alpha=alpha)
    return Prospect(
        n_items=n_items,
        n_clusters=n_clusters,
        smallest_detectable_change=smallest if can_show_a_change(n_clusters, n_cells=n_cells, alpha=alpha) else None,
        power_unchanged=power_of_equivalence(margin, error, n_clusters, alpha=alpha),
    )


def smallest_detectable_change(
    difference: Clustered, design: ClusterDesign, *, power: float = 0.8, alpha: float = LEVEL, n_cells: int = 1
) -> float | None:
    """Return the change that would be found with probability `power` at two-sided `alpha`.

    None where no change can be shown, however large: see :func:`can_show_a_change`.

    References
    ----------
    docs/methods.md, section 10.1: (t(1 - alpha/2) + t(power)) standard errors, with the degrees of freedom of the
    design's own standard error.
    """
    if not can_show_a_change(difference.n_clusters, n_cells=n_cells, alpha=alpha):
        return None
    of_mean = spread(difference, design)
    return _smallest(of_mean.error, of_mean.freedom, power=power, alpha=alpha)


def _smallest(error: float, freedom: float, *, power: float, alpha: float) -> float:
    return (t_quantile(1 - alpha / 2, freedom) + t_quantile(power, freedom)) * error


def _check(error: float, n_clusters: int) -> None:
    if not error > 0 or n_clusters < 2:
        msg = f"power needs an error above 0 and 2 clusters; it was given {error} and {n_clusters}"
        raise ValueError(msg)
