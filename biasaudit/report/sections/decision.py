"""The decision of a policy on this audit, as a section of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.vocabulary import Effect
from biasaudit.gate.wording import IMPORTANCE, circumstances, headline, limit, reason
from biasaudit.report.section import Section, Source
from biasaudit.report.words.wording import NOT_MEASURED, TEXT_LIMIT, clean, count, number, with_interval

if TYPE_CHECKING:
    from biasaudit.gate import GateDecision, RuleResult

SYMBOLS: Final[Mapping[Effect, str]] = {
    Effect.PASSED: "✓",
    Effect.VIOLATED: "✕",
    Effect.INCONCLUSIVE: "?",
    Effect.WARNING: "!",
    Effect.WAIVED: "↷",
    Effect.ACCEPTED: "≈",
}
"""A sign for each effect, so that none is told by colour alone."""

_LOOKS: Final[Mapping[Effect, str]] = {
    Effect.PASSED: "reduced",
    Effect.VIOLATED: "increased",
    Effect.INCONCLUSIVE: "inconclusive",
    Effect.WARNING: "increased",
    Effect.WAIVED: "unchanged",
    Effect.ACCEPTED: "unchanged",
}
"""The look of the verdict that is nearest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A word with its sign; what the macro `verdict` shows."""

    verdict: str
    symbol: str
    css_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One rule at one cell."""

    effect: Marked
    rule: str
    cell: str
    measured: str
    limit: str
    basis: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionNote:
    """What bears on the run and belongs to no cell."""

    effect: Marked
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """The section."""

    outcome: Marked
    counts: str
    circumstances: str
    notes: tuple[DecisionNote, ...]
    rows: tuple[DecisionRow, ...]


def decision_view(decision: GateDecision) -> DecisionView:
    """Return a decision as display-ready values, what needs a reader first."""
    results = sorted(decision.results, key=lambda result: IMPORTANCE.index(result.effect))
    return DecisionView(
        outcome=_marked(Effect(decision.outcome.value)),
        counts=clean(headline(decision), limit=TEXT_LIMIT),
        circumstances=clean(circumstances(decision), limit=TEXT_LIMIT),
        notes=tuple(
            DecisionNote(
                effect=_marked(note.effect),
                subject=clean(note.subject),
                message=clean(note.message, limit=TEXT_LIMIT),
            )
            for note in decision.notes
        ),
        rows=tuple(_row(result) for result in results),
    )


def _marked(effect: Effect) -> Marked:
    return Marked(verdict=effect.value, symbol=SYMBOLS[effect], css_class=_LOOKS[effect])


def _row(result: RuleResult) -> DecisionRow:
    names = (result.tuned, result.probe, result.feature, result.group, result.framing_or_contrast)
    return DecisionRow(
        effect=_marked(result.effect),
        rule=clean(result.rule_id),
        cell=clean(", ".join(name for name in names if name), limit=TEXT_LIMIT),
        measured=_measured(result),
        limit=f"{result.criterion} {limit(result)}",
        basis=f"{count(result.n_items)} items, {count(result.n_clusters)} clusters",
        reason=clean(reason(result), limit=TEXT_LIMIT),
    )


def _measured(result: RuleResult) -> str:
    if CRITERIA[result.criterion].is_exact:
        # Counted, not estimated: it has no interval.
        return NOT_MEASURED if result.value is None else number(result.value, decimals=4)
    lenient, strict = result.limit + result.margin, result.limit - result.margin
    # Of a size, the interval is held against the limit on either side.
    return with_interval(result.value, result.ci_low, result.ci_high, marks=(0.0, lenient, -lenient, strict, -strict))


def _view(source: Source) -> DecisionView | None:
    return None if source.decision is None else decision_view(source.decision)


SECTION: Final = Section(name="policy", title="Policy", template="decision.html.jinja", view=_view)
