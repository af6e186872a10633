"""Group disparity: fairlearn's values with intervals that know of the clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from biasaudit.stats.groups.cells import GroupCell, group_cells
from biasaudit.stats.groups.intervals import difference_interval, difference_p_value, level_interval
from biasaudit.stats.groups.outcomes import Group, GroupMetric, GroupOutcomes
from biasaudit.stats.groups.resampling import RESAMPLES, ratio_intervals
from biasaudit.types import Estimate

if TYPE_CHECKING:
    import numpy as np

FOUR_FIFTHS: Final = 0.8


class Quantity(StrEnum):
    """What a :class:`GroupEstimate` is an estimate of."""

    BY_GROUP = "by group"
    OVERALL = "overall"
    DIFFERENCE_TO_REFERENCE = "difference to reference"
    DIFFERENCE_TO_OVERALL = "difference to overall"
    RATIO_TO_REFERENCE = "ratio to reference"
    IMPACT_RATIO = "impact ratio"


class FourFifths(StrEnum):
    """What may be said of a ratio of selection rates."""

    BELOW = "below four fifths"
    NOT_BELOW = "not below four fifths"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEstimate:
    """One quantity of one group.

    Attributes
    ----------
    quantity : Quantity
    metric : GroupMetric
    control : tuple of str
        Level of the control features; empty where there are none.
    group : tuple of str
        Empty for ``overall``.
    reference : tuple of str or None
        The group that `group` is set against.
    estimate : Estimate
    descriptive : float or None
        Fairlearn's value, whatever the number of clusters; None where nothing was measured.
    small : bool
        Fewer than 30 items or 5 clusters on either side: shown, but no verdict rests on it.
    p_value : float or None
        Of a difference to the reference: t test of 0, for exploratory tables.
    """

    quantity: Quantity
    metric: GroupMetric
    control: Group
    group: Group
    reference: Group | None
    estimate: Estimate
    descriptive: float | None
    small: bool
    p_value: float | None = None


def by_group(
    cases: GroupOutcomes, metric: GroupMetric = GroupMetric.MEAN, *, level: float = 0.95
) -> tuple[GroupEstimate, ...]:
    """Estimate the metric of every group, that is of every intersection of the features.

    Parameters
    ----------
    cases : GroupOutcomes
    metric : GroupMetric
    level : float

    Returns
    -------
    tuple of GroupEstimate
        Groups without items are ``not measured``, those with fewer than 5 clusters ``too few clusters``.

    Examples
    --------
    >>> from biasaudit.stats.groups.outcomes import group_outcomes
    >>> cases = group_outcomes(
    ...     [0.2, 0.4] * 5, sensitive_features={"gender": ["man", "woman"] * 5}, clusters=list("aabbccddee")
    ... )
    >>> [(row.group, round(row.estimate.value, 3)) for row in by_group(cases)]
    [(('man',), 0.2), (('woman',), 0.4)]
    """
    return tuple(
        _row(cell, Quantity.BY_GROUP, group, None, level_interval(cell.table, [column], level=level))
        for cell in group_cells(cases, metric)
        for column, group in enumerate(cell.stratum.groups)
    )


def overall(
    cases: GroupOutcomes, metric: GroupMetric = GroupMetric.MEAN, *, level: float = 0.95
) -> tuple[GroupEstimate, ...]:
    """Estimate the metric over all groups, once for each level of the control features."""
    return tuple(
        _row(cell, Quantity.OVERALL, (), None, level_interval(cell.table, cell.columns, level=level))
        for cell in group_cells(cases, metric)
    )


def difference_to_reference(
    cases: GroupOutcomes, reference: str | Group, metric: GroupMetric = GroupMetric.MEAN, *, level: float = 0.95
) -> tuple[GroupEstimate, ...]:
    """Estimate each group's value minus the reference group's; positive where the group has more.

    Parameters
    ----------
    cases : GroupOutcomes
    reference : str or tuple of str
        One label of each sensitive feature, in their order; `cases.over` takes the groups of one feature alone.
    metric : GroupMetric
    level : float

    Returns
    -------
    tuple of GroupEstimate
        One for each other group; its method says whether the differences are within clusters.

    Raises
    ------
    ValueError
        If there is no such group.

    See Also
    --------
    biasaudit.stats.groups.intervals.difference_interval : The interval, and how often it covers.
    """
    named = _as_group(reference, cases)
    return tuple(
        replace(
            _row(
                cell,
                Quantity.DIFFERENCE_TO_REFERENCE,
                group,
                named,
                difference_interval(cell.table, [cell.column(group)], [cell.column(named)], level=level),
            ),
            p_value=difference_p_value(cell.table, [cell.column(group)], [cell.column(named)]),
        )
        for cell in group_cells(cases, metric)
        for group in cell.stratum.groups
        if group != named
    )


def difference_to_overall(
    cases: GroupOutcomes, metric: GroupMetric = GroupMetric.MEAN, *, level: float = 0.95
) -> tuple[GroupEstimate, ...]:
    """Estimate each group's value minus that over all groups, itself among them."""
    return tuple(
        _row(
            cell,
            Quantity.DIFFERENCE_TO_OVERALL,
            group,
            None,
            difference_interval(cell.table, [column], cell.columns, level=level),
        )
        for cell in group_cells(cases, metric)
        for column, group in enumerate(cell.stratum.groups)
    )


