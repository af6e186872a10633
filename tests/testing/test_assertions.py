from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.errors import AuditFolderError, PolicyError
from biasaudit.testing import assert_bias_within
from biasaudit.testing.assertions import take_judged
from tests.scripted_audits import save_audit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("audits")
    save_audit(where)
    return where / "audit"


def policy(folder: Path, rule: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(f"version: 1\nrules:\n  - {rule}\n", encoding="utf-8")
    return path


def test_an_audit_or_its_folder_and_a_policy_or_its_name(folder: Path) -> None:
    """Half the lean is gone: nothing increased."""
    assert assert_bias_within(folder, "no-regression").outcome.value == "passed"
    assert assert_bias_within(str(folder), "no-regression").exit_code == 0


def test_a_violation_is_an_assertion_that_names_the_cell(folder: Path, tmp_path: Path) -> None:
    rules = policy(tmp_path, "{id: r, max_index: -0.5}")
    for allowed in (False, True):
        with pytest.raises(AssertionError, match=r"violates the policy policy\.yaml") as caught:
            assert_bias_within(folder, rules, allow_inconclusive=allowed)
        assert "mini" in str(caught.value)
        assert "max_index" in str(caught.value)


def test_too_little_evidence_passes_only_where_that_is_said(folder: Path, tmp_path: Path) -> None:
    rules = policy(tmp_path, "{id: r, features: [none], max_index: 0.5}")
    with pytest.raises(AssertionError, match="not enough to decide"):
        assert_bias_within(folder, rules)
    assert assert_bias_within(folder, rules, allow_inconclusive=True).exit_code == 3


def test_a_missing_audit_or_policy_is_not_a_failed_assertion(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditFolderError):
        assert_bias_within(tmp_path / "none", "no-regression")
    with pytest.raises(PolicyError, match="no such file"):
        assert_bias_within(folder, "no-such-policy")


def test_every_decision_is_handed_on_once(folder: Path) -> None:
    take_judged()
    decision = assert_bias_within(folder, "no-regression")
    assert take_judged() == [decision]
    assert take_judged() == []
