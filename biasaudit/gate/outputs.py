"""One decision in four forms: text, JSON, Markdown, JUnit XML."""

from __future__ import annotations

import html
import json
import unicodedata
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, cast

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from biasaudit.gate.decide import GateDecision, Outcome, RuleResult

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA_VERSION: Final = 1
"""Of the JSON; grows when a key changes its meaning or goes."""

_HEADER: Final = (
    "outcome",
    "rule",
    "criterion",
    "checkpoint",
    "probe",
    "feature",
    "framing or contrast",
    "measured",
    "limit",
    "reason",
)
# As entities, because a backslash before a pipe is undone by a backslash that the name brings along.
_MARKDOWN: Final = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_[]()!|~#@:"}


def to_text(decision: GateDecision) -> str:
    """Return a table for a terminal, the outcome on the first line.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        Control and direction characters stand as escapes.
    """
    verdict = f"{decision.outcome.value.upper()}: {_counts(decision)} ({_printable(decision.policy_name)})"
    if not decision.results:
        return f"{verdict}\nnothing was judged"
    rows = [_HEADER, *(tuple(_printable(text) for text in _texts(result)) for result in decision.results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([verdict, "", *lines])


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
        "outcome": decision.outcome.value,
        "exit_code": decision.exit_code,
        "results": [{**asdict(result), "outcome": result.outcome.value} for result in decision.results],
    }
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False)


def to_markdown(decision: GateDecision) -> str:
    """Return a table for a pull request.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        GitHub-flavoured Markdown; names act neither as Markdown nor as HTML.
    """
    lines = [f"**{decision.outcome.value}**: {_counts(decision)} ({_markdown(decision.policy_name)})", ""]
    if not decision.results:
        return "\n".join([*lines, "nothing was judged"])
    lines += [f"| {' | '.join(_HEADER)} |", f"|{'---|' * len(_HEADER)}"]
    lines += [f"| {' | '.join(_markdown(text) for text in _texts(result))} |" for result in decision.results]
    return "\n".join(lines)


def to_junit(decision: GateDecision) -> str:
    """Return JUnit XML, one test case per result.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        Violated is a failure, inconclusive an error. A decision without results is one error,
        because an empty suite counts as green.
    """
    suite = TestSuite(_printable(f"biasaudit: {decision.policy_name}"))
    for result in decision.results:
        suite.add_testcase(_case(result))
    if not decision.results:
        case = TestCase("results", classname="policy")
        case.result = [Error("nothing was judged")]
        suite.add_testcase(case)
    document = JUnitXml()
    document.add_testsuite(suite)
    # junitparser leaves this one method without types.
    content = cast("Callable[[], bytes | str]", document.tostring)()
    return content.decode("utf-8") if isinstance(content, bytes) else content


def _case(result: RuleResult) -> TestCase:
    _, rule_id, criterion, tuned, probe, feature, arm, measured, limit, reason = _texts(result)
    cell = " / ".join(part for part in (tuned, probe, feature, arm, criterion) if part)
    case = TestCase(_printable(cell), classname=_printable(rule_id))
    message = _printable(f"{measured}, limit {limit}; {reason}")
    if result.outcome is Outcome.VIOLATED:
        case.result = [Failure(message)]
    elif result.outcome is Outcome.INCONCLUSIVE:
        case.result = [Error(message)]
    return case


def _counts(decision: GateDecision) -> str:
    counts = {outcome: sum(result.outcome is outcome for result in decision.results) for outcome in Outcome}
    return ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items())


def _texts(result: RuleResult) -> tuple[str, ...]:
    """Return what the columns of `_HEADER` show, not yet escaped."""
    return (
        result.outcome.value,
        result.rule_id,
        result.criterion,
        result.tuned,
        result.probe,
        result.feature,
        result.framing_or_contrast,
        _measured(result),
        f"{'>=' if result.criterion == 'min_coverage' else '<='} {result.limit:g}",
        result.reason,
    )


def _measured(result: RuleResult) -> str:
    if result.value is None:
        return "not measured"
    # More digits than the limit usually has: a rounded bound must not seem to keep it.
    if result.criterion == "min_coverage":
        return f"{result.value:.4f}"
    return f"{result.value:.4f} ({result.ci_low:.4f} to {result.ci_high:.4f})"


def _printable(text: str) -> str:
    """Show control, direction and line-breaking characters as escapes, so that they act on no terminal."""
    return "".join(
        letter.encode("unicode_escape").decode("ascii")
        if unicodedata.category(letter)[0] == "C" or unicodedata.category(letter) in {"Zl", "Zp"}
        else letter
        for letter in text
    )


def _markdown(text: str) -> str:
    # Ours last: html.escape would escape the ampersands of the entities.
    return html.escape(_printable(text), quote=False).translate(_MARKDOWN)
