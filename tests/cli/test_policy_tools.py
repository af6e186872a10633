from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.cli.test_shell import Shell
from tests.scripted_audits import save_audit

# Each computes an audit or more from its responses.
pytestmark = pytest.mark.slow


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished audit of a model that leans less than its base."""
    folder = tmp_path_factory.mktemp("audits")
    save_audit(folder)
    return folder / "audit"


def test_a_first_policy_is_kept_by_its_own_audit_and_never_overwritten(
    shell: Shell, audit: Path, tmp_path: Path
) -> None:
    out = tmp_path / "policy.yaml"
    code, printed, told = shell.run("init", audit, "--out", out)
    assert (code, printed.strip()) == (0, f"{out}: by it, this audit is passed."), told
    text = out.read_text(encoding="utf-8")
    assert len(yaml.safe_load(text)["rules"]) == 4, "the index, its rise, the coverage and a loss of competence"
    assert shell.run("check", audit, "--policy", out)[0] == 0
    code, _, told = shell.run("init", audit, "--out", out)
    assert code == 2
    assert "is there already" in told
    assert out.read_text(encoding="utf-8") == text
    assert shell.run("init", audit, "--out", tmp_path / "none" / "policy.yaml")[0] == 2
    assert shell.run("init", tmp_path, "--out", tmp_path / "other.yaml")[0] == 4


def test_a_bundle_is_written_and_verified(shell: Shell, audit: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.zip"
    code, printed, told = shell.run("bundle", audit, "--policy", "no-regression", "--out", out)
    assert code == 0, told
    decided, checksum = printed.splitlines()
    assert decided == "decision: passed"
    code, printed, _ = shell.run("verify", out, "--recompute")
    assert code == 0
    assert "every number computed again" in printed
    assert printed.splitlines()[-1] == checksum
    assert "every checksum right" in shell.run("verify", out)[1]
    assert shell.run("bundle", audit, "--out", out)[0] == 2


def test_an_altered_bundle_is_1_with_what_differs_and_what_is_none_is_2(
    shell: Shell, audit: Path, tmp_path: Path
) -> None:
    out = tmp_path / "audit.zip"
    assert shell.run("bundle", audit, "--out", out)[0] == 0
    with zipfile.ZipFile(out, "a") as opened:
        opened.writestr("extra.txt", "x")
    code, printed, told = shell.run("verify", out, "--recompute")
    assert (code, told) == (1, "")
    assert printed.splitlines() == [f"{out}: 'extra.txt' does not belong there"]
    out.write_bytes(out.read_bytes()[:1000])
    for path in (out, tmp_path, tmp_path / "none.zip", audit / "manifest.json"):
        code, printed, told = shell.run("verify", path)
        assert (code, printed) == (2, "")
        assert told.startswith("biasaudit: ")
        assert "Traceback" not in told


@pytest.mark.parametrize(("name", "expected"), [("no-regression", 0), ("strict", 3)])
def test_ready_policies_are_named(shell: Shell, audit: Path, name: str, expected: int) -> None:
    """The audit leans less than its base, by an interval that holds 0.1."""
    code, printed, told = shell.run("check", audit, "--policy", name, "--format", "json")
    assert code == expected, told
    assert json.loads(printed)["policy_name"] == f"{name}.yaml"


def test_a_ready_policy_about_a_probe_that_was_not_asked_is_wrong_usage(shell: Shell, audit: Path) -> None:
    """The audit has no decisions on hiring."""
    code, printed, told = shell.run("check", audit, "--policy", "hiring-impact-ratio", "--format", "json")
    assert (code, printed) == (2, "")
    assert "names probe 'hiring', which the audit does not have" in told
