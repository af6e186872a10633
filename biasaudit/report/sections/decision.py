"""The decision of a policy on this audit, as a section of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.vocabulary import Effect
from biasaudit.gate.wording import IMPORTANCE, circumstances, headline, limit, reason
from biasaudit.report.section import Section, Source
from biasaudit.report.words.facts import counted
from biasaudit.report.words.places import Cell, cell_places, probe_places
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

MOST_ROWS: Final = 12
"""Results that stand open."""

_NEEDS_A_READER: Final = frozenset({Effect.VIOLATED, Effect.INCONCLUSIVE, Effect.WARNING})

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
    """One rule at one cell; `href` leads to what was measured there, and is empty where the page does not have it."""

    effect: Marked
    rule: str
    cell: str
    href: str
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
    """The section: results that stand open, since they need a reader, and the others."""

    outcome: Marked
    counts: str
    circumstances: str
    notes: tuple[DecisionNote, ...]
    rows: tuple[DecisionRow, ...]
    further: tuple[DecisionRow, ...]
    n_further: str


def decision_view(
    decision: GateDecision, *, cells: Mapping[Cell, str] | None = None, probes: Mapping[str, str] | None = None
) -> DecisionView:
    """Return a decision as display-ready values, what needs a reader first.

    Parameters
    ----------
    decision : GateDecision
    cells, probes : mapping, optional
        Where comparisons and probes stand on the page; see :mod:`biasaudit.report.words.places`.
    """
    results = sorted(decision.results, key=lambda result: IMPORTANCE.index(result.effect))
    n_open = min(sum(result.effect in _NEEDS_A_READER for result in results), MOST_ROWS)
    rows = tuple(_row(result, _place(result, cells or {}, probes or {})) for result in results)
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
        rows=rows[:n_open],
        further=rows[n_open:],
        n_further=counted(len(rows) - n_open, "result", "results"),
    )


def _place(result: RuleResult, cells: Mapping[Cell, str], probes: Mapping[str, str]) -> str:
    cell = (result.tuned, result.framing_or_contrast, result.probe, result.feature)
    return cells.get(cell) or probes.get(result.probe, "")


def _marked(effect: Effect) -> Marked:
    return Marked(verdict=effect.value, symbol=SYMBOLS[effect], css_class=_LOOKS[effect])


def _row(result: RuleResult, href: str) -> DecisionRow:
    names = (result.tuned, result.probe, result.feature, result.group, result.framing_or_contrast)
    return DecisionRow(
        effect=_marked(result.effect),
        rule=clean(result.rule_id),
        cell=clean(", ".join(name for name in names if name), limit=TEXT_LIMIT),
        href=href,
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
    if source.decision is None:
        return None
    return decision_view(
        source.decision, cells=cell_places(source.audit.comparisons), probes=probe_places(source.names)
    )


SECTION: Final = Section(name="policy", title="Policy", template="decision.html.jinja", view=_view)
