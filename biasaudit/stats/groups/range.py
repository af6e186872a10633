"""The spread over all groups: max - min and min / max, beside what chance alone would show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biasaudit.stats.groups.cells import GroupCell, group_cells
from biasaudit.stats.groups.intervals import counts_of, group_table
from biasaudit.stats.groups.outcomes import Group, GroupMetric, GroupOutcomes
from biasaudit.stats.groups.permutation import PERMUTATIONS, p_value, permuted_values
from biasaudit.stats.groups.resampling import RESAMPLES, range_intervals
from biasaudit.stats.significance import TestResult
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BetweenGroups:
    """The spread over all groups. It only describes: a range is above 0 where nothing differs.

    Attributes
    ----------
    metric : GroupMetric
    control : tuple of str
    groups : tuple of tuple of str
        Groups that the estimates, the expectations and the test rest on.
    left_out : tuple of tuple of str
        Groups that are small or have no items. Those with items are in `descriptive_difference`
        and `descriptive_ratio`, and in nothing else.
    difference, ratio : Estimate
        max - min, and min / max.
    descriptive_difference, descriptive_ratio : float or None
        Fairlearn's, over every group that has items.
    expected_difference, expected_ratio : float or None
        Mean of the same over permuted labels: what groups that do not differ would show.
    test : TestResult or None
        Whether the groups differ at all (omnibus), by the same permutations.
    """

    metric: GroupMetric
    control: Group
    groups: tuple[Group, ...]
    left_out: tuple[Group, ...]
    difference: Estimate
    ratio: Estimate
    descriptive_difference: float | None
    descriptive_ratio: float | None
    expected_difference: float | None
    expected_ratio: float | None
    test: TestResult | None


def between_groups(
    cases: GroupOutcomes,
    metric: GroupMetric = GroupMetric.MEAN,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
    n_permutations: int = PERMUTATIONS,
) -> tuple[BetweenGroups, ...]:
    """Describe the spread over all groups beside what it would be if they did not differ.

    Parameters
    ----------
    cases : GroupOutcomes
    metric : GroupMetric
    rng : numpy.random.Generator
    level : float
    n_resamples : int
        For the intervals.
    n_permutations : int
        For the expectations and the test.

    Returns
    -------
    tuple of BetweenGroups
        One for each level of the control features.

    References
    ----------
    docs/methods.md, section 9.6: at parity, max - min over 10 groups of 50 is 0.216 on average.
    """
    return tuple(
        _between(cell, rng=rng, level=level, n_resamples=n_resamples, n_permutations=n_permutations)
        for cell in group_cells(cases, metric)
    )


def _between(
    cell: GroupCell, *, rng: np.random.Generator, level: float, n_resamples: int, n_permutations: int
) -> BetweenGroups:
    kept = [column for column in cell.columns if not cell.small([column])]
    groups = cell.stratum.groups
    numbers = (
        _nothing_between(cell, level)
        if len(kept) < 2
        else _numbers(cell, kept, rng=rng, level=level, n_resamples=n_resamples, n_permutations=n_permutations)
    )
    return BetweenGroups(
        metric=cell.metric,
        control=cell.stratum.control,
        groups=tuple(groups[column] for column in kept),
        left_out=tuple(group for column, group in enumerate(groups) if column not in kept),
        descriptive_difference=cell.spread("difference"),
        descriptive_ratio=cell.spread("ratio"),
        **numbers,
    )


def _nothing_between(cell: GroupCell, level: float) -> dict[str, Any]:  # Any: fields of several types
    """Return the fields of a spread over fewer than two groups that are large enough."""
    few = int((cell.table.n_items > 0).sum()) < 2
    status = Status.NOT_MEASURED if few else Status.NOT_ESTIMABLE
    method = "needs two groups of at least 30 items in 5 clusters"
    difference, ratio = (
        Estimate(status=status, method=method, **counts_of(cell.table, cell.columns, level, unit))
        for unit in ("share difference", "ratio")
    )
    return {
        "difference": difference,
        "ratio": ratio,
        "expected_difference": None,
        "expected_ratio": None,
        "test": None,
    }


def _numbers(
    cell: GroupCell,
    kept: list[int],
    *,
    rng: np.random.Generator,
    level: float,
    n_resamples: int,
    n_permutations: int,
) -> dict[str, Any]:  # Any: fields of several types
    stratum = cell.stratum
    rows = np.isin(stratum.group_index, kept)
    values, clusters = stratum.values[rows], stratum.clusters[rows]
    labels = np.searchsorted(kept, stratum.group_index[rows])
    table = group_table(values, clusters, labels, n_groups=len(kept), design=stratum.design)
    difference, ratio = range_intervals(table, rng=rng, level=level, n_resamples=n_resamples)
    permuted = permuted_values(
        values, clusters, labels, n_groups=len(kept), design=stratum.design, rng=rng, n_permutations=n_permutations
    )
    largest = np.ptp([table.value([column]) for column in range(len(kept))])
    return {
        "difference": difference,
        "ratio": ratio,
        "expected_difference": float(np.ptp(permuted, axis=1).mean()),
        "expected_ratio": _mean_ratio(permuted),
        "test": TestResult(
            p_value=p_value(float(largest), np.ptp(permuted, axis=1)),
            test=f"range over {len(kept)} groups, {n_permutations} permutations of labels within clusters",
        ),
    }


def _mean_ratio(permuted: NDArray[np.float64]) -> float | None:
    """Return the mean of min / max, or None where every value is 0."""
    largest = permuted.max(axis=1)
    if not (largest > 0).all():
        return None
    return float((permuted.min(axis=1) / largest).mean())
