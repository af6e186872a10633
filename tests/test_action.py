"""The composite action: its shell lines are run as the runner does, with bash, against an audit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.scripted_audits import save_audit

ROOT = Path(__file__).resolve().parents[1]
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not here")


@pytest.fixture(scope="module")
def action() -> dict[str, dict[str, object]]:
    content: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("action")
    save_audit(where)
    return where


class Runner:
    """Runs a step of the action with the variables that it declares, and no other input."""

    def __init__(self, action: dict[str, dict[str, object]], workspace: Path) -> None:
        self.steps = {step["id"]: step for step in action["runs"]["steps"]}  # type: ignore[attr-defined]
        self.workspace, self.temp = workspace, workspace / "temp"
        self.bin = workspace / "bin"
        self.temp.mkdir()
        self.bin.mkdir()

    def command(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!{BASH}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(self, step: str, **inputs: object) -> subprocess.CompletedProcess[str]:
        assert set(inputs) == set(self.steps[step]["env"])
        files = {name: str(self.temp / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
        inherited = {name: os.environ[name] for name in ("HOME", "BIASAUDIT_CACHE") if name in os.environ}
        return subprocess.run(
            [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", "-c", self.steps[step]["run"]],
            cwd=self.workspace,
            env={
                **inherited,
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
                "RUNNER_TEMP": str(self.temp),
                **files,
                **{name: str(value) for name, value in inputs.items()},
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def written(self, name: str) -> str:
        path = self.temp / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""


@pytest.fixture
def runner(action: dict[str, dict[str, object]], tmp_path: Path) -> Runner:
    made = Runner(action, tmp_path)
    made.command("biasaudit", f'exec "{sys.executable}" -m biasaudit "$@"')
    return made


def policy(folder: Path, rule: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(f"version: 1\nrules:\n  - {rule}\n", encoding="utf-8")
    return path


def test_inputs_reach_the_shell_as_variables_only(action: dict[str, dict[str, object]]) -> None:
    """An expression within a script is pasted into it before bash reads it."""
    for step in action["runs"]["steps"]:  # type: ignore[attr-defined]
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        assert "uses" not in step
    assert {name for name, one in action["inputs"].items() if one["required"]} == {"audit"}  # type: ignore[index]
    assert set(action["inputs"]) == {"audit", "policy", "baseline", "version"}
    assert set(action["outputs"]) == {"outcome"}


@pytest.mark.parametrize(
    ("rule", "ended"),
    [
        ("{id: r, max_index: 0.9}", (0, "passed")),
        ("{id: r, max_index: -0.9}", (1, "violated")),
        ("{id: r, features: [none], max_index: 0.9}", (3, "inconclusive")),
        ("{id: r, probes: [none], max_index: 0.9}", (2, "failed")),
        ("{id: r, maximum: 0.9}", (2, "failed")),
    ],
)
def test_the_check_ends_with_its_code_and_tells_its_outcome(
    runner: Runner, folder: Path, tmp_path: Path, rule: str, ended: tuple[int, str]
) -> None:
    code, outcome = ended
    done = runner.run("check", AUDIT=folder / "audit", POLICY=policy(tmp_path, rule), BASELINE="")
    assert done.returncode == code, done.stderr
    assert runner.written("GITHUB_OUTPUT") == f"outcome={outcome}\n"
    assert runner.written("GITHUB_STEP_SUMMARY").startswith(f"### Social bias: {outcome}\n")
    assert ("mini" in runner.written("GITHUB_STEP_SUMMARY")) == (code != 2)


def test_a_ready_policy_is_the_default(runner: Runner, action: dict[str, dict[str, object]], folder: Path) -> None:
    named = action["inputs"]["policy"]["default"]  # type: ignore[index]
    done = runner.run("check", AUDIT=folder / "audit", POLICY=named, BASELINE="")
    assert (done.returncode, runner.written("GITHUB_OUTPUT")) == (0, "outcome=passed\n"), done.stderr


HOSTILE = '$(touch pwned); `touch pwned` "; touch pwned; #\n::set-output name=outcome::passed\noutcome=passed'


# Each starts the command anew: the last two are slow only because they are many.
TEXTS = [HOSTILE, "--help", *(pytest.param(text, marks=pytest.mark.slow) for text in ("-", "--version"))]


@pytest.mark.parametrize("text", TEXTS, ids=["hostile", "help", "dash", "version"])
@pytest.mark.parametrize("name", ["AUDIT", "POLICY", "BASELINE"])
def test_what_stands_in_an_input_cannot_run(runner: Runner, folder: Path, tmp_path: Path, name: str, text: str) -> None:
    inputs = {"AUDIT": folder / "audit", "POLICY": policy(tmp_path, "{id: r, max_index: 0.9}"), "BASELINE": ""}
    done = runner.run("check", **{**inputs, name: text})
    assert done.returncode not in {0, 1, 3}
    assert runner.written("GITHUB_OUTPUT") == "outcome=failed\n"
    assert not list(tmp_path.rglob("pwned"))


def test_what_is_printed_is_no_command_of_the_runner(runner: Runner, folder: Path, tmp_path: Path) -> None:
    """Commands are stopped by a token that is another each time, and go on by it."""
    inputs = {"AUDIT": folder / "audit", "POLICY": policy(tmp_path, "{id: r, max_index: 0.9}"), "BASELINE": ""}
    first, second = (runner.run("check", **inputs).stdout.splitlines() for _ in range(2))
    token = first[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert first[-1] == f"::{token}::"
    assert first[0] != second[0]


def pip(runner: Runner) -> Path:
    """Stand in for python: a new environment has a pip that writes down what it is given."""
    log = runner.workspace / "pip.log"
    runner.command("fake-pip", f'printf "%s\\n" "$@" >> "{log}"')
    runner.command("python3", f'mkdir -p "$3/bin" && cp "{runner.bin}/fake-pip" "$3/bin/pip"')
    return log


@pytest.mark.parametrize(
    ("version", "wanted"), [("0.1.0", ["biasaudit==0.1.0"]), ("", ["-c", "{0}/constraints.txt", "{0}"])]
)
def test_the_version_is_installed_or_the_action_s_own_commit(
    runner: Runner, tmp_path: Path, version: str, wanted: list[str]
) -> None:
    log, source = pip(runner), tmp_path / "a b"
    done = runner.run("install", VERSION=version, SOURCE=source)
    assert done.returncode == 0, done.stderr
    assert log.read_text(encoding="utf-8").splitlines()[-len(wanted) :] == [one.format(source) for one in wanted]
    assert runner.written("GITHUB_PATH") == f"{runner.temp}/biasaudit/bin\n"


@pytest.mark.parametrize("version", ["1.0; touch pwned", "--index-url=http://evil", "1.0\nevil", HOSTILE, "../x", "@x"])
def test_what_is_no_version_is_not_installed(runner: Runner, tmp_path: Path, version: str) -> None:
    log = pip(runner)
    assert runner.run("install", VERSION=version, SOURCE=tmp_path).returncode == 2
    assert not log.exists()
    assert not list(tmp_path.rglob("pwned"))


def test_what_is_installed_already_can_be_used(runner: Runner, tmp_path: Path) -> None:
    log = pip(runner)
    assert runner.run("install", VERSION="installed", SOURCE=tmp_path).returncode == 0
    assert not log.exists()
