"""The example of docs/check.md: a published audit that is too small, and a model that was made worse."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARKER = "<!-- check-example -->"
END = "<!-- /check-example -->"
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)
CODE = re.compile(r"#\s*exit code (\d+)")


@dataclass(frozen=True, kw_only=True)
class Step:
    language: str
    text: str
    exit_code: int


def steps(text: str) -> list[Step]:
    """One step per block of Python and per line of shell."""
    found = []
    for language, content in BLOCK.findall(text):
        for part in [content] if language == "python" else content.strip().splitlines():
            said = CODE.search(part)
            found.append(Step(language=language, text=part, exit_code=int(said[1]) if said else 0))
    return found


def example() -> str:
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    return page.split(MARKER)[1].split(END)[0]


def test_the_example_has_a_check_that_passes_and_one_that_fails() -> None:
    checks = {step.exit_code for step in steps(example()) if step.text.startswith("biasaudit check")}
    assert {0, 1} <= checks


@pytest.mark.slow
def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not here")
    (tmp_path / "reports").symlink_to(ROOT / "reports", target_is_directory=True)
    for step in steps(example()):
        # The command is the one of the tests' own Python.
        command = [sys.executable, "-c", step.text]
        if step.language == "sh":
            command = [bash, "-c", f'biasaudit() {{ "{sys.executable}" -m biasaudit "$@"; }}\n{step.text}']
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == step.exit_code, (step.text, done.stdout, done.stderr)
