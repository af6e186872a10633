"""Policy file -> decision, without running a model."""

from __future__ import annotations

from biasaudit.gate.decide import GateDecision, Outcome, RuleResult, decide, judge_upper
from biasaudit.gate.outputs import to_json, to_junit, to_markdown, to_text
from biasaudit.gate.policy import Policy, Rule, read_policy

__all__ = [
    "GateDecision",
    "Outcome",
    "Policy",
    "Rule",
    "RuleResult",
    "decide",
    "judge_upper",
    "read_policy",
    "to_json",
    "to_junit",
    "to_markdown",
    "to_text",
]
