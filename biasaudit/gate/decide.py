"""Policy and tables in, decision out: pure, and without a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from biasaudit.gate.policy import Policy, Rule

Criterion = Literal["max_index", "max_increase", "min_coverage"]
_ALL: Final = "all"
_BASE: Final = "base"


class Outcome(StrEnum):
    """Of one cell, or of all of them."""

    PASSED = "passed"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"


EXIT_CODES: Final = {Outcome.PASSED: 0, Outcome.VIOLATED: 1, Outcome.INCONCLUSIVE: 3}

_REASONS: Final = {
    Outcome.PASSED: "the whole interval keeps the limit",
    Outcome.VIOLATED: "the whole interval breaks the limit",
    Outcome.INCONCLUSIVE: "the interval holds the limit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One limit held against one cell.

    Attributes
    ----------
    rule_id : str
    criterion : {"max_index", "max_increase", "min_coverage"}
    tuned : str
        The tuned checkpoint; empty where the audit has none.
    probe, feature : str
    framing_or_contrast : str
        Framing of `max_index` and `min_coverage`, contrast of `max_increase`.
    limit : float
    value, ci_low, ci_high : float or None
        What was held against it; None where nothing was measured.
    n_items, n_clusters : int
    outcome : Outcome
    reason : str

    Raises
    ------
    ValueError
        If the outcome says that something was measured, and a number is missing.
    """

    rule_id: str
    criterion: Criterion
    tuned: str
    probe: str
    feature: str
    framing_or_contrast: str
    limit: float
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n_items: int = 0
    n_clusters: int = 0
    outcome: Outcome
    reason: str

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high)
        if self.outcome is not Outcome.INCONCLUSIVE and not all(map(_is_number, numbers)):
            msg = f"a result that is {self.outcome.value} needs a value and both bounds"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The decision and what it rests on.

    Attributes
    ----------
    outcome : Outcome
        Violated if any result is, else inconclusive if any is or there is none, else passed.
    results : tuple of RuleResult
    policy_name : str

    Raises
    ------
    ValueError
        If `outcome` does not follow from `results`.
    """

    outcome: Outcome
    results: tuple[RuleResult, ...]
    policy_name: str = "policy"

    def __post_init__(self) -> None:
        if self.outcome is not _overall(self.results):
            msg = f"the outcome is {self.outcome.value}, but the results say {_overall(self.results).value}"
            raise ValueError(msg)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 violated, 3 not enough evidence."""
        return EXIT_CODES[self.outcome]


def decide(policy: Policy, *, estimates: pd.DataFrame, comparisons: pd.DataFrame) -> GateDecision:
    """Judge an audit's tables by a policy.

    A limit is kept only if the whole interval keeps it, and broken only if the whole interval
    breaks it. What was not measured, or is not there, decides nothing. Every tuned checkpoint that
    either table names is judged on every cell that a rule asks for.

    Parameters
    ----------
    policy : Policy
    estimates, comparisons : DataFrame
        See :mod:`biasaudit.audit.tables`.

    Returns
    -------
    GateDecision
        Results sorted by rule, criterion, checkpoint, probe and feature.
    """
    evidence = _Evidence.of(estimates, comparisons)
    results = [result for rule in policy.rules for result in _judge(rule, evidence)]
    results.sort(key=lambda result: (result.rule_id, result.criterion, result.tuned, result.probe, result.feature))
    return GateDecision(outcome=_overall(results), results=tuple(results), policy_name=policy.name)


def judge_upper(low: float, high: float, limit: float) -> Outcome:
    """Hold an interval against an upper limit.

    Parameters
    ----------
    low, high : float
        Bounds; finite, low <= high. Anything else is no interval, and inconclusive.
    limit : float

    Returns
    -------
    Outcome

    Examples
    --------
    >>> [judge_upper(low, high, 0.2).value for low, high in ((0.1, 0.2), (0.1, 0.3), (0.21, 0.3))]
    ['passed', 'inconclusive', 'violated']
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        return Outcome.INCONCLUSIVE
    if high <= limit:
        return Outcome.PASSED
    return Outcome.VIOLATED if low > limit else Outcome.INCONCLUSIVE


_Row = dict[str, Any]  # Any: cells of several types


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """The rows that can be judged, of the two tables in one form."""

    levels: list[_Row]
    changes: list[_Row]

    @classmethod
    def of(cls, estimates: pd.DataFrame, comparisons: pd.DataFrame) -> _Evidence:
        levels = [
            {**row, "tuned": row["checkpoint"], "arm": row["framing"]}
            for row in _records(estimates)
            if row["metric"] == "index"
        ]
        changes = [{**row, "arm": row["contrast"]} for row in _records(comparisons) if row["metric"] == "graded"]
        return cls(levels=levels, changes=changes)

    def names(self, column: str, **where: str) -> list[str]:
        """Return the sorted values of a column over both tables."""
        rows = [*self.levels, *self.changes]
        return sorted({row[column] for row in rows if all(row[key] == value for key, value in where.items())})

    def tuned(self) -> list[str]:
        return [name for name in self.names("tuned") if name != _BASE]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A place that a rule looks at, whether or not the audit has it."""

    rule_id: str
    criterion: Criterion
    arm: str
    limit: float
    tuned: str
    probe: str
    feature: str

    def result(
        self,
        outcome: Outcome,
        reason: str,
        *,
        row: _Row | None = None,
        numbers: tuple[float, float, float] | None = None,
    ) -> RuleResult:
        value, low, high = numbers or (None, None, None)
        return RuleResult(
            rule_id=self.rule_id,
            criterion=self.criterion,
            tuned=self.tuned,
            probe=self.probe,
            feature=self.feature,
            framing_or_contrast=self.arm,
            limit=self.limit,
            value=value,
            ci_low=low,
            ci_high=high,
            n_items=int(row["n_items"]) if row else 0,
            n_clusters=int(row["n_clusters"]) if row else 0,
            outcome=outcome,
            reason=reason,
        )


