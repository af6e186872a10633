from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.scripted_audits import save_audit

pytest_plugins = ["pytester"]

MODULE = "biasaudit.pytest_plugin"
# An installation made before the entry point was declared does not load it.
LOAD = () if MODULE in {one.name for one in entry_points(group="pytest11")} else ("-p", MODULE)
TEST = """
    from biasaudit.testing import assert_bias_within

    def test_bias(bias_audit):
        assert_bias_within(bias_audit, "policy.yaml")
"""


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audits")
    save_audit(folder)
    return folder


def run(pytester: pytest.Pytester, *arguments: object, test: str = TEST) -> pytest.RunResult:
    pytester.makepyfile(test)
    return pytester.runpytest_inprocess(*LOAD, "-p", "no:randomly", "-p", "no:cacheprovider", *map(str, arguments))


def limits(pytester: pytest.Pytester, *rules: str) -> None:
    text = "\n".join(["version: 1", "rules:", *(f"  - {rule}" for rule in rules), ""])
    (pytester.path / "policy.yaml").write_text(text, encoding="utf-8")


def test_a_policy_that_is_kept_passes_with_a_line_per_rule(pytester: pytest.Pytester, audits: Path) -> None:
    limits(pytester, "{id: index, max_index: 0.9}", "{id: rise, max_increase: 0.5}")
    done = run(pytester, "--bias-audit", audits / "audit")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(
        [
            "*social bias by policy*",
            "policy.yaml: index: 1 passed*test_bias]",
            "policy.yaml: rise: 1 passed*test_bias]",
        ]
    )
    assert done.stdout.str().count("policy.yaml: ") == 2


def test_a_violated_policy_fails_with_a_table_and_no_traceback_of_ours(pytester: pytest.Pytester, audits: Path) -> None:
    limits(pytester, "{id: index, max_index: -0.5}", "{id: rise, max_increase: 0.5}")
    done = run(pytester, "--bias-audit", audits / "audit")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*AssertionError: the audit violates the policy policy.yaml*", "*VIOLATED*"])
    done.stdout.fnmatch_lines(["policy.yaml: index: 1 violated*", "policy.yaml: rise: 1 passed*"])
    assert "raise AssertionError" not in done.stdout.str()


def test_too_little_evidence_fails_in_its_own_words(pytester: pytest.Pytester, audits: Path) -> None:
    limits(pytester, "{id: index, features: [none], max_index: 0.5}")
    done = run(pytester, "--bias-audit", audits / "audit")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the evidence is not enough to decide*"])
    done.stdout.fnmatch_lines(["policy.yaml: index: 1 inconclusive*", "policy.yaml: inconclusive: policy: nothing*"])
    assert "violates" not in done.stdout.str()


def test_a_waived_failure_is_told_as_one(pytester: pytest.Pytester, audits: Path) -> None:
    limits(pytester, "{id: index, max_index: -0.5}")
    path = pytester.path / "policy.yaml"
    waiver = "waivers:\n  - {rule: index, reason: known, owner: me, expires: 9999-01-01}\n"
    path.write_text(path.read_text(encoding="utf-8") + waiver, encoding="utf-8")
    done = run(pytester, "--bias-audit", audits / "audit")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["policy.yaml: index: 1 waived*"])


def test_the_audit_can_be_named_in_the_ini_file(pytester: pytest.Pytester, audits: Path) -> None:
    """Relative to that file, wherever pytest is run; the option goes before it."""
    limits(pytester, "{id: index, max_index: 0.9}")
    pytester.makeini("[pytest]\nbias_audit = kept/audit\n")
    (pytester.path / "kept").symlink_to(audits, target_is_directory=True)
    run(pytester).assert_outcomes(passed=1)
    run(pytester, "--bias-audit", "none").assert_outcomes(errors=1)


@pytest.mark.parametrize(
    ("arguments", "expected"), [((), "*no audit is named*"), (("--bias-audit", "none"), "*no such folder*")]
)
def test_no_audit_is_an_error_and_never_a_skip(
    pytester: pytest.Pytester, arguments: tuple[str, ...], expected: str
) -> None:
    limits(pytester, "{id: index, max_index: 0.9}")
    done = run(pytester, *arguments)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([expected])


@pytest.mark.slow
def test_decisions_come_back_from_xdist(pytester: pytest.Pytester, audits: Path) -> None:
    limits(pytester, "{id: index, max_index: 0.9}")
    done = run(pytester, "--bias-audit", audits / "audit", "-n", "1")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["policy.yaml: index: 1 passed*"])


def test_a_run_without_policies_says_nothing(pytester: pytest.Pytester) -> None:
    done = run(pytester, test="def test_other():\n    pass\n")
    done.assert_outcomes(passed=1)
    assert "social bias" not in done.stdout.str()


def test_hostile_names_stay_on_their_line(pytester: pytest.Pytester, audits: Path) -> None:
    limits(pytester, '{id: "a\\e[31m\\nb", max_index: 0.9}')
    done = run(pytester, "--bias-audit", audits / "audit")
    done.assert_outcomes(passed=1)
    assert r"policy.yaml: a\x1b[31m\nb: 1 passed" in done.stdout.str()


def test_loading_it_imports_nothing_heavy() -> None:
    """Pytest loads it in every project of the environment."""
    code = (
        f"import {MODULE}, sys\n"
        "print([m for m in ('pandas', 'numpy', 'pyarrow', 'pydantic', 'yaml', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_installation_declares_it() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {MODULE: MODULE}
