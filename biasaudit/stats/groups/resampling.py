"""Ratios and ranges of groups: a bootstrap of clusters, where there is no simple variance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import special

from biasaudit.stats.groups.intervals import (
    ALIKE,
    NO_ERROR,
    GroupTable,
    bounds_by_unlike_clusters,
    bounds_of_two,
    counts_of,
    fewest_clusters,
    jackknife_error,
    measured,
    refusal_of,
    without_each,
)
from biasaudit.stats.quantiles import t_reach
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

RESAMPLES: Final = 10_000
UNLIKE: Final = "share of clusters that differ over the reference's value, each by its bounds"
TOO_LITTLE: Final = "too little in one of the groups to take a ratio of"

MAX_LOG_REACH: Final = math.log(100)
"""A ratio that could as well be 100 times smaller or larger has not been estimated."""

_BATCH_NUMBERS: Final = 1_000_000


def ratio_intervals(
    table: GroupTable, reference: int, *, rng: np.random.Generator, level: float = 0.95, n_resamples: int = RESAMPLES
) -> tuple[Estimate, ...]:
    """Estimate every group's value over the reference group's.

    Interval on the log scale: the cluster jackknife's standard error times the `level` quantile of
    ``|log ratio - the sample's| / standard error`` over resampled clusters (symmetric studentised
    bootstrap), and never less than the t quantile. A resample without a ratio counts as beyond
    every bound, so that too few selected cases end in ``not estimable``. Groups that are treated
    alike in nearly every designed cluster leave no variance: their ratio is bounded by the share of
    clusters that differ (Clopper-Pearson).

    Parameters
    ----------
    table : GroupTable
    reference : int
    rng : numpy.random.Generator
    level : float
    n_resamples : int

    Returns
    -------
    tuple of Estimate
        One for each group, the reference's own included; unit ``ratio``. ``not estimable`` where
        the reference's value is 0, or so little was selected that some resamples have no ratio.

    References
    ----------
    docs/methods.md, section 9.4.
    """
    [intervals] = ratio_intervals_at(table, reference, (level,), rng=rng, n_resamples=n_resamples)
    return intervals


def ratio_intervals_at(
    table: GroupTable,
    reference: int,
    levels: Sequence[float],
    *,
    rng: np.random.Generator,
    n_resamples: int = RESAMPLES,
) -> tuple[tuple[Estimate, ...], ...]:
    """Estimate every group's value over the reference group's at several levels, from the same resamples.

    See Also
    --------
    ratio_intervals : The interval.
    """
    return tuple(
        tuple(
            _ratio_interval(table, group, reference, factor=float(factor), level=level)
            for group, factor in enumerate(factors)
        )
        for level, factors in zip(
            levels, _factors(table, reference, rng=rng, levels=levels, n_resamples=n_resamples), strict=True
        )
    )


def range_intervals(
    table: GroupTable, *, rng: np.random.Generator, level: float = 0.95, n_resamples: int = RESAMPLES
) -> tuple[Estimate, Estimate]:
    """Estimate the largest difference between groups and the smallest ratio.

    The largest difference of estimates is off by no more than the largest difference of their
    errors. So the interval reaches to either side as far as the `level` quantile of that over
    resampled clusters, widened by sqrt(K / (K - 1)) and t / z, K being the clusters of the group
    that has fewest. It is wide, and never short. The ratio likewise, on logarithms.

    Parameters
    ----------
    table : GroupTable
    rng : numpy.random.Generator
    level : float
    n_resamples : int

    Returns
    -------
    tuple of Estimate
        max - min (unit ``share difference``), and min / max (unit ``ratio``).
    """
    columns = range(len(table.n_items))
    fewest = min(fewest_clusters(table, [column]) for column in columns)
    counts = counts_of(table, columns, level, "share difference")
    ratio_counts = {**counts, "unit": "ratio"}
    refusals = [refusal_of(each, fewest=fewest) for each in (counts, ratio_counts)]
    if refusals[0] is not None and refusals[1] is not None:
        return refusals[0], refusals[1]
    values = np.array([table.value([column]) for column in columns])
    wider = _few_clusters(fewest, level)
    method = f"{n_resamples} cluster resamples of the range of errors, widened by {wider:.2f}"
    reach, log_reach = (
        wider * float(np.quantile(draws, level, method="higher"))
        for draws in _ranges_of_errors(table, values, rng, n_resamples)
    )
    if reach < NO_ERROR and table.binary.all():
        nothing = "no cluster tells the groups apart: no variance to go by"
        return _not_estimable(nothing, counts), _not_estimable(nothing, ratio_counts)
    largest = float(np.ptp(values))
    bounds = (max(largest - reach, 0.0), min(largest + reach, 1.0))
    difference = measured(largest, bounds, f"max - min, {method}", counts)
    if log_reach > MAX_LOG_REACH:
        return difference, _not_estimable(TOO_LITTLE, ratio_counts)
    smallest = float(values.min() / values.max())
    ratio_bounds = (smallest * math.exp(-log_reach), min(smallest * math.exp(log_reach), 1.0))
    return difference, measured(smallest, ratio_bounds, f"min / max, {method}", ratio_counts)


def resampled_weights(n_clusters: int, n_resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield how often each cluster is drawn, in batches of shape (n_draws, n_clusters)."""
    batch = max(_BATCH_NUMBERS // n_clusters, 1)
    for start in range(0, n_resamples, batch):
        n_draws = min(batch, n_resamples - start)
        drawn = rng.integers(n_clusters, size=(n_draws, n_clusters))
        drawn += np.arange(n_draws)[:, None] * n_clusters
        counts = np.bincount(drawn.ravel(), minlength=n_draws * n_clusters)
        yield counts.reshape(n_draws, n_clusters).astype(np.float64)


def _ratio_interval(table: GroupTable, group: int, reference: int, *, factor: float, level: float) -> Estimate:
    counts = counts_of(table, [group, reference], level, "ratio")
    fewest = fewest_clusters(table, [group], [reference])
    refusal = refusal_of(counts, fewest=fewest)
    if refusal is not None:
        return refusal
    value, divisor = table.value([group]), table.value([reference])
    if divisor == 0:
        return _not_estimable("the reference group's value is 0", counts)
    error = _log_ratio_error(table, group, reference)
    is_alike = error < NO_ERROR and bool(table.binary[[group, reference]].all())
    if value == 0 or is_alike:
        nearly = None if value == 0 else _ratio_by_unlike_clusters(table, group, reference, counts)
        return nearly or _ratio_of_bounds(table, group, reference, counts)
    log_reach = 0.0 if error < NO_ERROR else error * max(factor, t_reach(level, fewest))
    # Written so that a reach that is not a number is refused too.
    if not log_reach <= MAX_LOG_REACH:
        nearly = _ratio_by_unlike_clusters(table, group, reference, counts)
        return nearly or _not_estimable(TOO_LITTLE, counts)
    ratio, reach = value / divisor, math.exp(log_reach)
    return measured(
        ratio, (ratio / reach, ratio * reach), "studentised bootstrap of clusters, symmetric on logarithms", counts
    )


def _ratio_by_unlike_clusters(
    table: GroupTable,
    group: int,
    reference: int,
    counts: dict[str, Any],  # Any: numbers and a text
) -> Estimate | None:
    """Bound the ratio by the difference over the reference's value, each at half the error.

    None where clusters are not designed and complete, or the reference's value may be so low that the ratio could be
    100 times smaller or larger.
    """
    level = counts["level"]
    gap = bounds_by_unlike_clusters(table, group, reference, level=(1 + level) / 2)
    lowest, _ = bounds_of_two(table, [reference], level)
    if gap is None or lowest <= 0:
        return None
    bounds = (1 + gap[0] / lowest, 1 + gap[1] / lowest)
    low, high = max(bounds[0], 0.0), bounds[1]
    ratio = table.value([group]) / table.value([reference])
    if math.log(high) > MAX_LOG_REACH:
        return None
    return measured(ratio, (min(low, ratio), max(high, ratio)), UNLIKE, counts)


def _ratio_of_bounds(table: GroupTable, group: int, reference: int, counts: dict[str, Any]) -> Estimate:  # Any: counts
    """Divide bounds by bounds where no variance is left to go by: every cluster is alike."""
    low, high = bounds_of_two(table, [group], counts["level"])
    reference_low, reference_high = bounds_of_two(table, [reference], counts["level"])
    ratio = table.value([group]) / table.value([reference])
    return measured(ratio, (low / reference_high, high / reference_low), ALIKE, counts)


def _log_ratio_error(table: GroupTable, group: int, reference: int) -> float:
    """Return the jackknife standard error of the log ratio; not finite where one cluster holds all."""
    rows = (table.weights[:, [group, reference]] > 0).any(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.log(without_each(table, [group])[rows] / without_each(table, [reference])[rows])
        return jackknife_error(without)


def _factors(
    table: GroupTable, reference: int, *, rng: np.random.Generator, levels: Sequence[float], n_resamples: int
) -> NDArray[np.float64]:
    """Return, for each level and group, how many standard errors hold that share of resamples."""
    n_groups, n_clusters = len(table.n_items), len(table.sums)
    if n_clusters < 2:
        return np.full((len(levels), n_groups), np.inf)
    columns = _moments(table, reference)
    with np.errstate(divide="ignore", invalid="ignore"):
        sample, _ = _log_ratios(np.ones((1, n_clusters)) @ columns, n_groups, reference)
        beyond = []
        for weights in resampled_weights(n_clusters, n_resamples, rng):
            drawn, variance = _log_ratios(weights @ columns, n_groups, reference)
            beyond.append(np.abs(drawn - sample) / np.sqrt(variance * n_clusters / (n_clusters - 1)))
    distances = np.concatenate(beyond)
    distances[~np.isfinite(distances)] = np.inf
    # The next higher draw: nothing lies between a number and infinity.
    return np.asarray(np.quantile(distances, levels, axis=0, method="higher"))


def _moments(table: GroupTable, reference: int) -> NDArray[np.float64]:
    """Return the columns whose weighted sums give log ratios and their variances."""
    a, w = table.sums, table.weights
    reference_a, reference_w = a[:, [reference]], w[:, [reference]]
    return np.hstack([a, w, a * a, a * w, w * w, a * reference_a, a * reference_w, w * reference_a, w * reference_w])


def _log_ratios(
    weighted: NDArray[np.float64], n_groups: int, reference: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log ratios and their linearised variances, each of shape (n_draws, n_groups)."""
    a, w, aa, aw, ww, a_ra, a_rw, w_ra, w_rw = weighted.reshape(len(weighted), 9, n_groups).swapaxes(0, 1)
    m = a / w
    relative = (aa - 2 * m * aw + m * m * ww) / (a * a)
    r, own = m[:, [reference]], slice(reference, reference + 1)
    shared = (a_ra - r * a_rw - m * w_ra + m * r * w_rw) / (a * a[:, own])
    variance = relative + relative[:, own] - 2 * shared
    return np.log(m / r), np.maximum(variance, 0.0)


def _ranges_of_errors(
    table: GroupTable, values: NDArray[np.float64], rng: np.random.Generator, n_resamples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the range over groups of (drawn - sample), plain and of logarithms; infinite where a group is missing."""
    plain, logarithms = [], []
    with np.errstate(divide="ignore", invalid="ignore"):
        for weights in resampled_weights(len(table.sums), n_resamples, rng):
            drawn = (weights @ table.sums) / (weights @ table.weights)
            plain.append(np.ptp(drawn - values, axis=1))
            logarithms.append(np.ptp(np.log(drawn) - np.log(values), axis=1))
    ranges = [np.concatenate(draws) for draws in (plain, logarithms)]
    for draws in ranges:
        draws[~np.isfinite(draws)] = np.inf
    return ranges[0], ranges[1]


def _few_clusters(n_clusters: int, level: float) -> float:
    """Return how much wider an interval must be than the percentiles over resamples."""
    return float(math.sqrt(n_clusters / (n_clusters - 1)) * t_reach(level, n_clusters) / special.ndtri((1 + level) / 2))


def _not_estimable(reason: str, counts: dict[str, Any]) -> Estimate:  # Any: counts
    return Estimate(status=Status.NOT_ESTIMABLE, method=reason, **counts)
