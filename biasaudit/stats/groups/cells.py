"""The evidence of one metric, ready to be estimated from, beside fairlearn's values of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.stats.groups.intervals import GroupTable, fewest_clusters, group_table
from biasaudit.stats.groups.outcomes import Group, GroupMetric, GroupOutcomes, Stratum, metric_frame, strata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlearn.metrics import MetricFrame

MIN_CELL_ITEMS: Final = 30
"""A group with fewer items, or fewer than 5 clusters, is marked small and carries no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupCell:
    """One level of the control features.

    Attributes
    ----------
    metric : GroupMetric
    stratum : Stratum
    table : GroupTable
        Columns in the order of ``stratum.groups``.
    frame : fairlearn.metrics.MetricFrame or None
        Of all levels; None where there are no cases at all.
    """

    metric: GroupMetric
    stratum: Stratum
    table: GroupTable
    frame: MetricFrame | None

    @property
    def columns(self) -> range:
        """Columns of all groups."""
        return range(len(self.stratum.groups))

    def column(self, group: Group) -> int:
        """Return the column of a group.

        Raises
        ------
        ValueError
            If there is no such group.
        """
        if group not in self.stratum.groups:
            there_are = "; ".join(", ".join(each) for each in self.stratum.groups)
            msg = f"no group {', '.join(group)!r}; there are: {there_are}"
            raise ValueError(msg)
        return self.stratum.groups.index(group)

    def small(self, columns: Sequence[int]) -> bool:
        """Whether these groups together are too small for a verdict."""
        n_items = int(self.table.n_items[list(columns)].sum())
        return n_items < MIN_CELL_ITEMS or fewest_clusters(self.table, columns) < MIN_CLUSTERS

    def point(self, group: Group) -> float | None:
        """Return fairlearn's value of a group, or over all groups for the empty one."""
        if self.frame is None:
            return None
        values = self.frame.by_group if group else self.frame.overall
        return _entry(values, (*self.stratum.control, *group), self.metric)

    def spread(self, name: Literal["difference", "ratio"]) -> float | None:
        """Return fairlearn's max - min or min / max over every group that has items."""
        if self.frame is None:
            return None
        return _entry(getattr(self.frame, name)(), self.stratum.control, self.metric)


@lru_cache(maxsize=8)  # outcomes are compared by identity; each quantity of the same outcomes asks again
def group_cells(cases: GroupOutcomes, metric: GroupMetric) -> tuple[GroupCell, ...]:
    """Return one cell for each level of the control features.

    Raises
    ------
    ValueError
        If the metric needs a truth that was not given.
    """
    parts = strata(cases, metric)
    frame = metric_frame(cases, metrics=[metric]) if cases.n_items else None
    return tuple(
        GroupCell(
            metric=metric,
            stratum=stratum,
            table=group_table(
                stratum.values,
                stratum.clusters,
                stratum.group_index,
                n_groups=len(stratum.groups),
                design=stratum.design,
            ),
            frame=frame,
        )
        for stratum in parts
    )


def _entry(values: Any, key: Group, metric: GroupMetric) -> float | None:  # Any: fairlearn gives a frame or a series
    """Return one of fairlearn's numbers, None where it has none."""
    if key:
        index = key if len(key) > 1 else key[0]
        # A label that was only declared is in no index of fairlearn's.
        if index not in values.index:
            return None
        values = values.loc[index]
    number = float(values[metric.value])
    return number if math.isfinite(number) else None