def ratio_to_reference(
    cases: GroupOutcomes,
    reference: str | Group,
    metric: GroupMetric = GroupMetric.SELECTION_RATE,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
) -> tuple[GroupEstimate, ...]:
    """Estimate each group's value over the reference group's; 1 is parity.

    Parameters
    ----------
    cases : GroupOutcomes
    reference : str or tuple of str
        One label of each sensitive feature, in their order; `cases.over` takes the groups of one feature alone.
    metric : GroupMetric
    rng : numpy.random.Generator
    level : float
    n_resamples : int

    Returns
    -------
    tuple of GroupEstimate
        One for each other group; ``not estimable`` where the reference's value is 0.

    Raises
    ------
    ValueError
        If there is no such group.

    See Also
    --------
    biasaudit.stats.groups.resampling.ratio_intervals : The interval, and how often it covers.
    """
    named = _as_group(reference, cases)
    rows: list[GroupEstimate] = []
    for cell in group_cells(cases, metric):
        estimates = ratio_intervals(cell.table, cell.column(named), rng=rng, level=level, n_resamples=n_resamples)
        rows += [
            _row(cell, Quantity.RATIO_TO_REFERENCE, group, named, estimate)
            for group, estimate in zip(cell.stratum.groups, estimates, strict=True)
            if group != named
        ]
    return tuple(rows)


def four_fifths(ratio: GroupEstimate) -> FourFifths:
    """Judge a ratio by the four-fifths rule, on its whole interval and never on its value.

    Parameters
    ----------
    ratio : GroupEstimate
        From :func:`biasaudit.stats.groups.impact_ratio.impact_ratios`, which is what the rule is about; or from
        :func:`ratio_to_reference`, where the reference is the group that has most.

    Returns
    -------
    FourFifths
        ``below`` only where the upper limit is below 0.8; ``not below`` only where the lower limit
        reaches 0.8; a small cell is ``inconclusive``.

    Raises
    ------
    ValueError
        If it is no ratio.

    References
    ----------
    Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D.
    """
    if ratio.quantity not in {Quantity.IMPACT_RATIO, Quantity.RATIO_TO_REFERENCE}:
        msg = f"the four-fifths rule judges a ratio, not a {ratio.quantity.value}; use impact_ratios"
        raise ValueError(msg)
    return four_fifths_of(ratio.estimate.ci_low, ratio.estimate.ci_high, small=ratio.small)


def four_fifths_of(low: float | None, high: float | None, *, small: bool) -> FourFifths:
    """Judge the interval of a ratio of selection rates; see :func:`four_fifths`.

    Parameters
    ----------
    low, high : float or None
        Limits of the interval; None where there is none.
    small : bool
        Whether one of the two groups is too small for a verdict.

    Examples
    --------
    >>> four_fifths_of(0.5, 0.75, small=False).value, four_fifths_of(0.7, 0.9, small=False).value
    ('below four fifths', 'inconclusive')
    """
    if low is None or high is None:
        return FourFifths.NOT_MEASURED
    if small or low < FOUR_FIFTHS <= high:
        return FourFifths.INCONCLUSIVE
    return FourFifths.BELOW if high < FOUR_FIFTHS else FourFifths.NOT_BELOW


def _row(
    cell: GroupCell, quantity: Quantity, group: Group, reference: Group | None, estimate: Estimate
) -> GroupEstimate:
    small = cell.small([cell.column(group)] if group else cell.columns)
    if reference is not None:
        small = small or cell.small([cell.column(reference)])
    return GroupEstimate(
        quantity=quantity,
        metric=cell.metric,
        control=cell.stratum.control,
        group=group,
        reference=reference,
        estimate=estimate,
        descriptive=_descriptive(cell, quantity, group, reference),
        small=small,
    )


def _descriptive(cell: GroupCell, quantity: Quantity, group: Group, reference: Group | None) -> float | None:
    """Return the same quantity out of fairlearn's values."""
    value = cell.point(group)
    if quantity in {Quantity.BY_GROUP, Quantity.OVERALL}:
        return value
    other = cell.point(reference or ())
    if value is None or other is None:
        return None
    if quantity is Quantity.RATIO_TO_REFERENCE:
        return value / other if other else None
    return value - other


def _as_group(reference: str | Group, cases: GroupOutcomes) -> Group:
    """Return the group that is named: one label of each sensitive feature, in their order."""
    named = (reference,) if isinstance(reference, str) else tuple(reference)
    levels = {
        name: sorted({*column.tolist(), *cases.declared.get(name, ())})
        for name, column in cases.sensitive_features.items()
    }
    if len(named) == len(levels) and all(label in known for label, known in zip(named, levels.values(), strict=True)):
        return named
    own = [name for name, known in levels.items() if len(named) == 1 and named[0] in known]
    if len(levels) == 1:
        [(name, known)] = levels.items()
        msg = f"no group {', '.join(named)!r}; a reference is one label of {name}; there are: {'; '.join(known)}"
    else:
        labels = "; ".join(f"{name}: {', '.join(known)}" for name, known in levels.items())
        likely = tuple(known[0] for known in levels.values() if known)
        msg = (
            f"no group {', '.join(named)!r}: these cases have {len(levels)} sensitive features, and their groups are "
            f"the intersections, so that a reference is one label of each, in this order, such as {likely!r}. "
            f"Labels of {labels}. For the groups of one feature alone: cases.over({(own or list(levels))[0]!r})"
        )
    raise ValueError(msg)
