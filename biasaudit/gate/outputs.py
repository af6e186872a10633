"""One decision in four forms: text, JSON, Markdown, JUnit XML."""

from __future__ import annotations

import html
import json
import unicodedata
from dataclasses import asdict

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from biasaudit.gate.decide import GateDecision, Outcome, RuleResult


def to_text(decision: GateDecision) -> str:
    """Return lines for a terminal, the outcome first."""
    lines = [f"{decision.outcome.value.upper()}: {_counts(decision)}"]
    lines += [
        f"{result.outcome.value:<13} {_printable(result.rule_id)}  {_printable(_cell(result))}  "
        f"{_numbers(result)}  {_printable(result.reason)}"
        for result in decision.results
    ]
    return "\n".join(lines)


def to_json(decision: GateDecision) -> str:
    """Return stable JSON."""
    content = {
        "schema_version": 1,
        "outcome": decision.outcome.value,
        "exit_code": decision.exit_code,
        "results": [{**asdict(result), "outcome": result.outcome.value} for result in decision.results],
    }
    return json.dumps(content, indent=2, sort_keys=True)


def to_markdown(decision: GateDecision) -> str:
    """Return a table for a pull request."""
    lines = [
        f"**{decision.outcome.value}**: {_counts(decision)}",
        "",
        "| outcome | rule | cell | measured and limit | reason |",
        "|---|---|---|---|---|",
    ]
    for result in decision.results:
        cells = (result.outcome.value, result.rule_id, _cell(result), _numbers(result), result.reason)
        lines.append("| " + " | ".join(_markdown(cell) for cell in cells) + " |")
    return "\n".join(lines)


def to_junit(decision: GateDecision) -> str:
    """Return JUnit XML, one test case per result."""
    suite = TestSuite("biasaudit")
    for result in decision.results:
        case = TestCase(_xml(_cell(result)), classname=_xml(result.rule_id))
        message = _xml(f"{_numbers(result)}; {result.reason}")
        if result.outcome is Outcome.VIOLATED:
            case.result = [Failure(message)]
        elif result.outcome is Outcome.INCONCLUSIVE:
            case.result = [Error(message)]
        suite.add_testcase(case)
    document = JUnitXml()
    document.add_testsuite(suite)
    content = document.tostring()  # type: ignore[no-untyped-call]
    return content.decode("utf-8") if isinstance(content, bytes) else str(content)


def _counts(decision: GateDecision) -> str:
    counts = {outcome: sum(result.outcome is outcome for result in decision.results) for outcome in Outcome}
    return ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items())


def _cell(result: RuleResult) -> str:
    parts = (result.tuned, result.probe, result.feature, result.arm, result.criterion)
    return " / ".join(part for part in parts if part)


def _numbers(result: RuleResult) -> str:
    sign = ">=" if result.criterion == "min_coverage" else "<="
    if result.value is None:
        return f"not measured, limit {sign} {result.limit:g}"
    return f"{result.value:.3f} ({result.ci_low:.3f} to {result.ci_high:.3f}), limit {sign} {result.limit:g}"


def _printable(text: str) -> str:
    """Show control and direction characters as escapes, so that they act on no terminal."""
    return "".join(
        letter if unicodedata.category(letter)[0] != "C" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def _markdown(text: str) -> str:
    return html.escape(_printable(text), quote=False).replace("|", "\\|").replace("`", "\\`")


def _xml(text: str) -> str:
    return _printable(text)
