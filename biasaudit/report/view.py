"""The page as values that are ready to show; the templates hold no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from biasaudit.report.page_sections import SECTIONS
from biasaudit.report.section import Entry, Section, Source
from biasaudit.report.sections.audited import audited
from biasaudit.report.words.wording import clean

if TYPE_CHECKING:
    from biasaudit.gate import GateDecision
    from biasaudit.record.audit_record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSection:
    """A section that has something to show: `view` is what its template shows."""

    section: Section
    view: object

    @property
    def has_link(self) -> bool:
        """Whether the navigation leads to it."""
        return self.section.title is not None and self.section.has_link(self.view)

    @property
    def entries(self) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
        """The places within it that the table of contents leads to, by what they stand under."""
        found = self.section.entries(self.view)
        return tuple((under, tuple(own)) for under, own in groupby(found, key=lambda entry: entry.under))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the page shows, in the order of the page.

    Attributes
    ----------
    title : str
    level : str
        Level of the intervals.
    sections : tuple of ShownSection
    has_script : bool
        Whether one of them shows items that the page's script finds.
    """

    title: str
    level: str
    sections: tuple[ShownSection, ...]
    has_script: bool


def page(audit: AuditRecord, *, decision: GateDecision | None = None) -> Page:
    """Gather the page from an audit.

    Parameters
    ----------
    audit : AuditRecord
    decision : GateDecision, optional
        Of a policy on this audit.

    Returns
    -------
    Page
        Strings, and tuples of strings: no number is computed from here on.
    """
    recorded: Mapping[str, Any] = audit.manifest.as_dict()  # Any: JSON values
    record = audited(recorded)
    tuned = ", ".join(value for fact in record.checkpoints[1:] for value in fact.facts[0].values)
    source = Source(
        audit=audit, recorded=recorded, names=probe_names(audit, recorded), level=record.level, decision=decision
    )
    views = [(section, section.view(source)) for section in SECTIONS.values()]
    shown = tuple(ShownSection(section=section, view=view) for section, view in views if view is not None)
    return Page(
        title=f"Bias audit: {tuned}" if tuned else "Bias audit",
        level=record.level,
        sections=shown,
        has_script=any(one.section.has_script(one.view) for one in shown),
    )


def probe_names(audit: AuditRecord, recorded: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON values
    """Return probe -> name: the card's, or the id where the manifest has none."""
    found = recorded.get("probes")
    cards = found if isinstance(found, Mapping) else {}
    probes = sorted({str(probe) for probe in audit.comparisons["probe"]} | {str(probe) for probe in cards})
    return {
        probe: clean(cards[probe].get("name", probe)) if isinstance(cards.get(probe), Mapping) else clean(probe)
        for probe in probes
    }
