"""The decision as JUnit XML, which continuous integration shows as tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from biasaudit.gate.vocabulary import Effect
from biasaudit.gate.wording import cell, circumstances, headline, limit, measured, printable, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from biasaudit.gate.decision import GateDecision, RuleResult


def to_junit(decision: GateDecision) -> str:
    """Return JUnit XML, one test case per rule and cell, and one per note.

    Parameters
    ----------
    decision : GateDecision

    Returns
    -------
    str
        Violated is a failure, inconclusive an error; waived, accepted and warnings are skipped, with the reason.
        A decision without evidence has an error, because an empty suite counts as green.
    """
    suite = TestSuite(printable(f"biasaudit: {decision.policy_name}"))
    suite.add_property("outcome", decision.outcome.value)
    suite.add_property("counts", printable(headline(decision)))
    suite.add_property("circumstances", printable(circumstances(decision)))
    for result in decision.results:
        suite.add_testcase(_case(result))
    for note in decision.notes:
        case = TestCase(printable(note.subject), classname="policy")
        _mark(case, note.effect, printable(note.message))
        suite.add_testcase(case)
    document = JUnitXml()
    document.add_testsuite(suite)
    # junitparser leaves this one method without types.
    content = cast("Callable[[], bytes | str]", document.tostring)()
    return content.decode("utf-8") if isinstance(content, bytes) else content


def _case(result: RuleResult) -> TestCase:
    case = TestCase(printable(f"{cell(result)} / {result.criterion}"), classname=printable(result.rule_id))
    _mark(case, result.effect, printable(f"{measured(result)}, limit {limit(result)}; {reason(result)}"))
    level = "not known" if result.level is None else f"{result.level:.4g}"
    case.system_out = printable(
        f"value and interval: {measured(result)}; level: {level}; limit: {limit(result)}; "
        f"n: {result.n_items} items, {result.n_clusters} clusters; "
        f"evidence: {result.evidence or 'none'}; method: {result.method or 'none'}"
    )
    return case


def _mark(case: TestCase, effect: Effect, message: str) -> None:
    kinds = {Effect.PASSED: None, Effect.VIOLATED: Failure, Effect.INCONCLUSIVE: Error}
    kind = kinds.get(effect, Skipped)
    if kind is not None:
        case.result = [kind(message)]
