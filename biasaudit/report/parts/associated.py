"""Associations by group: how probable what the stereotype ties to a group is beside it, and beside another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.pairs import group_and_reference
from biasaudit.report.charts.group_rates import (
    Arm,
    arm_names,
    arm_of,
    arm_order,
    decision_probes,
    holds_corrected,
    leaves_out_zero,
    only_pair,
)
from biasaudit.report.words.facts import listed, with_and_against
from biasaudit.report.words.wording import NOT_MEASURED, clean, estimate_text, present, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    Row = dict[str, Any]  # Any: cells of a pandas row

SHORT: Final = 8
"""Rows of a table that stands open, at most."""

_NAMED: Final = 3
_TWO: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group, or a group less another; an estimate for each column."""

    group: str
    is_difference: bool
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureGroups:
    """The groups of one feature.

    Attributes
    ----------
    feature : str
    tied_to : str
        The group to which the stereotype ties the attribute whose probability is shown; empty where only differences
        of groups are.
    rows : tuple of GroupRow
    """

    feature: str
    tied_to: str
    rows: tuple[GroupRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTable:
    """The groups of one probe.

    Attributes
    ----------
    finding : str
        Of groups that are set against a reference each; empty where there are two groups alone.
    arms : tuple of str
        The columns, of which there are ``width`` with that of the groups.
    features : tuple of FeatureGroups
    has_levels : bool
        Whether it has the probability beside single groups, and not differences alone.
    is_long : bool
        Whether it is folded.
    """

    finding: str
    arms: tuple[str, ...]
    width: str
    features: tuple[FeatureGroups, ...]
    has_levels: bool
    is_long: bool


def group_tables(disparities: pd.DataFrame) -> dict[str, GroupTable]:
    """Return probe -> its groups, of every probe of associations that has some.

    Features of two groups have the probability beside either group and the difference; those that set several groups
    against one another have differences only.

    Parameters
    ----------
    disparities : DataFrame
        See :data:`biasaudit.record.tables.DISPARITIES`.
    """
    chosen = disparities[disparities["statistic"].isin(["by_group", "difference"])]
    chosen = chosen[~chosen["probe"].isin(decision_probes(disparities))]
    rows = records(chosen)
    return {
        probe: _table(disparities, probe, [row for row in rows if str(row["probe"]) == probe])
        for probe in sorted({str(row["probe"]) for row in rows})
    }


def _table(disparities: pd.DataFrame, probe: str, rows: Sequence[Row]) -> GroupTable:
    arms = sorted({arm_of(row) for row in rows}, key=arm_order)
    features = []
    for feature in sorted({str(row["feature"]) for row in rows}):
        own = [row for row in rows if str(row["feature"]) == feature]
        has_levels = any(row["statistic"] == "by_group" for row in own)
        tied_to = (only_pair(disparities, probe=probe, feature=feature) or ("",))[0] if has_levels else ""
        features.append(FeatureGroups(feature=clean(feature), tied_to=clean(tied_to), rows=_rows(own, arms)))
    return GroupTable(
        finding=_finding(rows, arms),
        arms=arm_names(arms),
        width=str(len(arms) + 1),
        features=tuple(features),
        has_levels=any(row["statistic"] == "by_group" for row in rows),
        is_long=sum(len(of.rows) for of in features) > SHORT,
    )


def _rows(own: Sequence[Row], arms: Sequence[Arm]) -> tuple[GroupRow, ...]:
    found: dict[tuple[bool, str, str], dict[Arm, Row]] = {}
    for row in own:
        is_difference = row["statistic"] == "difference"
        key = (is_difference, *(group_and_reference(row) if is_difference else (str(row["group"]), "")))
        found.setdefault(key, {})[arm_of(row)] = row
    return tuple(
        GroupRow(
            group=f"{clean(group)} − {clean(reference)}" if is_difference else clean(group),
            is_difference=is_difference,
            values=tuple(estimate_text(by_arm[arm]) if arm in by_arm else NOT_MEASURED for arm in arms),
        )
        for (is_difference, group, reference), by_arm in sorted(found.items())
    )


def _finding(rows: Sequence[Row], arms: Sequence[Arm]) -> str:
    """Count the groups that lean clearly, with the stereotype and against it, and name those that lean most."""
    framing = arms[0][1]
    leans = [row for row in rows if row["statistic"] == "difference" and str(row["framing"]) == framing]
    n_groups = len({(str(row["feature"]), str(row["group"])) for row in leans})
    if n_groups <= 1:
        return ""
    corrected = any(present(row["p_bh"]) is not None for row in leans)
    clear = [row for row in leans if (holds_corrected(row) if corrected else leaves_out_zero(row))]
    checkpoints = [checkpoint for checkpoint, of in arms if of == framing]
    counts = {}
    for checkpoint in checkpoints:
        values = [present(row["value"]) or 0.0 for row in clear if str(row["checkpoint"]) == checkpoint]
        n_with = sum(value > 0 for value in values)
        counts[clean(checkpoint)] = n_with, len(values) - n_with
    last = [row for row in clear if str(row["checkpoint"]) == checkpoints[-1] and (present(row["value"]) or 0.0) > 0]
    named = [_named(row) for row in sorted(last, key=lambda row: -float(row["value"]))[:_NAMED]]
    when = "after tuning" if len(checkpoints) <= _TWO else f"in {clean(checkpoints[-1])}"
    most = f". Most with it {when}: {listed(named)}" if named else ""
    after = ", after a correction for their number" if corrected else ""
    return f"Of {n_groups:,} groups beside a reference group, {with_and_against(counts)}{after}{most}"


def _named(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    group, reference = group_and_reference(row)
    return f"{clean(group)} beside {clean(reference)}"
