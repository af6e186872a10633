"""The rates of every group of a decision probe, found by arm, feature, statistic and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.pairs import group_and_reference
from biasaudit.report.words.wording import clean, present, records
from biasaudit.stats import MIN_CELL_ITEMS, MIN_CLUSTERS, FourFifths, four_fifths_of
from biasaudit.types import stage_place

if TYPE_CHECKING:
    import pandas as pd

Arm = tuple[str, str]
"""Checkpoint and framing."""

Row = dict[str, Any]  # Any: cells of a pandas row

PLAIN: Final = "plain"

AGAINST: Final[Mapping[str, str]] = {
    "by_group": "difference",
    "selection_rate": "impact_ratio",
    "false_positive_rate": "false_positive_rate_difference",
    "true_positive_rate": "true_positive_rate_difference",
}
"""Statistic of a group -> statistic that sets it against another group."""

_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureGroups:
    """The groups of one feature, the reference first."""

    feature: str
    reference: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOfAll:
    """The least and the greatest rate of the measured groups of an arm; their intervals lie within `low` and `high`."""

    least: float
    most: float
    low: float
    high: float
    n_groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """The disparities of one decision probe.

    Attributes
    ----------
    arms : tuple of (str, str)
        Checkpoint and framing, as measured: plain before chat, the base before the tuned ones.
    features : tuple of FeatureGroups
    has_errors : bool
        Whether it is known which cases are rightly granted.
    rows : mapping
        (arm, feature, statistic, group) -> row; of a statistic against the reference, the group's name alone.
    """

    arms: tuple[Arm, ...]
    features: tuple[FeatureGroups, ...]
    has_errors: bool
    rows: Mapping[tuple[Arm, str, str, str], Row]

    @property
    def framing(self) -> str:
        """Framing that is drawn: plain where it was measured."""
        return self.arms[0][1]

    @property
    def tuned(self) -> tuple[str, ...]:
        """Tuned checkpoints, in order."""
        return tuple(dict.fromkeys(checkpoint for checkpoint, _ in self.arms if checkpoint != "base"))

    def row(self, arm: Arm, feature: str, statistic: str, group: str) -> Row | None:
        """Return a row, or None where there is none."""
        return self.rows.get((arm, feature, statistic, group))

    def same_in_all(self, arm: Arm, statistic: str) -> RateOfAll | None:
        """Return the rate of 0 or 1 that all groups have, or None where one has another.

        Parameters
        ----------
        arm : (str, str)
        statistic : str
            ``selection_rate``, ``false_positive_rate`` or ``true_positive_rate``.
        """
        found = self.rate_range(arm, statistic)
        return found if found is not None and found.least == found.most and found.least in {0.0, 1.0} else None

    def rate_range(self, arm: Arm, statistic: str) -> RateOfAll | None:
        """Return the least and the greatest rate of any group; None where fewer than two were measured."""
        rows = [self.row(arm, of.feature, statistic, group) for of in self.features for group in of.groups]
        ends = [
            (value, low, high)
            for row in rows
            if row is not None
            and (value := present(row["value"])) is not None
            and (low := present(row["ci_low"])) is not None
            and (high := present(row["ci_high"])) is not None
        ]
        if len(ends) < _SEVERAL:
            return None
        values, lows, highs = zip(*ends, strict=True)
        return RateOfAll(least=min(values), most=max(values), low=min(lows), high=max(highs), n_groups=len(ends))

    def ruling(self, arm: Arm, feature: FeatureGroups, group: str) -> FourFifths:
        """Judge a group's selection rate by the four-fifths rule, against the most selected group."""
        ratio = self.row(arm, feature.feature, "impact_ratio", group)
        if ratio is None:
            return FourFifths.NOT_MEASURED
        sides = [self.row(arm, feature.feature, "selection_rate", name) for name in (group, str(ratio["reference"]))]
        small = any(
            side is None or side["n_items"] < MIN_CELL_ITEMS or side["n_clusters"] < MIN_CLUSTERS for side in sides
        )
        return four_fifths_of(present(ratio["ci_low"]), present(ratio["ci_high"]), small=small)


