"""Policy file -> decision, without running a model."""

from __future__ import annotations

from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.criterion import Criterion, judge, judge_upper
from biasaudit.gate.decide import decide, decide_audit
from biasaudit.gate.decision import GateDecision, Note, RuleResult, WaiverUse
from biasaudit.gate.github import to_github
from biasaudit.gate.junit import to_junit
from biasaudit.gate.markdown import to_markdown
from biasaudit.gate.names import refuse_unknown_probes
from biasaudit.gate.outputs import to_json, to_text
from biasaudit.gate.policy import Defaults, Policy, Rule, Waiver
from biasaudit.gate.policy_file import read_policy
from biasaudit.gate.schema import policy_schema
from biasaudit.gate.vocabulary import Effect, Family, Form, OnInconclusive, Outcome, Severity, WaiverState

__all__ = [
    "CRITERIA",
    "Criterion",
    "Defaults",
    "Effect",
    "Family",
    "Form",
    "GateDecision",
    "Note",
    "OnInconclusive",
    "Outcome",
    "Policy",
    "Rule",
    "RuleResult",
    "Severity",
    "Waiver",
    "WaiverState",
    "WaiverUse",
    "decide",
    "decide_audit",
    "judge",
    "judge_upper",
    "policy_schema",
    "read_policy",
    "refuse_unknown_probes",
    "to_github",
    "to_json",
    "to_junit",
    "to_markdown",
    "to_text",
]
