"""Whether the numbers can be read at all: competence and negative controls, by probe and arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.wording import NOT_MEASURED, clean, count, estimate_text, present, records

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

COVERS: Final = "covers 0"
DOES_NOT_COVER: Final = "does not cover 0"
ABOVE_CHANCE: Final = "above chance"
BELOW_CHANCE: Final = "below chance"
NOT_ABOVE_CHANCE: Final = "not shown above chance"
NO_ITEMS: Final = "no such items"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRow:
    """Competence and negative control of one probe in one arm, each with the items and clusters it rests on."""

    checkpoint: str
    framing: str
    competence: str
    competence_says: str
    competence_of: str
    control: str
    control_says: str
    control_of: str
    warns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of one probe; no rows where it has no items for them."""

    probe: str
    rows: tuple[GuardRow, ...]


def guards(audit: AuditRecord, names: Mapping[str, str]) -> tuple[Guards, ...]:
    """Return the guards of every probe, those without any items for them too.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    found: dict[str, dict[tuple[str, str], dict[str, Mapping[str, Any]]]] = {probe: {} for probe in names}  # Any: cells
    chosen = audit.estimates[audit.estimates["metric"].isin(["competence", "control"])]
    for row in records(chosen):
        arms = found.setdefault(str(row["probe"]), {})
        arms.setdefault((str(row["checkpoint"]), str(row["framing"])), {})[str(row["metric"])] = row
    return tuple(
        Guards(
            probe=names.get(probe, clean(probe)),
            rows=tuple(
                _guard(checkpoint, framing, by_metric)
                for (checkpoint, framing), by_metric in sorted(
                    arms.items(),
                    key=lambda entry: (entry[0][0] != "base", entry[0][0], entry[0][1] != "plain"),
                )
            ),
        )
        for probe, arms in found.items()
    )


def _guard(checkpoint: str, framing: str, by_metric: Mapping[str, Mapping[str, Any]]) -> GuardRow:  # Any: pandas cells
    competence, control = by_metric.get("competence"), by_metric.get("control")
    above = _beyond(competence, 0.5, ABOVE_CHANCE, BELOW_CHANCE, NOT_ABOVE_CHANCE)
    covers = _beyond(control, 0.0, DOES_NOT_COVER, DOES_NOT_COVER, COVERS)
    return GuardRow(
        checkpoint=clean(checkpoint),
        framing=clean(framing),
        competence=estimate_text(competence) if competence else NOT_MEASURED,
        competence_says=above,
        competence_of=_size(competence),
        control=estimate_text(control) if control else NOT_MEASURED,
        control_says=covers,
        control_of=_size(control),
        # What was not measured is no better shown to read than what was not shown to.
        warns=above != ABOVE_CHANCE or covers == DOES_NOT_COVER,
    )


def _size(row: Mapping[str, Any] | None) -> str:  # Any: pandas cells
    return "" if row is None else f"{count(row['n_items'])} ({count(row['n_clusters'])})"


def _beyond(
    row: Mapping[str, Any] | None, limit: float, above: str, below: str, within: str
) -> str:  # Any: pandas cells
    if row is None:
        return NO_ITEMS
    low, high = present(row["ci_low"]), present(row["ci_high"])
    if low is None or high is None:
        return ""
    return above if low > limit else below if high < limit else within