def decision_probes(disparities: pd.DataFrame) -> tuple[str, ...]:
    """Return the probes whose decisions are measured by group."""
    return tuple(sorted({str(probe) for probe in disparities.loc[_is_rate(disparities), "probe"]}))


def group_rates(disparities: pd.DataFrame, *, probe: str) -> GroupRates:
    """Find the rates of a probe.

    Parameters
    ----------
    disparities : DataFrame
        See :data:`biasaudit.record.tables.DISPARITIES`.
    probe : str
    """
    rows = records(disparities[disparities["probe"] == probe])
    references = {
        str(row["feature"]): str(row["reference"]) for row in rows if row["statistic"] == "selection_rate_ratio"
    }
    found: dict[tuple[Arm, str, str, str], Row] = {}
    for row in rows:
        found[arm_of(row), str(row["feature"]), str(row["statistic"]), group_and_reference(row)[0]] = row
    groups = {
        feature: sorted({group for _, of, _, group in found if of == feature} - {reference})
        for feature, reference in references.items()
    }
    return GroupRates(
        arms=tuple(sorted({arm_of(row) for row in rows}, key=arm_order)),
        features=tuple(
            FeatureGroups(
                feature=feature, reference=references[feature], groups=(references[feature], *groups[feature])
            )
            for feature in sorted(references)
        ),
        has_errors=any(row["statistic"] == "false_positive_rate" for row in rows),
        rows=found,
    )


def only_pair(disparities: pd.DataFrame, *, probe: str, feature: str) -> tuple[str, str] | None:
    """Return the two groups that a feature of associations sets against one another, the first as in its items.

    None where it compares several, or none by group.
    """
    own = disparities[(disparities["probe"] == probe) & (disparities["feature"] == feature)]
    if "by_group" not in set(own["statistic"]):
        return None
    pairs = {group_and_reference(row) for row in records(own[own["statistic"] == "difference"])}
    return pairs.pop() if len(pairs) == 1 else None


def leaves_out_zero(row: Mapping[str, Any] | None) -> bool:  # Any: cells of a pandas row
    """Whether a row has an interval that does not include 0."""
    if row is None:
        return False
    low, high = present(row["ci_low"]), present(row["ci_high"])
    return low is not None and high is not None and (low > 0 or high < 0)


def holds_corrected(row: Mapping[str, Any] | None) -> bool:  # Any: cells of a pandas row
    """Whether a row's interval leaves out 0 and its p-value holds after the correction, where it has one."""
    adjusted = present(row["p_bh"]) if row is not None and leaves_out_zero(row) else None
    return row is not None and adjusted is not None and adjusted < 1 - float(row["level"])


def arm_of(row: Mapping[str, Any]) -> Arm:  # Any: cells of a pandas row
    """Return checkpoint and framing of a row."""
    return str(row["checkpoint"]), str(row["framing"])


def arm_order(arm: Arm) -> tuple[bool, str, tuple[int, str]]:
    """Return what arms are sorted by: plain before chat, the base before the tuned ones in their order."""
    checkpoint, framing = arm
    return framing != PLAIN, framing, stage_place(checkpoint)


def arm_names(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Return what the columns of arms are called: the framing is said where there are several.

    Examples
    --------
    >>> arm_names([("base", "plain"), ("tuned", "plain")])
    ('base', 'tuned')
    >>> arm_names([("base", "plain"), ("tuned", "chat")])
    ('base, plain', 'tuned, chat')
    """
    several = len({framing for _, framing in arms}) > 1
    return tuple(clean(f"{checkpoint}, {framing}" if several else checkpoint) for checkpoint, framing in arms)


def _is_rate(disparities: pd.DataFrame) -> pd.Series[bool]:
    return disparities["statistic"] == "selection_rate"
