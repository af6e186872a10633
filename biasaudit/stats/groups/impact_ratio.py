"""Impact ratios: each group's value over that of the group that has most, whichever that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from biasaudit.stats.groups.cells import group_cells
from biasaudit.stats.groups.disparity import GroupEstimate, Quantity
from biasaudit.stats.groups.intervals import counts_of, measured
from biasaudit.stats.groups.outcomes import GroupMetric
from biasaudit.stats.groups.resampling import RESAMPLES, ratio_intervals_at
from biasaudit.types import Estimate, Status

if TYPE_CHECKING:
    import numpy as np

    from biasaudit.stats.groups.cells import GroupCell
    from biasaudit.stats.groups.outcomes import GroupOutcomes

METHOD: Final = "lowest ratio to any other group; upper limit by Bonferroni over the others"

_Pairs: TypeAlias = Sequence[tuple[tuple[Estimate, ...], ...]]
"""Of each group as the one divided by: at both levels, the ratio of every group to it."""


def impact_ratios(
    cases: GroupOutcomes,
    metric: GroupMetric = GroupMetric.SELECTION_RATE,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
) -> tuple[GroupEstimate, ...]:
    """Estimate each group's value over the largest value of any group.

    Which group has most is itself uncertain, so no group is taken for it: the ratio to the largest
    is the lowest of the ratios to each. It reaches 0.8 where every one of them does, so the lowest of
    their lower limits needs no correction; it is below 0.8 where any one of them is, so the upper
    limits are taken at ``1 - (1 - level) / (n_groups - 1)``.

    Parameters
    ----------
    cases : GroupOutcomes
    metric : GroupMetric
    rng : numpy.random.Generator
    level : float
    n_resamples : int
        For each group.

    Returns
    -------
    tuple of GroupEstimate
        One for each group, in [0, 1]; `reference` is the group that has most in these cases. No interval
        where the ratio to some other group has none.

    Notes
    -----
    Simulated (500 samples, 40 clusters of 1 case for each of 4 groups, correlation 0.2 within clusters):
    see ``tests/stats/test_impact_ratio.py``.

    References
    ----------
    Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D; 6 RCNY 5-300, impact ratio.
    Berger (1982), Multiparameter hypothesis testing and acceptance sampling, Technometrics 24.
    """
    return tuple(
        row
        for cell in group_cells(cases, metric)
        for row in _of_cell(cell, rng=rng, level=level, n_resamples=n_resamples)
    )


def _of_cell(cell: GroupCell, *, rng: np.random.Generator, level: float, n_resamples: int) -> list[GroupEstimate]:
    groups = cell.stratum.groups
    corrected = 1 - (1 - level) / max(len(groups) - 1, 1)
    pairs = [
        ratio_intervals_at(cell.table, other, (level, corrected), rng=rng, n_resamples=n_resamples)
        for other in cell.columns
    ]
    most = _most(cell)
    return [
        GroupEstimate(
            quantity=Quantity.IMPACT_RATIO,
            metric=cell.metric,
            control=cell.stratum.control,
            group=groups[column],
            reference=groups[most],
            estimate=_estimate(cell, pairs, column, most, level),
            descriptive=_descriptive(cell, column, most),
            small=cell.small([column]) or cell.small([most]),
        )
        for column in cell.columns
    ]


def _most(cell: GroupCell) -> int:
    """Return the group that has most, the first of equals; any where nothing was measured."""
    with_items = [column for column in cell.columns if cell.table.n_items[column]]
    return max(with_items or cell.columns, key=lambda column: _value(cell, column))


def _value(cell: GroupCell, column: int) -> float:
    return cell.table.value([column]) if cell.table.n_items[column] else 0.0


def _estimate(cell: GroupCell, pairs: _Pairs, column: int, most: int, level: float) -> Estimate:
    counts = counts_of(cell.table, [column, most], level, "ratio")
    limits = [_limits(pairs, column, other) for other in cell.columns if other != column]
    if not limits:
        return Estimate(status=Status.NOT_MEASURED, method="needs two groups", **counts)
    bounds: list[tuple[float, float]] = []
    for each in limits:
        if isinstance(each, Estimate):
            return _without(each, counts)
        bounds.append(each)
    low, high = min(low for low, _ in bounds), min(high for _, high in bounds)
    value = _value(cell, column) / _value(cell, most)
    return measured(value, (min(low, 1.0), min(high, 1.0)), METHOD, counts)


def _limits(pairs: _Pairs, column: int, other: int) -> tuple[float, float] | Estimate:
    """Return the limits of the ratio to one other group, or the estimate that says why there are none."""
    narrow, wide = pairs[other][0][column], pairs[other][1][column]
    if narrow.ci_low is not None:
        # At the wider level there may be no upper limit.
        return narrow.ci_low, math.inf if wide.ci_high is None else wide.ci_high
    # Nothing can be divided by a group of which nobody was selected; that group can be divided.
    turned = pairs[column][0][other].ci_high
    return (1 / turned, math.inf) if turned else narrow


def _without(estimate: Estimate, counts: dict[str, Any]) -> Estimate:  # Any: numbers and a text
    return Estimate(status=estimate.status, method=estimate.method, **counts)


def _descriptive(cell: GroupCell, column: int, most: int) -> float | None:
    """Return the same out of fairlearn's values."""
    own, largest = (cell.point(cell.stratum.groups[each]) for each in (column, most))
    return own / largest if own is not None and largest else None
