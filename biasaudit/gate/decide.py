"""Policy and tables in, decision out: pure, and without a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.gate.policy import Policy, Rule

Criterion = Literal["max_index", "max_increase", "min_coverage"]
_ALL: Final = "all"


class Outcome(StrEnum):
    """Of one cell, or of all of them."""

    PASSED = "passed"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"


EXIT_CODES: Final = {Outcome.PASSED: 0, Outcome.VIOLATED: 1, Outcome.INCONCLUSIVE: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One limit held against one cell.

    Attributes
    ----------
    rule_id : str
    criterion : str
    tuned, probe, feature : str
    arm : str
        Framing, or contrast.
    limit : float
    value, ci_low, ci_high : float or None
        What was held against it; None where nothing was measured.
    n_items, n_clusters : int
    outcome : Outcome
    reason : str
    """

    rule_id: str
    criterion: Criterion
    tuned: str
    probe: str
    feature: str
    arm: str
    limit: float
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_items: int
    n_clusters: int
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The decision and what it rests on.

    Attributes
    ----------
    outcome : Outcome
        Violated if any result is, else inconclusive if any is or there is none, else passed.
    results : tuple of RuleResult
    """

    outcome: Outcome
    results: tuple[RuleResult, ...]

    @property
    def exit_code(self) -> int:
        """0 passed, 1 violated, 3 not enough evidence."""
        return EXIT_CODES[self.outcome]


def decide(policy: Policy, *, estimates: pd.DataFrame, comparisons: pd.DataFrame) -> GateDecision:
    """Judge an audit's tables by a policy.

    A limit is kept only if the whole interval keeps it, and broken only if the whole interval
    breaks it. What was not measured, or is not there, decides nothing.

    Parameters
    ----------
    policy : Policy
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.audits.tables`.
    """
    levels: list[dict[str, Any]] = _records(estimates)
    changes: list[dict[str, Any]] = _records(comparisons)
    results = [result for rule in policy.rules for result in _judge(rule, levels, changes)]
    results.sort(key=lambda result: (result.rule_id, result.criterion, result.tuned, result.probe, result.feature))
    return GateDecision(outcome=_overall(results), results=tuple(results))


def judge_upper(low: float, high: float, limit: float) -> Outcome:
    """Hold an interval against an upper limit.

    Examples
    --------
    >>> [judge_upper(low, high, 0.2).value for low, high in ((0.1, 0.2), (0.1, 0.3), (0.21, 0.3))]
    ['passed', 'inconclusive', 'violated']
    """
    if high <= limit:
        return Outcome.PASSED
    return Outcome.VIOLATED if low > limit else Outcome.INCONCLUSIVE


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:  # Any: cells of several types
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _overall(results: list[RuleResult]) -> Outcome:
    outcomes = {result.outcome for result in results}
    if Outcome.VIOLATED in outcomes:
        return Outcome.VIOLATED
    return Outcome.PASSED if outcomes == {Outcome.PASSED} else Outcome.INCONCLUSIVE


def _judge(rule: Rule, levels: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[RuleResult]:
    of_arm = [
        row
        for row in levels
        if row["metric"] == "index" and row["checkpoint"] != "base" and row["framing"] == rule.framing
    ]
    of_contrast = [row for row in changes if row["metric"] == "graded" and row["contrast"] == rule.contrast.value]
    results: list[RuleResult] = []
    if rule.max_index is not None:
        cells, absent = _cells(rule, of_arm, "max_index", rule.max_index, rule.framing)
        results += [_index_result(rule, row, rule.max_index) for row in cells] + absent
    if rule.max_increase is not None:
        cells, absent = _cells(rule, of_contrast, "max_increase", rule.max_increase, rule.contrast.value)
        results += [_increase_result(rule, row, rule.max_increase) for row in cells] + absent
    if rule.min_coverage is not None:
        cells, absent = _cells(rule, of_arm, "min_coverage", rule.min_coverage, rule.framing)
        results += [_coverage_result(rule, row, rule.min_coverage) for row in cells] + absent
    return results


def _cells(
    rule: Rule, rows: list[dict[str, Any]], criterion: Criterion, limit: float, arm: str
) -> tuple[list[dict[str, Any]], list[RuleResult]]:
    """Return the rows that a rule looks at, and a result for each thing that it names in vain."""
    probes = rule.probes or sorted({row["probe"] for row in rows}) or [_ALL]
    chosen: list[dict[str, Any]] = []
    absent: list[RuleResult] = []
    for probe in probes:
        of_probe = [row for row in rows if row["probe"] == probe]
        features = {row["feature"] for row in of_probe}
        wanted = rule.features or sorted(features - {_ALL}) or [_ALL]
        for feature in wanted:
            found = [row for row in of_probe if row["feature"] == feature]
            chosen += found
            if not found:
                there = ", ".join(sorted(features)) or "nothing"
                reason = f"the audit has no such cell; for probe {probe!r} and {arm!r} it has: {there}"
                absent.append(_result(rule, criterion, limit, arm, None, Outcome.INCONCLUSIVE, reason, probe, feature))
    return chosen, absent


def _index_result(rule: Rule, row: dict[str, Any], limit: float) -> RuleResult:
    if row["status"] != "ok":
        return _unmeasured(rule, "max_index", limit, rule.framing, row)
    outcome = judge_upper(row["ci_low"], row["ci_high"], limit)
    numbers = (row["value"], row["ci_low"], row["ci_high"])
    return _result(rule, "max_index", limit, rule.framing, row, outcome, _REASONS[outcome], numbers=numbers)


def _increase_result(rule: Rule, row: dict[str, Any], limit: float) -> RuleResult:
    if row["status"] != "ok":
        return _unmeasured(rule, "max_increase", limit, rule.contrast.value, row)
    numbers = (-row["reduction"], -row["ci_high"], -row["ci_low"])
    outcome = judge_upper(numbers[1], numbers[2], limit)
    return _result(rule, "max_increase", limit, rule.contrast.value, row, outcome, _REASONS[outcome], numbers=numbers)


def _coverage_result(rule: Rule, row: dict[str, Any], limit: float) -> RuleResult:
    asked = int(row["n_asked"])
    if asked == 0:
        return _unmeasured(rule, "min_coverage", limit, rule.framing, row)
    share = int(row["n_items"]) / asked
    outcome = Outcome.PASSED if share >= limit else Outcome.VIOLATED
    reason = f"{int(row['n_items'])} of {asked} items were scored"
    return _result(rule, "min_coverage", limit, rule.framing, row, outcome, reason, numbers=(share, share, share))


_REASONS: Final = {
    Outcome.PASSED: "the whole interval keeps the limit",
    Outcome.VIOLATED: "the whole interval breaks the limit",
    Outcome.INCONCLUSIVE: "the interval holds the limit",
}


def _unmeasured(rule: Rule, criterion: Criterion, limit: float, arm: str, row: dict[str, Any]) -> RuleResult:
    return _result(rule, criterion, limit, arm, row, Outcome.INCONCLUSIVE, f"status: {row['status']}")


def _result(  # noqa: PLR0917  # private, one call form per line above
    rule: Rule,
    criterion: Criterion,
    limit: float,
    arm: str,
    row: dict[str, Any] | None,
    outcome: Outcome,
    reason: str,
    probe: str = "",
    feature: str = "",
    *,
    numbers: tuple[float, float, float] | None = None,
) -> RuleResult:
    value, low, high = numbers or (None, None, None)
    named: dict[str, Any] = row or {"probe": probe, "feature": feature, "n_items": 0, "n_clusters": 0}
    return RuleResult(
        rule_id=rule.id,
        criterion=criterion,
        tuned=str(named.get("checkpoint", named.get("tuned", ""))),
        probe=str(named["probe"]),
        feature=str(named["feature"]),
        arm=arm,
        limit=limit,
        value=value,
        ci_low=low,
        ci_high=high,
        n_items=int(named["n_items"]),
        n_clusters=int(named["n_clusters"]),
        outcome=outcome,
        reason=reason,
    )
