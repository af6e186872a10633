"""Means of item values with intervals that know of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.clusters import MIN_CLUSTERS, Clustered
from biasaudit.stats.quantiles import t_reach
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROBUST_FROM: Final = 25
"""Clusters from which the sandwich estimator is used; below, the jackknife."""

RANGES: Final = {"index": (-1.0, 1.0), "share": (0.0, 1.0), "share difference": (-1.0, 1.0)}
"""Units whose values are bounded. An interval is cut there, which takes no possible value from it."""

_ROUNDING: Final = 1e-9
_T_METHOD: Final = "mean of cluster means, t interval"


def mean_estimate(sample: Clustered, design: ClusterDesign, *, level: float = 0.95, unit: str = "index") -> Estimate:
    """Estimate the mean of item values.

    Parameters
    ----------
    sample : Clustered
    design : ClusterDesign
        ``designed``: mean over clusters of cluster means, one-sample t. ``nuisance``: mean over
        items, cluster-robust. ``none``: mean over items, one-sample t.
    level : float
        Confidence level, in (0, 1).
    unit : str

    Returns
    -------
    Estimate
        ``not measured`` without items, ``too few clusters`` under 5 of them.

    Raises
    ------
    ValueError
        If the mean is no possible value of the unit, such as a share below 0.

    References
    ----------
    METHODS-REFERENCE, section 4.1. Nuisance clusters: CR1 sandwich with t(K - 1) from 25 clusters
    (statsmodels), the CR3 jackknife below.

    Examples
    --------
    >>> from biasaudit.stats.clusters import clustered
    >>> sample = clustered([0.0, 1.0, 0.0, 1.0, 0.5], ["a", "b", "c", "d", "e"])
    >>> round(mean_estimate(sample, ClusterDesign.DESIGNED).ci_high, 3)
    1.0
    """
    refusal = refused(sample, level=level, unit=unit)
    if refusal is not None:
        return refusal
    value = point(sample, design)
    lowest, highest = RANGES.get(unit, (-np.inf, np.inf))
    if not lowest - _ROUNDING <= value <= highest + _ROUNDING:
        msg = f"a mean of {value} is no {unit}, which lies in [{lowest:g}, {highest:g}]; name another unit"
        raise ValueError(msg)
    bounded = _without_spread(sample, design, value, level=level, unit=unit)
    if bounded is not None:
        return bounded
    error, method = standard_error(sample, design)
    half = error * t_reach(level, sample.n_clusters)
    return Estimate(
        status=Status.OK,
        value=value,
        ci_low=max(value - half, lowest),
        ci_high=min(value + half, highest),
        level=level,
        n_items=sample.n_items,
        n_clusters=sample.n_clusters,
        method=method,
        unit=unit,
    )


def refused(sample: Clustered, *, level: float, unit: str) -> Estimate | None:
    """Return the estimate without a number that `sample` deserves, or None if it can be used."""
    if sample.n_items == 0:
        status = Status.NOT_MEASURED
    elif sample.n_clusters < MIN_CLUSTERS:
        status = Status.TOO_FEW_CLUSTERS
    else:
        return None
    return Estimate(
        status=status,
        level=level,
        n_items=sample.n_items,
        n_clusters=sample.n_clusters,
        method=f"needs {MIN_CLUSTERS} clusters",
        unit=unit,
    )


def point(sample: Clustered, design: ClusterDesign) -> float:
    """Return the mean that `design` asks for: over cluster means, or over items."""
    return float(sample.means.mean() if design is ClusterDesign.DESIGNED else sample.values.mean())


def standard_error(sample: Clustered, design: ClusterDesign) -> tuple[float, str]:
    """Return the standard error of :func:`point` and the method's name."""
    if design is ClusterDesign.DESIGNED:
        return _t_error(sample.means), _T_METHOD
    if design is ClusterDesign.NONE or sample.n_clusters == sample.n_items:
        return _t_error(sample.values), "mean of independent items, t interval"
    if sample.n_clusters >= ROBUST_FROM:
        return _sandwich_error(sample), "mean of items, cluster-robust (CR1), t interval"
    return _jackknife_error(sample), "mean of items, cluster jackknife (CR3), t interval"


def _t_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _sandwich_error(sample: Clustered) -> float:
    import statsmodels.api as sm  # noqa: PLC0415  # a second to import

    fit = sm.OLS(sample.values, np.ones(sample.n_items)).fit(
        cov_type="cluster", cov_kwds={"groups": sample.index}, use_t=True
    )
    return float(fit.bse[0])


def _jackknife_error(sample: Clustered) -> float:
    """CR3 by leaving one cluster out. statsmodels' cluster covariance stops at CR1."""
    total, n = sample.sums.sum(), sample.n_items
    without = (total - sample.sums) / (n - sample.sizes)
    k = sample.n_clusters
    return float(np.sqrt((k - 1) / k * ((without - without.mean()) ** 2).sum()))


def _without_spread(
    sample: Clustered, design: ClusterDesign, value: float, *, level: float, unit: str
) -> Estimate | None:
    """Give an interval to answers of which every cluster holds the same, where a t interval would have no width.

    The share of clusters that would be like those seen has a Clopper-Pearson bound; the others could sit at
    either end of the scale. Answers are values at an end or in the middle of it.
    """
    lowest, highest = RANGES.get(unit, (np.nan, np.nan))
    alike = sample.means if design is ClusterDesign.DESIGNED else sample.values
    answers = np.isin(sample.values, (lowest, (lowest + highest) / 2, highest)).all()
    if not answers or not (alike == alike[0]).all():
        return None
    share = ((1 - level) / 2) ** (1 / sample.n_clusters)
    return Estimate(
        status=Status.OK,
        value=value,
        ci_low=lowest + share * (value - lowest),
        ci_high=highest - share * (highest - value),
        level=level,
        n_items=sample.n_items,
        n_clusters=sample.n_clusters,
        method="every cluster answers alike: Clopper-Pearson over clusters",
        unit=unit,
    )
