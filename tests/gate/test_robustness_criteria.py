"""Limits on what perturbations may do: how many break a reduction, and how much the tuned model leans at worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit import gate
from biasaudit.record.checked import read_checked
from tests.gate.rows import LEVEL, Row, change
from tests.under import audited, model

POLICY = """version: 1
rules:
  - {{id: holds, contrast: "weights, plain", {rule}}}
"""


def code_of(folder: Path, rule: str) -> tuple[int, list[str]]:
    """Return the exit code and the reasons, by frames and by the rows that the shell reads: they must agree."""
    path = folder.parent / "policy.yaml"
    path.write_text(POLICY.format(rule=rule), encoding="utf-8")
    found = biasaudit.check(biasaudit.open_audit(folder), path)
    again = gate.decide_audit(gate.read_policy(path), read_checked(folder))
    assert [one.outcome for one in again.results] == [one.outcome for one in found.results]
    return found.exit_code, [one.reason for one in found.results]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tuned", "survives", "worst"),
    [
        ({}, 0, 0),
        ({"under": ["trigger"]}, 1, 1),
        ({"deaf": ["typing"]}, 3, 3),
    ],
)
def test_a_policy_lets_pass_what_survives_and_nothing_else(
    tmp_path: Path, tuned: dict[str, Any], survives: int, worst: int
) -> None:
    out = tmp_path / "audit"
    audited(tmp_path, model("base", 3.0), model("tuned", 0.5, **tuned), out=out)
    assert code_of(out, "survives: {broken: 0}")[0] == survives
    assert code_of(out, "max_worst_case: 0.4")[0] == worst
    if survives == 3:
        assert all("typing" in reason for reason in code_of(out, "survives: {broken: 0}")[1])


def test_an_audit_without_perturbations_passes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    audited(tmp_path, model("base", 3.0), model("tuned", 1.0), robustness=None, out=out)
    for rule in ("survives: {broken: 0}", "max_worst_case: 0.9"):
        code, reasons = code_of(out, rule)
        assert code == 3
        assert all("--robustness" in reason for reason in reasons)


def test_what_is_not_reduced_has_nothing_to_survive(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    audited(tmp_path, model("base", 2.0), model("tuned", 2.0), out=out)
    code, [reason, *_] = code_of(out, "survives: {broken: 0}")
    assert code == 3
    assert "reductions that are claimed" in reason


def row(**changes: object) -> Row:
    """A reduction that survives; the largest lean of the tuned model is 0.1 to 0.3."""
    found: Row = {
        "tuned": "tuned",
        "contrast": "weights, plain",
        "probe": "occupations",
        "feature": "gender",
        "verdict": "survives",
        "reason": "why",
        "broken_by": "",
        "unread": "",
        "worst_status": "ok",
        "worst_index": 0.2,
        "worst_index_ci_low": 0.1,
        "worst_index_high": 0.3,
        "n_items": 90,
        "n_clusters": 10,
    }
    return {**found, **changes}


def outcome(rule: Row, found: Row) -> tuple[str, int]:
    decision = gate.decide(
        gate.Policy.model_validate({"version": 1, "rules": [{"id": "holds", "contrast": "weights, plain", **rule}]}),
        estimates=[],
        comparisons=[change(contrast="weights, plain")],
        robustness=[found],
        level=LEVEL,
    )
    [result] = decision.results
    return result.outcome.value, decision.exit_code


@pytest.mark.parametrize(
    ("limit", "changes", "expected"),
    [
        (0, {}, ("passed", 0)),
        (0, {"verdict": "broken", "broken_by": "trigger, typing"}, ("violated", 1)),
        (2, {"verdict": "broken", "broken_by": "trigger, typing"}, ("passed", 0)),
        # Others that nobody could read might have broken it too.
        (1, {"verdict": "broken", "broken_by": "trigger", "unread": "list, typing"}, ("inconclusive", 3)),
        (0, {"verdict": "broken", "broken_by": "trigger", "unread": "list, typing"}, ("violated", 1)),
        (0, {"verdict": "not interpretable", "unread": "typing"}, ("inconclusive", 3)),
        (0, {"verdict": "inconclusive"}, ("inconclusive", 3)),
        (0, {"verdict": "not measured"}, ("inconclusive", 3)),
    ],
)
def test_only_what_is_shown_to_hold_passes(limit: int, changes: Row, expected: tuple[str, int]) -> None:
    assert outcome({"survives": {"broken": limit}}, row(**changes)) == expected


NO_NUMBER: Row = {"worst_index": None, "worst_index_ci_low": None, "worst_index_high": None}


@pytest.mark.parametrize(
    ("limit", "changes", "expected"),
    [
        (0.4, {}, ("passed", 0)),
        (0.2, {}, ("inconclusive", 3)),
        (0.05, {}, ("violated", 1)),
        # What was measured and breaks the limit does so whatever else could not be read.
        (0.05, {"unread": "typing"}, ("violated", 1)),
        (0.4, {"unread": "typing"}, ("inconclusive", 3)),
        (0.4, {"worst_status": "too few clusters", **NO_NUMBER}, ("inconclusive", 3)),
    ],
)
def test_the_worst_case_keeps_the_limit_breaks_it_or_decides_nothing(
    limit: float, changes: Row, expected: tuple[str, int]
) -> None:
    assert outcome({"max_worst_case": limit}, row(**changes)) == expected
