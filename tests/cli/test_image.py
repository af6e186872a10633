"""`biasaudit report --image`: one picture, alone or beside other forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_shell import Shell, shell
from tests.scripted_audits import save_audit

__all__ = ["shell"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    save_audit(folder)
    return folder / "audit"


def test_alone_only_the_picture_is_written(shell: Shell, finished: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    code, printed, told = shell.run("report", finished, "--image", tmp_path / "a.svg")
    assert (code, printed.strip()) == (0, str(tmp_path / "a.svg")), told
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    assert 'width="1200" height="630"' in (tmp_path / "a.svg").read_text("utf-8")


def test_a_picture_can_go_to_standard_output(shell: Shell, finished: Path) -> None:
    code, printed, _ = shell.run("report", finished, "--image", "-")
    assert (code, printed.startswith("<svg xmlns=")) == (0, True)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.html"])
def test_another_ending_is_refused_before_anything_is_written(
    shell: Shell, finished: Path, tmp_path: Path, name: str
) -> None:
    code, _, told = shell.run("report", finished, "--out", tmp_path / "r.md", "--image", tmp_path / name)
    assert code == 2
    assert "Name a file that ends with .svg or .png; nothing was written." in told
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_of_one_audit_and_of_a_file_of_its_own(shell: Shell, finished: Path, tmp_path: Path) -> None:
    side = ("report", finished, finished, "--out", tmp_path / "x.html", "--image", tmp_path / "x.svg")
    code, _, told = shell.run(*side)
    assert (code, "--csv, --model-card and --image take one audit" in " ".join(told.split())) == (2, True), told
    code, _, told = shell.run("report", finished, "--image", tmp_path / "none" / "x.svg")
    assert (code, "there is no folder" in " ".join(told.split())) == (2, True), told
    assert list(tmp_path.iterdir()) == []
