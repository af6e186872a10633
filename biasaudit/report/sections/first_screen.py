"""The first screen: the answer, what it rests on, and what would make it void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record.engine_fact import of_different_engines
from biasaudit.record.lineage_fact import of_different_lineage
from biasaudit.record.siblings import told_headlines
from biasaudit.report.section import Section, Source
from biasaudit.report.sections.first.answer import Answer, answer
from biasaudit.report.sections.first.certainty import headline_cells, how_sure, not_measured
from biasaudit.report.sections.first.compared import compared
from biasaudit.report.sections.first.elsewhere import elsewhere, why_leading, without_share
from biasaudit.report.sections.first.failed_controls import failed_controls
from biasaudit.report.sections.first.guards import Outstanding, guards, outstanding
from biasaudit.report.sections.first.light import Light, light
from biasaudit.report.sections.first.one_answer import one_answer
from biasaudit.report.sections.first.opening import Opening, opening
from biasaudit.report.sections.first.plausible import told_of_checkpoints
from biasaudit.report.words.facts import Fact, counted, mapping
from biasaudit.report.words.known_models import known_models
from biasaudit.report.words.order import in_order
from biasaudit.report.words.robust import robustness_warnings
from biasaudit.report.words.searched import search_warnings
from biasaudit.report.words.shares import brief_of, numbers, sentence
from biasaudit.report.words.wording import NOT_RECORDED, clean, in_words
from biasaudit.types import Contrast, Estimate, Status
from biasaudit.types.engines import DIFFERENT_ENGINES

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord, Headline


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineRow:
    """One headline as a table row."""

    tuned: str
    contrast: str
    relative: str
    verdicts: str
    inherited: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """The answer, and what it rests on.

    Attributes
    ----------
    base : str
    tuned : tuple of str
        References of the checkpoints, named where there are several.
    models : tuple of str
        What the checkpoints are, where their checksums tell.
    answer : Answer
    cells : str
        How many cells were judged, with the noun.
    contrast : str
        The one that the answer is about; empty where there is none.
    elsewhere : tuple of str
        Cells that changed in other contrasts.
    compared, how_sure, not_measured : tuple of Fact
    warnings : tuple of str
    headlines : tuple of HeadlineRow
    leads : str
        Why the answer is about that contrast.
    without_share : str
        Contrasts that have no headline.
    outstanding : Outstanding
        Probes whose numbers cannot be taken as they are.
    """

    base: str
    tuned: tuple[str, ...]
    models: tuple[str, ...]
    answer: Answer
    cells: str
    contrast: str
    elsewhere: tuple[str, ...]
    compared: tuple[Fact, ...]
    how_sure: tuple[Fact, ...]
    not_measured: tuple[Fact, ...]
    warnings: tuple[str, ...]
    headlines: tuple[HeadlineRow, ...]
    leads: str
    without_share: str
    outstanding: Outstanding


def first_screen(
    audit: AuditRecord, recorded: Mapping[str, Any], names: Mapping[str, str]
) -> FirstScreen:  # Any: JSON values
    """Gather the first screen.

    Parameters
    ----------
    audit : AuditRecord
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    names : mapping
        Probe -> name to show.
    """
    told = mapping(recorded.get("lineage"))
    lineage, different = {name: clean(said, limit=400) for name, said in told.items()}, of_different_lineage(told)
    engines = of_different_engines(mapping(recorded.get("fingerprints")))
    apart = different | set(engines)
    names = {probe: names[probe] for probe in in_order(names, audit.comparisons)}
    headline = audit.headlines[0] if audit.headlines else None
    related = headline is None or headline.tuned not in apart
    found = guards(audit, names)
    base, tuned = _checkpoints(mapping(recorded.get("plan")))
    return FirstScreen(
        base=base,
        tuned=tuned,
        models=known_models(mapping(recorded.get("fingerprints"))),
        answer=replace(
            answer(audit.headlines, headline_cells(audit, headline), related=related),
            siblings=tuple(
                sentence(other, related=other.tuned not in apart)
                for other in told_headlines(audit)
                if other is not headline
            ),
        ),
        cells=counted(headline.n_cells if headline else 0, "comparison", "comparisons"),
        contrast=clean(headline.contrast) if headline else "",
        elsewhere=elsewhere(audit, names),
        compared=compared(recorded, lineage),
        how_sure=how_sure(audit, recorded, headline=headline, guards=found),
        not_measured=not_measured(audit, recorded, names, headline=headline, guards=found),
        warnings=(
            *failed_controls(audit, names),
            *told_of_checkpoints(recorded),
            *_of_engines(engines),
            *_warnings(audit, lineage, different),
            *robustness_warnings(audit, names),
            *search_warnings(audit, names),
            *one_answer(audit, recorded, names),
        ),
        headlines=tuple(_headline_row(row) for row in audit.headlines),
        leads=why_leading(audit),
        without_share=without_share(audit),
        outstanding=outstanding(found, names),
    )


def _headline_row(headline: Headline) -> HeadlineRow:
    return HeadlineRow(
        tuned=clean(headline.tuned),
        contrast=clean(headline.contrast),
        relative=brief_of(headline),
        verdicts=(in_words(headline.counts) or "none") + (" (exploratory)" if headline.exploratory else ""),
        inherited=f"{headline.n_inherited} of {headline.n_cells}",
    )


def _checkpoints(plan: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:  # Any: JSON values
    tuned = mapping(plan.get("tuned"))
    return clean(plan.get("base", NOT_RECORDED)), tuple(
        clean(reference) if len(tuned) == 1 else f"{clean(name)}: {clean(reference)}"
        for name, reference in tuned.items()
    ) or (NOT_RECORDED,)


def _of_engines(engines: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{clean(name)}: {DIFFERENT_ENGINES} ({clean(told, limit=400)}). Read every difference on this page as one "
        "between two computations, not as an effect of tuning."
        for name, told in engines.items()
    )


def _warnings(audit: AuditRecord, lineage: Mapping[str, str], different: frozenset[str]) -> tuple[str, ...]:
    found = [
        f"{clean(name)}: {said}. Read every difference on this page as one between two models, not as an effect of "
        "tuning."
        for name, said in lineage.items()
        if name in different
    ]
    shares = {(row.tuned, row.contrast): row.relative_reduction for row in audit.headlines}
    for tuned in dict.fromkeys(row.tuned for row in audit.headlines):
        plain = shares.get((tuned, Contrast.WEIGHTS_PLAIN.value))
        deployed = shares.get((tuned, Contrast.AS_DEPLOYED.value))
        if plain is not None and deployed is not None and _opposite(plain, deployed):
            found.append(
                f"{clean(tuned)}: the effect of the weights and the effect as deployed point in opposite directions, "
                "so the change cannot be put down to the weights alone."
            )
    return tuple(found)


def _opposite(plain: Estimate, deployed: Estimate) -> bool:
    """Whether the signs differ and at least one of the two is a change: of two that show none there is no sign."""
    if plain.status is not Status.OK or deployed.status is not Status.OK:
        return False
    (first, *first_bounds), (second, *second_bounds) = numbers(plain), numbers(deployed)
    shown = any(low > 0 or high < 0 for low, high in (first_bounds, second_bounds))
    return shown and first * second < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPage:
    """What the page begins with: the answer with what it rests on, what stands beside it, and a policy's light."""

    screen: FirstScreen
    opening: Opening
    light: Light | None


def _view(source: Source) -> FirstPage:
    audit = source.audit
    screen = first_screen(audit, source.recorded, source.names)
    headline = audit.headlines[0] if audit.headlines else None
    cells = headline_cells(audit, headline)
    return FirstPage(
        screen=screen,
        opening=opening(audit, source.recorded, source.names, cells=cells, warnings=screen.warnings),
        light=light(source.decision) if source.decision is not None else None,
    )


SECTION: Final = Section(name="first", title=None, template="first.html.jinja", view=_view)
