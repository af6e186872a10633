"""The light of a policy beside the answer: its outcome, and the cells that decided it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.gate.vocabulary import Effect
from biasaudit.report.sections.decision import Marked, decision_view

if TYPE_CHECKING:
    from biasaudit.gate import GateDecision

_NAMED: Final = 3
"""Results that are named; of more, the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """One rule at one cell, with what came of it."""

    effect: Marked
    rule: str
    cell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """The outcome of a policy; `more` says how many results of the same kind are not named."""

    outcome: Marked
    counts: str
    failing: tuple[Failing, ...]
    more: str


def light(decision: GateDecision) -> Light:
    """Return the outcome of a decision with what kept it from passing: violations, else what could not be decided."""
    view = decision_view(decision)
    bad: list[Failing] = []
    for effect in (Effect.VIOLATED, Effect.INCONCLUSIVE):
        rows = [row for row in view.rows if row.effect.verdict == effect.value]
        bad += [Failing(effect=row.effect, rule=row.rule, cell=row.cell) for row in rows]
        # A waiver that covers nothing belongs to no cell.
        told = [note for note in view.notes if note.effect.verdict == effect.value]
        bad += [Failing(effect=note.effect, rule=note.subject, cell=note.message) for note in told]
        if bad or view.outcome.verdict == effect.value:
            break  # what was not decided is no reason of a violation
    n_more = len(bad) - _NAMED
    return Light(
        outcome=view.outcome,
        counts=view.counts,
        failing=tuple(bad[:_NAMED]),
        more=f"{n_more} more" if n_more > 0 else "",
    )
