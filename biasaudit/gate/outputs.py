"""The decision as plain text and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from biasaudit.gate.wording import HEADER, circumstances, headline, printable, texts

if TYPE_CHECKING:
    from biasaudit.gate.decision import GateDecision, RuleResult

SCHEMA_VERSION: Final = 1
"""Of the JSON; grows when a key changes its meaning or goes."""


def to_text(decision: GateDecision) -> str:
    """Return a table in plain text, the outcome on the first line.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        Control and direction characters stand as escapes.
    """
    lines = [f"{decision.outcome.value.upper()}: {printable(headline(decision))}"]
    if said := printable(circumstances(decision)):
        lines.append(said)
    lines += [f"{note.effect.value}: {printable(note.subject)}: {printable(note.message)}" for note in decision.notes]
    if decision.results:
        rows = [HEADER, *(tuple(printable(text) for text in texts(result)) for result in decision.results)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines.append("")
        lines += [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
    return "\n".join(lines)


def to_json(decision: GateDecision) -> str:
    """Return JSON with sorted keys: equal decisions give equal text.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        ASCII; what was not measured is null.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "policy_name": decision.policy_name,
        "audit": decision.audit,
        "baseline": decision.baseline,
        "reading": decision.reading,
        "outcome": decision.outcome.value,
        "exit_code": decision.exit_code,
        "counts": {effect.value: count for effect, count in decision.counts.items()},
        "today": decision.today,
        "family": decision.family.value,
        "warnings_as_errors": decision.warnings_as_errors,
        "results": [_result(result) for result in decision.results],
        "waivers": [asdict(waiver) for waiver in decision.waivers],
        "notes": [asdict(note) for note in decision.notes],
    }
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False, default=_written)


def _result(result: RuleResult) -> dict[str, Any]:  # Any: JSON values
    return {**asdict(result), "effect": result.effect.value}


def _written(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    msg = f"a decision holds no {type(value).__name__}"
    raise TypeError(msg)
