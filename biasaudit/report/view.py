"""The page as values that are ready to show; the templates hold no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.report.sections.audited import Audited, audited
from biasaudit.report.sections.cells import ContrastView, contrast_views
from biasaudit.report.sections.competence import Competence, competence
from biasaudit.report.sections.evidence import AT_MOST, QUERY, Evidence, evidence, missing_texts
from biasaudit.report.sections.families import Wordings, wordings
from biasaudit.report.sections.first_screen import FirstScreen, first_screen
from biasaudit.report.sections.four_arms import FourArms, four_arms
from biasaudit.report.sections.groups import Attributes, GroupRow, attributes, group_rows
from biasaudit.report.sections.heat import Heat, heat
from biasaudit.report.sections.item_flows import FlowRow, flow_contrast, flow_rows
from biasaudit.report.sections.published import PublishedScores, published_scores
from biasaudit.report.sections.rates import ProbeRates, rates
from biasaudit.report.sections.stages import Stages, stages
from biasaudit.report.words.wording import clean

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the page shows, in the order of the page."""

    title: str
    first: FirstScreen
    contrasts: tuple[ContrastView, ...]
    further_contrasts: tuple[ContrastView, ...]
    stages: Stages | None
    four_arms: tuple[FourArms, ...]
    competence: tuple[Competence, ...]
    wordings: Wordings
    flow_contrast: str
    flows: tuple[FlowRow, ...]
    evidence: tuple[Evidence, ...]
    texts_left_out: bool
    shaded: bool
    most_items: str
    items_query: str
    heat: Heat | None
    rates: tuple[ProbeRates, ...]
    attributes: tuple[Attributes, ...]
    groups: tuple[GroupRow, ...]
    published: tuple[PublishedScores, ...]
    audited: Audited


def page(audit: AuditRecord) -> Page:
    """Gather the page from an audit.

    Parameters
    ----------
    audit : AuditRecord

    Returns
    -------
    Page
        Strings, and tuples of strings: no number is computed from here on.
    """
    recorded: Mapping[str, Any] = audit.manifest.as_dict()  # Any: JSON values
    names = probe_names(audit, recorded)
    contrasts = contrast_views(audit, names)
    flips = evidence(audit, names)
    record = audited(recorded)
    tuned = ", ".join(value for fact in record.checkpoints[1:] for value in fact.facts[0].values)
    return Page(
        title=f"Bias audit: {tuned}" if tuned else "Bias audit",
        first=first_screen(audit, recorded, names),
        contrasts=tuple(view for view in contrasts if view.is_open),
        further_contrasts=tuple(view for view in contrasts if not view.is_open),
        stages=stages(audit, names),
        four_arms=four_arms(audit, names),
        competence=competence(audit, names),
        wordings=wordings(audit, names, level=record.level),
        flow_contrast=clean(flow_contrast(audit)),
        flows=flow_rows(audit, names),
        evidence=flips,
        texts_left_out=missing_texts(flips),
        shaded=any(flip.arms for part in flips for flip in (*part.removed, *part.introduced)),
        most_items=str(AT_MOST),
        items_query=QUERY,
        heat=heat(audit, names),
        rates=rates(audit, names),
        attributes=attributes(audit, names),
        groups=group_rows(audit, names),
        published=published_scores(audit, names),
        audited=record,
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
