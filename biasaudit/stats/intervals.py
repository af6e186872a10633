"""Means of item values with intervals that know of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from biasaudit.stats.clusters import MIN_CLUSTERS, Clustered
from biasaudit.stats.spread import Spread, spread
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANGES: Final = {
    "index": (-1.0, 1.0),
    "share": (0.0, 1.0),
    "share difference": (-1.0, 1.0),
    "probability difference": (-1.0, 1.0),
    "index difference": (-2.0, 2.0),
    "index sum": (-2.0, 2.0),
    "answer difference": (-2.0, 2.0),
    "answer sum": (-2.0, 2.0),
}
"""Units whose values are bounded. An interval is cut there, which takes no possible value from it."""

NEAR_END: Final = 0.5
"""How far from parity answers must lie on the mean, of an index, for the logit scale to give the interval."""

LOGIT: Final = "logit scale"
"""How the method of an interval ends that lies near an end of its scale."""

ALIKE: Final = "every cluster answers alike: Clopper-Pearson over clusters"

_STEPS: Final = {"index": 2, "share": 2, "share difference": 2, "answer difference": 4, "answer sum": 4}
"""From one end of a scale to the other, between values that are answers. Graded values that are equal in all clusters
are equal: their difference is no answer."""

MOST_WORDINGS: Final = 6
"""Over how many wordings of a request the mean of an item's answers is still known for one."""

