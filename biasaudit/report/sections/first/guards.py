"""Whether the numbers can be read at all: competence and negative controls, by probe and arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.arm_columns import Arm, ArmColumns, arm_columns
from biasaudit.report.words.facts import counted, listed
from biasaudit.report.words.places import part_place, probe_places
from biasaudit.report.words.wording import NOT_MEASURED, clean, count, estimate_text, present, records
from biasaudit.types.competence import CHANCE

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

COVERS: Final = "covers 0"
DOES_NOT_COVER: Final = "does not cover 0"
ABOVE_CHANCE: Final = "above chance"
BELOW_CHANCE: Final = "below chance"
NOT_ABOVE_CHANCE: Final = "not shown above chance"
NO_ITEMS: Final = "no such items"

PART_NAME: Final = "competence"
"""The part of a probe's section that shows its guards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRow:
    """Competence and negative control of one probe in one arm, each with the items and clusters it rests on.

    Attributes
    ----------
    arm : Arm
    competence, control : str
        With the interval; else why there is no number.
    competence_says, control_says : str
        One of the words of this module; empty where there is no interval.
    competence_of, control_of : str
        Items, and clusters that hold them.
    is_read : bool
        Whether competence is shown to be above chance. What was not measured is no better shown to be read.
    control_failed : bool
        Whether the interval of the negative control does not hold 0.
    """

    arm: Arm
    competence: str
    competence_says: str
    competence_of: str
    is_read: bool
    control: str
    control_says: str
    control_of: str
    control_failed: bool

    @property
    def warns(self) -> bool:
        """Whether one of both stands in the way of reading the numbers."""
        return not self.is_read or self.control_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of one probe, a row for each of its columns; no rows where it has no items for them."""

    key: str
    probe: str
    columns: ArmColumns
    rows: tuple[GuardRow, ...]

    @property
    def unread(self) -> tuple[str, ...]:
        """The arms in which it is not shown to be read."""
        return tuple(self.columns.named(row.arm) for row in self.rows if not row.is_read)

    @property
    def failed(self) -> tuple[str, ...]:
        """The arms in which its negative control does not cover 0."""
        return tuple(self.columns.named(row.arm) for row in self.rows if row.control_failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandsOut:
    """A probe whose guards do not all hold: what does not, and where its numbers are."""

    probe: str
    href: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """The probes that stand out, and what is so of the others."""

    probes: tuple[StandsOut, ...]
    others: str


def guards(audit: AuditRecord, names: Mapping[str, str]) -> tuple[Guards, ...]:
    """Return the guards of every probe, those without any items for them too.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    found: dict[str, dict[Arm, dict[str, Mapping[str, Any]]]] = {probe: {} for probe in names}  # Any: cells
    chosen = audit.estimates[audit.estimates["metric"].isin(["competence", "control"])]
    for row in records(chosen):
        arms = found.setdefault(str(row["probe"]), {})
        arms.setdefault((str(row["checkpoint"]), str(row["framing"])), {})[str(row["metric"])] = row
    return tuple(
        Guards(
            key=probe,
            probe=names.get(probe, clean(probe)),
            columns=(columns := arm_columns(arms)),
            rows=tuple(_guard(arm, arms[arm]) for arm in columns.arms),
        )
        for probe, arms in found.items()
    )


def outstanding(found: Sequence[Guards], names: Mapping[str, str]) -> Outstanding:
    """Return the probes whose numbers cannot be taken as they are.

    Parameters
    ----------
    found : sequence of Guards
    names : mapping
        Probe -> name to show: all of the audit.
    """
    places = probe_places(names)
    probes = tuple(
        StandsOut(probe=part.probe, href=part_place(places[part.key], PART_NAME), says=says)
        for part in found
        if part.key in places and (says := _what_fails(part))
    )
    return Outstanding(probes=probes, others=_others(len(found), len(probes)))


def _others(n_probes: int, n_outstanding: int) -> str:
    if not n_probes:
        return "No probe was asked."
    good = "competence is above chance in every model and framing, and no negative control fails"
    if not n_outstanding:
        return f"Nothing stands out: {good}."
    n_others = n_probes - n_outstanding
    return f"Of {counted(n_others, 'other probe', 'other probes')}, {good}." if n_others else ""


def failed_control(part: Guards) -> str:
    """Return in words that the negative control of a probe failed, and where; empty if it did not."""
    if not part.failed:
        return ""
    return f"negative control {DOES_NOT_COVER} in {_where(part.failed, part)}"


def _what_fails(part: Guards) -> str:
    if not part.rows:
        return "competence not measured: it has no items for that"
    never_asked = all(row.competence_says == NO_ITEMS for row in part.rows)
    unread = f"competence {NOT_ABOVE_CHANCE} in {_where(part.unread, part)}" if part.unread else ""
    competence = "competence not measured: it has no items for that" if never_asked else unread
    return "; ".join(said for said in (competence, failed_control(part)) if said)


def _where(named: Sequence[str], part: Guards) -> str:
    n_arms = len(part.rows)
    return f"all {n_arms} models and framings" if len(named) == n_arms > 2 else listed(named)


def _guard(arm: Arm, by_metric: Mapping[str, Mapping[str, Any]]) -> GuardRow:  # Any: pandas cells
    competence, control = by_metric.get("competence"), by_metric.get("control")
    above = _beyond(competence, CHANCE, ABOVE_CHANCE, BELOW_CHANCE, NOT_ABOVE_CHANCE)
    covers = _beyond(control, 0.0, DOES_NOT_COVER, DOES_NOT_COVER, COVERS)
    return GuardRow(
        arm=arm,
        competence=estimate_text(competence) if competence else NOT_MEASURED,
        competence_says=above,
        competence_of=_size(competence),
        is_read=above == ABOVE_CHANCE,
        control=estimate_text(control) if control else NOT_MEASURED,
        control_says=covers,
        control_of=_size(control),
        control_failed=covers == DOES_NOT_COVER,
    )


def _size(row: Mapping[str, Any] | None) -> str:  # Any: pandas cells
    return "" if row is None else f"{count(row['n_items'])} items in {count(row['n_clusters'])} clusters"


def _beyond(
    row: Mapping[str, Any] | None, limit: float, above: str, below: str, within: str
) -> str:  # Any: pandas cells
    if row is None:
        return NO_ITEMS
    low, high = present(row["ci_low"]), present(row["ci_high"])
    if low is None or high is None:
        return ""
    return above if low > limit else below if high < limit else within
