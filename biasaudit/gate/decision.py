"""What a policy's judgement is made of; a state that is wrong cannot be built."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from biasaudit.gate.vocabulary import (
    EXIT_CODES,
    Effect,
    Family,
    OnInconclusive,
    Outcome,
    Severity,
    WaiverState,
)
from biasaudit.visible import in_short

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN: Final = 3
"""Results that a decision shows where it is printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverUse:
    """A waiver of the policy and what became of it on the day of judgement.

    Attributes
    ----------
    rule : str
    probe, feature, group : str or None
        None covers every one.
    reason, owner : str
    expires : datetime.date
        Last day on which it holds.
    state : WaiverState
    """

    rule: str
    probe: str | None
    feature: str | None
    group: str | None
    reason: str
    owner: str
    expires: date
    state: WaiverState

    @property
    def subject(self) -> str:
        """What it covers, in words."""
        return " / ".join(part for part in (self.rule, self.probe, self.feature, self.group) if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One limit held against one cell.

    Attributes
    ----------
    rule_id : str
    criterion : str
        Its name.
    tuned : str
        The tuned checkpoint; empty where the audit has none.
    probe, feature : str
    group : str
        Of a ratio; else empty.
    framing_or_contrast : str
    limit, margin : float
        The margin is added to the limit on its lenient side.
    value, ci_low, ci_high : float or None
        What was held against it; None where nothing was measured. Coverage is counted: its bounds are its value.
    level : float or None
        Confidence level of the interval as it was judged, widened where the policy corrects for a family.
    n_items, n_clusters : int
    is_read : bool
        Whether competence shows that the model reads what it was asked.
    outcome : Outcome
    reason : str
    method : str
        How the numbers came about, where that is not in the table.
    evidence : str
        Table of the audit, and the row.
    severity : Severity
    on_inconclusive : OnInconclusive
    waiver : WaiverUse or None
        The waiver that covers it.

    Raises
    ------
    ValueError
        If the outcome says that something was measured, and a number is missing.
    """

    rule_id: str
    criterion: str
    tuned: str
    probe: str
    feature: str
    group: str = ""
    framing_or_contrast: str
    limit: float
    margin: float = 0.0
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    level: float | None = None
    n_items: int = 0
    n_clusters: int = 0
    is_read: bool = True
    outcome: Outcome
    reason: str
    method: str = ""
    evidence: str = ""
    severity: Severity = Severity.ERROR
    on_inconclusive: OnInconclusive = OnInconclusive.WARN
    waiver: WaiverUse | None = None

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high)
        if self.outcome is not Outcome.INCONCLUSIVE and not all(map(_is_number, numbers)):
            msg = f"a result that is {self.outcome.value} needs a value and both bounds"
            raise ValueError(msg)

    def __repr__(self) -> str:
        """Return cell, number and limit on a line."""
        cell = in_short([part for part in (self.tuned, self.probe, self.feature, self.group) if part])
        measured = "not measured"
        if self.value is not None and self.ci_low is not None and self.ci_high is not None:
            measured = f"{self.value:.4g} [{self.ci_low:.4g}, {self.ci_high:.4g}]"
        rule = in_short([self.rule_id])
        return f"RuleResult({self.effect.value}, {rule}: {cell}: {measured}, {self.criterion} {self.limit:g})"

    @property
    def is_measured(self) -> bool:
        """Whether there is a number to judge."""
        return self.value is not None

    @property
    def fails(self) -> bool:
        """Whether it is a failure before severity and waivers are looked at."""
        return self.outcome is Outcome.VIOLATED or (
            self.outcome is Outcome.INCONCLUSIVE and self.on_inconclusive is OnInconclusive.FAIL
        )

    @property
    def can_be_waived(self) -> bool:
        """Whether a waiver covers it: a failure, or what was measured and not decided. No evidence is not waived."""
        return self.fails or (self.outcome is Outcome.INCONCLUSIVE and self.is_measured)

    @property
    def effect(self) -> Effect:
        """What the run makes of it."""
        if self.outcome is Outcome.PASSED:
            return Effect.PASSED
        if self.waiver is not None and self.can_be_waived:
            return Effect.WAIVED
        if not self.fails and self.on_inconclusive is OnInconclusive.PASS and self.is_measured and self.is_read:
            return Effect.ACCEPTED
        if self.severity is Severity.WARNING:
            return Effect.WARNING
        return Effect.VIOLATED if self.fails else Effect.INCONCLUSIVE

    @property
    def key(self) -> tuple[str, ...]:
        """What a result is sorted by."""
        return (self.rule_id, self.criterion, self.tuned, self.probe, self.feature, self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that bears on the run and belongs to no cell."""

    effect: Effect
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The decision and what it rests on.

    Attributes
    ----------
    outcome : Outcome
        Violated if any result or note is, else inconclusive if any is, else passed.
    results : tuple of RuleResult
    policy_name : str
    waivers : tuple of WaiverUse
    today : datetime.date or None
        Day of judgement, by which waivers expire.
    family : Family
    warnings_as_errors : bool
    audit, baseline : str
        What was judged and what it was set against, as the caller names them; may be empty.
    marks : tuple of str
        What bears on every difference: checkpoints of different lineage, or computed in different ways.
    reading : str
        How answers were got out of models that are not in the audit's own process, or ``sampled``; else empty.

    Raises
    ------
    ValueError
        If `outcome` does not follow from `results` and `waivers`.
    """

    outcome: Outcome
    results: tuple[RuleResult, ...]
    policy_name: str = "policy"
    waivers: tuple[WaiverUse, ...] = ()
    today: date | None = None
    family: Family = Family.NONE
    warnings_as_errors: bool = False
    audit: str = ""
    baseline: str = ""
    marks: tuple[str, ...] = ()
    reading: str = ""

    def __post_init__(self) -> None:
        strict = self.warnings_as_errors
        expected = outcome_of(self.results, self.waivers, marks=self.marks, warnings_as_errors=strict)
        if self.outcome is not expected:
            msg = f"the outcome is {self.outcome.value}, but the results say {expected.value}"
            raise ValueError(msg)

    def __repr__(self) -> str:
        """Return outcome and counts, and the first three results that are not passed, violations before others."""
        counts = ", ".join(f"{n} {effect.value}" for effect, n in self.counts.items() if n)
        others = [result for result in self.results if result.effect is not Effect.PASSED]
        others.sort(key=lambda result: result.effect is not Effect.VIOLATED)
        lines = [f"GateDecision({self.outcome.value}, policy {in_short([self.policy_name])}: {counts})"]
        lines += [f"  {result!r}" for result in others[:_SHOWN]]
        if len(others) > _SHOWN:
            lines.append(f"  and {len(others) - _SHOWN} more in .results")
        return "\n".join(lines)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 violated, 3 not enough evidence."""
        return EXIT_CODES[self.outcome]

    @property
    def notes(self) -> tuple[Note, ...]:
        """Marks of the audit, expired and unused waivers, and the absence of all evidence."""
        strict = self.warnings_as_errors
        return notes_of(self.results, self.waivers, marks=self.marks, warnings_as_errors=strict)

    @property
    def counts(self) -> dict[Effect, int]:
        """Results and notes by what the run makes of them."""
        found = Counter([result.effect for result in self.results] + [note.effect for note in self.notes])
        return {effect: found[effect] for effect in Effect}


def notes_of(
    results: Iterable[RuleResult],
    waivers: Iterable[WaiverUse],
    *,
    marks: Iterable[str] = (),
    warnings_as_errors: bool,
) -> tuple[Note, ...]:
    """Return what bears on a run and belongs to no cell.

    Parameters
    ----------
    results : iterable of RuleResult
    waivers : iterable of WaiverUse
    marks : iterable of str
        What bears on every difference of the audit.
    warnings_as_errors : bool
        Whether a mark, and an unused waiver, is a violation.
    """
    of_mark = Effect.VIOLATED if warnings_as_errors else Effect.WARNING
    found = [Note(effect=of_mark, subject="audit", message=mark) for mark in marks]
    found += [
        note for waiver in waivers if (note := _waiver_note(waiver, warnings_as_errors=warnings_as_errors)) is not None
    ]
    judged = tuple(results)
    if not judged:
        found.append(Note(effect=Effect.INCONCLUSIVE, subject="policy", message="nothing was judged"))
    elif not any(result.is_measured for result in judged):
        message = "nothing that the policy asks for was measured"
        found.append(Note(effect=Effect.INCONCLUSIVE, subject="policy", message=message))
    return tuple(found)


def outcome_of(
    results: Iterable[RuleResult],
    waivers: Iterable[WaiverUse] = (),
    *,
    marks: Iterable[str] = (),
    warnings_as_errors: bool = False,
) -> Outcome:
    """Return the outcome of a run; without evidence it is never passed."""
    judged = tuple(results)
    effects = {result.effect for result in judged}
    noted = notes_of(judged, waivers, marks=marks, warnings_as_errors=warnings_as_errors)
    effects |= {note.effect for note in noted}
    if Effect.VIOLATED in effects:
        return Outcome.VIOLATED
    return Outcome.INCONCLUSIVE if Effect.INCONCLUSIVE in effects else Outcome.PASSED


def _waiver_note(waiver: WaiverUse, *, warnings_as_errors: bool) -> Note | None:
    subject = f"waiver of {waiver.subject}"
    if waiver.state is WaiverState.EXPIRED:
        message = f"expired on {waiver.expires.isoformat()}; {waiver.owner} answered for it: {waiver.reason}"
        return Note(effect=Effect.VIOLATED, subject=subject, message=message)
    if waiver.state is WaiverState.UNUSED:
        message = f"covers nothing that fails; {waiver.owner} can take it out"
        return Note(effect=Effect.VIOLATED if warnings_as_errors else Effect.WARNING, subject=subject, message=message)
    return None


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
