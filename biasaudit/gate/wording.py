"""Results in words: what every form of a decision shows, not yet escaped for any."""

from __future__ import annotations

import unicodedata
from typing import Final

from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.decision import GateDecision, RuleResult
from biasaudit.gate.vocabulary import Effect, Family, OnInconclusive, Outcome, Severity

HEADER: Final = (
    "outcome",
    "rule",
    "criterion",
    "checkpoint",
    "probe",
    "feature",
    "framing or contrast",
    "measured",
    "limit",
    "n",
    "reason",
)
ALWAYS_COUNTED: Final = (Effect.PASSED, Effect.VIOLATED, Effect.INCONCLUSIVE)
IMPORTANCE: Final = (
    Effect.VIOLATED,
    Effect.INCONCLUSIVE,
    Effect.WAIVED,
    Effect.WARNING,
    Effect.ACCEPTED,
    Effect.PASSED,
)
"""The order in which a reader wants to see results."""


def headline(decision: GateDecision) -> str:
    """Return counts and the policy's name; the outcome stands before it."""
    counts = decision.counts
    shown = [effect for effect in Effect if counts[effect] or effect in ALWAYS_COUNTED]
    return f"{', '.join(f'{counts[effect]} {effect.value}' for effect in shown)} ({decision.policy_name})"


def circumstances(decision: GateDecision) -> str:
    """Return when and how it was judged, in a sentence."""
    parts = []
    if decision.audit:
        parts.append(f"audit {decision.audit}")
    if decision.baseline:
        parts.append(f"baseline {decision.baseline}")
    if decision.reading:
        parts.append(f"answers read as {decision.reading}")
    if decision.today is not None:
        parts.append(f"judged on {decision.today.isoformat()}")
    if decision.family is not Family.NONE:
        parts.append(f"intervals widened for the family of all cells ({decision.family.value})")
    if decision.warnings_as_errors:
        parts.append("warnings count as errors")
    return "; ".join(parts)


def texts(result: RuleResult) -> tuple[str, ...]:
    """Return what the columns of :data:`HEADER` show."""
    return (
        result.effect.value,
        result.rule_id,
        result.criterion,
        result.tuned,
        result.probe,
        f"{result.feature}: {result.group}" if result.group else result.feature,
        result.framing_or_contrast,
        measured(result),
        limit(result),
        f"{result.n_items} items, {result.n_clusters} clusters",
        reason(result),
    )


def cell(result: RuleResult) -> str:
    """Return the place of a result in one line."""
    names = (result.tuned, result.probe, result.feature, result.group, result.framing_or_contrast)
    return " / ".join(part for part in names if part)


def measured(result: RuleResult) -> str:
    """Return the value with its interval, in more digits than a limit usually has: none may seem to keep it."""
    if result.value is None:
        return "not measured"
    if CRITERIA[result.criterion].is_exact:
        return f"{result.value:.4f}"
    return f"{result.value:.4f} ({result.ci_low:.4f} to {result.ci_high:.4f})"


def limit(result: RuleResult) -> str:
    """Return the limit and its margin."""
    criterion = CRITERIA[result.criterion]
    of = f"{criterion.of} " if criterion.of else ""
    kept = f"{of}{'>=' if criterion.is_minimum else '<='} {result.limit:g}"
    return kept if not result.margin else f"{kept} {'-' if criterion.is_minimum else '+'} {result.margin:g} margin"


def reason(result: RuleResult) -> str:
    """Return why, and what the policy makes of it."""
    said = [result.reason]
    effect, waiver = result.effect, result.waiver
    if effect is Effect.WAIVED and waiver is not None:
        said.append(
            f"{result.outcome.value}, waived until {waiver.expires.isoformat()} by {waiver.owner}: {waiver.reason}"
        )
    elif effect is Effect.ACCEPTED:
        said.append("inconclusive, which the rule lets pass")
    elif result.outcome is Outcome.INCONCLUSIVE and result.on_inconclusive is OnInconclusive.FAIL:
        said.append("inconclusive, which the rule lets fail")
    if effect is Effect.WARNING and result.severity is Severity.WARNING:
        said.append(f"{result.outcome.value}, a warning only")
    return "; ".join(said)


def printable(text: str) -> str:
    """Show control, direction and line-breaking characters as escapes, so that they act on no terminal."""
    return "".join(
        letter.encode("unicode_escape").decode("ascii")
        if unicodedata.category(letter)[0] == "C" or unicodedata.category(letter) in {"Zl", "Zp"}
        else letter
        for letter in text
    )
