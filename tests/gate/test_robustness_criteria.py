"""Limits on what perturbations may do: how many break a reduction, and how much the tuned model leans at worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit import gate
from biasaudit.record.checked import read_checked
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
