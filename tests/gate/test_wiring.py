"""The function and the command judge an audit in one and the same way."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path

import pytest

import biasaudit
from biasaudit import api, gate
from biasaudit.errors import AlteredAuditError, PolicyError
from biasaudit.facade import Audit
from tests.fuzz.hostile import run
from tests.scripted_audits import save_audit
from tests.sealing import edit_manifest

POLICY = """version: 1
family: holm
rules:
  - {id: index, max_index: 0.4}
  - {id: rise, max_increase: 0.05}
  - {id: since, max_increase_over_baseline: 0.05}
  - {id: coverage, min_coverage: 0.95}
"""


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    save_audit(tmp_path, tuned=1.8, out="later")
    return save_audit(tmp_path)


def test_the_function_and_the_command_decide_alike(audit: Audit, tmp_path: Path) -> None:
    """Byte for byte, but for the names that only a folder has; with a baseline too."""
    policy = tmp_path / "policy.yaml"
    for before in (None, tmp_path / "later"):
        options = [] if before is None else ["--baseline", before]
        ended = run(
            "check", tmp_path / "audit", "--policy", policy, "--format", "json", "--today", "2026-11-25", *options
        )
        baseline = None if before is None else biasaudit.open_audit(before)
        decision = api.check(audit, policy, baseline=baseline, today=date(2026, 11, 25))
        named = dataclasses.replace(decision, audit="audit", baseline="" if before is None else "later")
        assert (ended.code, json.loads(ended.out)) == (decision.exit_code, json.loads(gate.to_json(named)))


@pytest.mark.parametrize("level", ["absent", None, True, 0, 1, "0.95"])
def test_an_audit_that_does_not_name_its_level_is_refused_by_both(audit: Audit, tmp_path: Path, level: object) -> None:
    """0.95 in its place would widen intervals of a family by the wrong factor, and show a level that nobody chose."""
    plan = {key: value for key, value in audit.manifest.plan.items() if key != "level"}
    plan |= {} if level == "absent" else {"level": level}
    nameless = dataclasses.replace(audit, manifest=dataclasses.replace(audit.manifest, plan=plan))
    with pytest.raises(AlteredAuditError) as refused:
        api.check(nameless, tmp_path / "policy.yaml")
    assert "the manifest's level is" in str(refused.value)
    assert "Restore it, or run the audit again." in str(refused.value)
    edit_manifest(tmp_path / "audit", lambda content: content.update(plan=plan))
    ended = run("check", tmp_path / "audit", "--policy", tmp_path / "policy.yaml")
    assert (ended.code, ended.out) == (4, "")
    assert str(refused.value) in ended.err


def test_a_policy_of_other_probes_is_refused_before_a_baseline_is_read(audit: Audit, tmp_path: Path) -> None:
    """By both alike: the reader mends the policy first, which takes no second audit."""
    (tmp_path / "policy.yaml").write_text(
        "version: 1\nrules:\n  - {id: r, probes: [minni], max_increase_over_baseline: 0}\n", encoding="utf-8"
    )
    other = dataclasses.replace(audit, manifest=dataclasses.replace(audit.manifest, probes={}))
    with pytest.raises(PolicyError, match="names probe 'minni'"):
        api.check(audit, tmp_path / "policy.yaml", baseline=other)
    ended = run("check", tmp_path / "audit", "--policy", tmp_path / "policy.yaml", "--baseline", tmp_path / "none")
    assert (ended.code, "names probe 'minni'" in ended.err) == (2, True)
