"""Malformed policies and audits: one message and an exit code, never a traceback, a hang, or a green light."""

from __future__ import annotations

import json
import random
from pathlib import Path

import jsonschema
import pytest
import yaml

from biasaudit.gate import policy_schema
from tests.fuzz import hostile
from tests.scripted_audits import save_audit

FEW, MANY = 150, 5000
SCHEMA = json.loads(policy_schema())


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    save_audit(folder)
    return folder / "audit"


def is_policy(content: bytes) -> bool:
    """Say whether the published schema takes it: the reader's own model has no word in this."""
    try:
        found = yaml.safe_load(content.decode("utf-8"))
        jsonschema.validate(json.loads(json.dumps(found, default=str)), SCHEMA)
    except (ValueError, yaml.YAMLError, RecursionError, TypeError, LookupError, AttributeError):
        return False
    except jsonschema.ValidationError:
        return False
    return True


def check_policies(audit: Path, folder: Path, seeds: range) -> None:
    path = folder / "policy.yaml"
    codes = set()
    for seed in seeds:
        content = hostile.policy_bytes(random.Random(seed))
        path.write_bytes(content)
        ended = hostile.run("check", audit, "--policy", path, "--today", "2026-11-25")
        assert not hostile.complaint(ended), (seed, content, ended)
        if not is_policy(content):
            assert ended.code == 2, (seed, content, ended)
        codes.add(ended.code)
    assert 2 in codes


def check_audits(audit: Path, folder: Path, seeds: range) -> None:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(hostile.PASSING), encoding="utf-8")
    for seed in seeds:
        target = hostile.copied(audit, folder / "audit")
        refused = hostile.damage(target, random.Random(seed))
        ended = hostile.run("check", target, "--policy", path, "--today", "2026-11-25")
        assert not hostile.complaint(ended), (seed, ended)
        assert not refused or ended.code == 4, (seed, ended)


def test_the_undamaged_pair_passes(audit: Path, tmp_path: Path) -> None:
    """Without this the tests below could not tell a refusal from a check that never passes."""
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(hostile.PASSING), encoding="utf-8")
    assert is_policy(path.read_bytes())
    ended = hostile.run("check", audit, "--policy", path, "--today", "2026-11-25")
    assert ended.code == 0, ended


@pytest.mark.slow
def test_malformed_policies(audit: Path, tmp_path: Path) -> None:
    check_policies(audit, tmp_path, range(FEW))


def test_malformed_audits(audit: Path, tmp_path: Path) -> None:
    check_audits(audit, tmp_path, range(FEW))


@pytest.mark.slow
def test_thousands_of_malformed_policies(audit: Path, tmp_path: Path) -> None:
    check_policies(audit, tmp_path, range(FEW, FEW + MANY))


@pytest.mark.slow
def test_thousands_of_malformed_audits(audit: Path, tmp_path: Path) -> None:
    check_audits(audit, tmp_path, range(FEW, FEW + MANY))