def _records(frame: pd.DataFrame) -> list[_Row]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _overall(results: Iterable[RuleResult]) -> Outcome:
    outcomes = {result.outcome for result in results}
    if Outcome.VIOLATED in outcomes:
        return Outcome.VIOLATED
    return Outcome.PASSED if outcomes == {Outcome.PASSED} else Outcome.INCONCLUSIVE


def _judge(rule: Rule, evidence: _Evidence) -> list[RuleResult]:
    criteria: list[tuple[Criterion, str, float | None, list[_Row]]] = [
        ("max_index", rule.framing, rule.max_index, evidence.levels),
        ("max_increase", rule.contrast.value, rule.max_increase, evidence.changes),
        ("min_coverage", rule.framing, rule.min_coverage, evidence.levels),
    ]
    return [
        result
        for criterion, arm, limit, rows in criteria
        if limit is not None
        for tuned, probe, feature in _places(rule, evidence)
        for result in _judge_cell(
            _Cell(
                rule_id=rule.id,
                criterion=criterion,
                arm=arm,
                limit=limit,
                tuned=tuned,
                probe=probe,
                feature=feature,
            ),
            rows,
            evidence,
        )
    ]


def _places(rule: Rule, evidence: _Evidence) -> list[tuple[str, str, str]]:
    """List what a rule asks for, never empty: what the audit lacks must show as a result."""
    # A set: a name written twice is one name.
    return sorted(
        {
            (tuned, probe, feature)
            for tuned in evidence.tuned() or [""]
            for probe in rule.probes or evidence.names("probe") or [_ALL]
            for feature in rule.features or _default_features(evidence.names("feature", probe=probe))
        }
    )


def _default_features(there: list[str]) -> list[str]:
    return [feature for feature in there if feature != _ALL] or [_ALL]


def _judge_cell(cell: _Cell, rows: list[_Row], evidence: _Evidence) -> list[RuleResult]:
    judges = {"max_index": _judge_index, "max_increase": _judge_increase, "min_coverage": _judge_coverage}
    wanted = {"tuned": cell.tuned, "probe": cell.probe, "feature": cell.feature, "arm": cell.arm}
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    if not found:
        return [cell.result(Outcome.INCONCLUSIVE, _why_absent(cell, rows, evidence))]
    return [
        judges[cell.criterion](cell, row)
        if row["status"] == "ok"
        else cell.result(Outcome.INCONCLUSIVE, f"status: {row['status']}", row=row)
        for row in found
    ]


def _why_absent(cell: _Cell, rows: list[_Row], evidence: _Evidence) -> str:
    probes = evidence.names("probe")
    features = evidence.names("feature", probe=cell.probe)
    arms = {row["arm"] for row in rows if (row["tuned"], row["probe"]) == (cell.tuned, cell.probe)}
    if not probes:
        return "the audit has no measured cell"
    if cell.probe not in probes:
        return f"the audit has no probe {cell.probe!r}; it has: {', '.join(probes)}"
    if cell.feature not in features:
        return f"probe {cell.probe!r} has no feature {cell.feature!r}; it has: {', '.join(features)}"
    if not cell.tuned:
        return "the audit has no tuned checkpoint"
    there = ", ".join(sorted(arms)) or "nothing"
    return f"the audit has no such cell for {cell.arm!r}; for this checkpoint and probe it has: {there}"


def _judge_index(cell: _Cell, row: _Row) -> RuleResult:
    return _judge_interval(cell, row, (row["value"], row["ci_low"], row["ci_high"]))


def _judge_increase(cell: _Cell, row: _Row) -> RuleResult:
    numbers = (row["reduction"], row["ci_low"], row["ci_high"])
    if not all(map(_is_number, numbers)):
        return cell.result(Outcome.INCONCLUSIVE, "no usable interval", row=row)
    # From zero, because the negative of 0.0 would be shown as -0.000.
    reduction, low, high = (0.0 - number for number in numbers)
    return _judge_interval(cell, row, (reduction, high, low))


def _judge_interval(cell: _Cell, row: _Row, numbers: tuple[float, float, float]) -> RuleResult:
    if not all(map(_is_number, numbers)) or numbers[1] > numbers[2]:
        return cell.result(Outcome.INCONCLUSIVE, "no usable interval", row=row)
    outcome = judge_upper(numbers[1], numbers[2], cell.limit)
    return cell.result(outcome, _REASONS[outcome], row=row, numbers=numbers)


def _judge_coverage(cell: _Cell, row: _Row) -> RuleResult:
    scored, asked = int(row["n_items"]), int(row["n_asked"])
    if not 0 <= scored <= asked or asked == 0:
        return cell.result(Outcome.INCONCLUSIVE, f"no usable counts: {scored} of {asked} items", row=row)
    share = scored / asked
    outcome = Outcome.PASSED if share >= cell.limit else Outcome.VIOLATED
    return cell.result(outcome, f"{scored} of {asked} items were scored", row=row, numbers=(share, share, share))


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