_ROUNDING: Final = 1e-9


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
        ``not measured`` without items; ``too few clusters`` under 5 of them, or under 5 effective ones of a
        nuisance: one cluster with half of the items is no sample of clusters.

    Raises
    ------
    ValueError
        If the mean is no possible value of the unit, such as a share below 0.

    Notes
    -----
    Answers (values at an end or in the middle of the scale, or means of such over wordings) whose mean lies beyond
    `NEAR_END` have their interval on the logit scale, as the rates of groups have: t covers 85 to 91 % there, this 95
    to 99 % (tests/validation).

    References
    ----------
    docs/methods.md, sections 4.1 to 4.6. See :func:`biasaudit.stats.spread.spread` for the standard errors.

    Examples
    --------
    >>> from biasaudit.stats.clusters import clustered
    >>> sample = clustered([0.0, 1.0, 0.0, 1.0, 0.5], ["a", "b", "c", "d", "e"])
    >>> round(mean_estimate(sample, ClusterDesign.DESIGNED).ci_high, 3)
    1.0
    """
    refusal = refused(sample, level=level, unit=unit, design=design)
    if refusal is not None:
        return refusal
    value = point(sample, design)
    lowest, highest = RANGES.get(unit, (-np.inf, np.inf))
    if not lowest - _ROUNDING <= value <= highest + _ROUNDING:
        msg = f"a mean of {value} is no {unit}, which lies in [{lowest:g}, {highest:g}]; name another unit"
        raise ValueError(msg)
    low, high, method = _bounds(sample, design, value, level=level, unit=unit)
    return Estimate(
        status=Status.OK,
        value=value,
        ci_low=low,
        ci_high=high,
        level=level,
        n_items=sample.n_items,
        n_clusters=sample.n_clusters,
        method=method,
        unit=unit,
    )


def refused(
    sample: Clustered, *, level: float, unit: str, design: ClusterDesign = ClusterDesign.DESIGNED
) -> Estimate | None:
    """Return the estimate without a number that `sample` deserves, or None if it can be used."""
    method = f"needs {MIN_CLUSTERS} clusters"
    if sample.n_items == 0:
        status = Status.NOT_MEASURED
    elif sample.n_clusters < MIN_CLUSTERS:
        status = Status.TOO_FEW_CLUSTERS
    elif design is ClusterDesign.NUISANCE and sample.effective_clusters < MIN_CLUSTERS:
        status = Status.TOO_FEW_CLUSTERS
        method = (
            f"needs {MIN_CLUSTERS} effective clusters: the {sample.n_clusters} are so unequal that they count as "
            f"{sample.effective_clusters:.1f}"
        )
    else:
        return None
    return Estimate(
        status=status,
        level=level,
        n_items=sample.n_items,
        n_clusters=sample.n_clusters,
        method=method,
        unit=unit,
    )


def point(sample: Clustered, design: ClusterDesign) -> float:
    """Return the mean that `design` asks for: over cluster means, or over items."""
    return float(sample.means.mean() if design is ClusterDesign.DESIGNED else sample.values.mean())


def without_spread(sample: Clustered, design: ClusterDesign) -> bool:
    """Whether every cluster (or item, where items are the sample) has the same value."""
    alike = sample.means if design is ClusterDesign.DESIGNED else sample.values
    return bool((alike == alike[0]).all())


def _bounds(
    sample: Clustered, design: ClusterDesign, value: float, *, level: float, unit: str
) -> tuple[float, float, str]:
    lowest, highest = RANGES.get(unit, (-np.inf, np.inf))
    found = spread(sample, design)
    if unit in _STEPS and without_spread(sample, design) and are_answers(sample.values, unit):
        low, high = _all_alike(value, lowest, highest, level=level, n_clusters=sample.n_clusters)
        return low, high, ALIKE
    near_end = unit == "index" and abs(value) > NEAR_END and found.error > 0
    if near_end and are_answers(sample.values, unit, wordings=MOST_WORDINGS):
        low, high = _on_logits(sample, design, (value + 1) / 2, found, level=level)
        return 2 * low - 1, 2 * high - 1, f"{found.method}, {LOGIT}"
    half = found.reach(level)
    return max(value - half, lowest), min(value + half, highest), found.method


def are_answers(values: NDArray[np.float64], unit: str, *, wordings: int = 1) -> bool:
    """Whether values are answers, at an end or in the middle of the scale, or differences or sums of such.

    An item that is asked in several wordings has the mean of its answers: thirds of a step, where there are three.
    With `wordings`, means over up to so many are answers too.
    """
    lowest, highest = RANGES[unit]
    if not ((values >= lowest) & (values <= highest)).all():
        return False
    steps = (values - lowest) * _STEPS[unit] / (highest - lowest)
    return any(bool((np.abs(steps * n - np.round(steps * n)) < _ROUNDING).all()) for n in range(1, wordings + 1))


def _all_alike(value: float, lowest: float, highest: float, *, level: float, n_clusters: int) -> tuple[float, float]:
    """Bound a mean of which every cluster holds the same, where a t interval would have no width.

    The share of clusters that would be like those seen has a Clopper-Pearson bound; the others could sit at
    either end of the scale.
    """
    share = ((1 - level) / 2) ** (1 / n_clusters)
    return lowest + share * (value - lowest), highest - share * (highest - value)


def _on_logits(
    sample: Clustered, design: ClusterDesign, share: float, found: Spread, *, level: float
) -> tuple[float, float]:
    """Return the bounds of a share; its error is carried to the logit by leaving each cluster out, or by the slope."""
    error = found.error / 2 / (share * (1 - share))  # the index is twice as wide as a share
    without = (_without_each(sample, design) + 1) / 2
    if sample.also is None and ((without > 0) & (without < 1)).all():
        logits = special.logit(without)
        k = len(logits)
        error = float(np.sqrt((k - 1) / k * ((logits - logits.mean()) ** 2).sum()))
    low, high = special.expit(special.logit(share) + np.array([-1, 1]) * error * found.reach(level) / found.error)
    return float(low), float(high)


def _without_each(sample: Clustered, design: ClusterDesign) -> NDArray[np.float64]:
    """Return the mean with each cluster left out in turn, or each item where items are the sample."""
    if design is ClusterDesign.DESIGNED:
        sums, sizes = sample.means, np.ones(sample.n_clusters)
    elif design is ClusterDesign.NONE:
        sums, sizes = sample.values, np.ones(sample.n_items)
    else:
        sums, sizes = sample.sums, sample.sizes.astype(np.float64)
    return np.asarray((sums.sum() - sums) / (sizes.sum() - sizes))
