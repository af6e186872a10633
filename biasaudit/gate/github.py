"""The decision as workflow commands: GitHub shows them beside the run and the pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.gate.vocabulary import Effect, Outcome
from biasaudit.gate.wording import IMPORTANCE, cell, headline, limit, measured, printable, reason

if TYPE_CHECKING:
    from biasaudit.gate.decision import GateDecision

MAX_ANNOTATIONS: Final = 40
"""GitHub drops what is beyond a few dozen a run; the summary holds all."""

_COMMANDS: Final = {
    Effect.VIOLATED: "error",
    Effect.INCONCLUSIVE: "error",
    Effect.WARNING: "warning",
    Effect.WAIVED: "warning",
    Effect.ACCEPTED: "notice",
}


def to_github(decision: GateDecision) -> str:
    """Return one workflow command for the decision, and one for each result or note that did not pass.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        Names can start no command of their own and end none.
    """
    command = "notice" if decision.outcome is Outcome.PASSED else "error"
    lines = [_line(command, f"biasaudit: {decision.outcome.value}", headline(decision))]
    told = [(note.effect, note.subject, note.message) for note in decision.notes]
    told += [
        (
            result.effect,
            f"{result.rule_id}: {result.effect.value}",
            f"{cell(result)}: {measured(result)}, limit {limit(result)}; {reason(result)}",
        )
        for result in decision.results
        if result.effect is not Effect.PASSED
    ]
    told.sort(key=lambda one: IMPORTANCE.index(one[0]))
    lines += [_line(_COMMANDS[effect], subject, message) for effect, subject, message in told[:MAX_ANNOTATIONS]]
    if len(told) > MAX_ANNOTATIONS:
        more = f"{len(told) - MAX_ANNOTATIONS} more are in the summary"
        lines.append(_line("notice", "biasaudit", more))
    return "\n".join(lines)


def _line(command: str, title: str, message: str) -> str:
    return f"::{command} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
