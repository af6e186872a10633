"""Several tuned checkpoints of which each was made from the base and none from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biasaudit.types import stage_place

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord, Headline


def are_siblings(audit: AuditRecord) -> bool:
    """Whether the tuned checkpoints of an audit are siblings, as its plan says; of one alone it never does."""
    return bool(audit.manifest.plan.get("siblings", False))


def told_headlines(audit: AuditRecord) -> tuple[Headline, ...]:
    """Return what an audit answers with: the first headline; of siblings, of which none comes after another, of each.

    Returns
    -------
    tuple of Headline
        In the order of the checkpoints; empty where nothing was compared.
    """
    if not are_siblings(audit):
        return tuple(audit.headlines[:1])
    first = {headline.tuned: headline for headline in reversed(audit.headlines)}
    return tuple(sorted(first.values(), key=lambda headline: stage_place(headline.tuned)))
