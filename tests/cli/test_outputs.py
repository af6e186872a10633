"""No option of any verb writes over an audit, a policy or predictions; what cannot be written is said beforehand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import biasaudit
from biasaudit.errors import UsageError
from tests.cli.test_shell import Shell, shell
from tests.scripted_audits import save_audit
from tests.tiny import save_instructions

__all__ = ["shell"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    save_audit(folder)
    return folder


@pytest.fixture
def audit(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "audit", tmp_path / "A"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(audit: Path) -> list[str]:
    return [*json.loads((audit / "manifest.json").read_text(encoding="utf-8"))["files"], "manifest.json"]


@pytest.mark.slow
def test_no_option_writes_over_a_file_of_the_audit(shell: Shell, audit: Path, tmp_path: Path) -> None:
    """`report A --out A/responses.parquet` destroyed it, and ended with 0."""
    shutil.copytree(audit, tmp_path / "B")
    before = contents(tmp_path)
    check = ("check", audit, "--policy", "no-regression")
    for name in names(audit):
        for arguments in (
            ("report", audit, "--model-card", audit / name),
            ("report", audit, tmp_path / "B", "--out", audit / name),
            *((*check, option, audit / name) for option in ("--json", "--junit", "--markdown", "--html")),
            ("init", audit, "--out", audit / name),
            ("bundle", audit, "--out", audit / name),
        ):
            code, _, err = shell.run(*arguments)
            assert code == 2, arguments
            assert err.startswith("biasaudit: "), err
    for arguments in (
        ("report", audit, "--out", audit / "report.html"),
        ("report", audit, "--out", audit / "report.md"),
        ("report", audit, "--out", tmp_path / "B" / "report.html"),  # of another audit
        (*check, "--baseline", tmp_path / "B", "--json", tmp_path / "B" / "items.parquet"),
    ):
        code, _, err = shell.run(*arguments)
        assert (code, "is a file of the audit itself" in err) == (2, True), (arguments, err)
    assert contents(tmp_path) == before


def test_a_summary_of_a_workflow_is_an_output_too(
    shell: Shell, audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(audit / "report.md"))
    assert shell.run("check", audit, "--policy", "no-regression", "--github-summary")[0] == 2
    assert contents(tmp_path) == before


def test_no_option_writes_over_what_is_read(shell: Shell, audit: Path, tmp_path: Path, published_data: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nrules:\n  - {id: r, max_index: 1.0}\n", encoding="utf-8")
    (tmp_path / "link.json").symlink_to(policy)
    check = ("check", audit, "--policy", policy)
    for arguments in ((*check, "--json", policy), (*check, "--junit", tmp_path / "link.json")):
        code, _, err = shell.run(*arguments)
        assert (code, "is what this command reads" in err) == (2, True), err
    code, _, err = shell.run(*check, "--json", tmp_path / "x", "--junit", tmp_path / "x")
    assert (code, "two outputs" in err) == (2, True)
    predictions = tmp_path / "p.jsonl"
    predictions.write_text('{"item_id": "x", "part": "first", "score": 1.0}\n', encoding="utf-8")
    data = tmp_path / "data"
    shutil.copytree(published_data / "crows-pairs", data / "crows-pairs")
    before = contents(tmp_path)
    for target in (predictions, *sorted((data / "crows-pairs").glob("*.csv"))[:1]):
        code, _, err = shell.run(
            "score", "crows-pairs", "--predictions", predictions, "--data-dir", data, "--csv", target
        )
        assert (code, "is what this command reads" in err) == (2, True), err
    assert contents(tmp_path) == before


def test_an_adapter_is_not_written_into_an_audit(shell: Shell, audit: Path, tmp_path: Path) -> None:
    data = save_instructions(tmp_path / "data.jsonl")
    before = contents(tmp_path)
    code, _, err = shell.run("align", "sft", "nothing", "--data", data, "--out", audit)
    assert (code, contents(tmp_path) == before) == (2, True), err


def test_a_report_says_by_its_name_what_it_is(shell: Shell, audit: Path, tmp_path: Path) -> None:
    for name in ("x.pdf", "x", "x.html.gz", "x.docx"):
        code, _, err = shell.run("report", audit, "--out", tmp_path / name)
        assert (code, ".html or .htm or .md or .markdown" in err) == (2, True), err
    code, _, err = shell.run("report", audit, audit, "--out", tmp_path / "x.md")
    assert (code, "ends with .html or .htm;" in err) == (2, True), err
    assert [path.name for path in tmp_path.iterdir()] == ["A"]


def test_what_cannot_be_written_is_said_before_anything_is(shell: Shell, audit: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder.html").mkdir()
    before = contents(tmp_path)
    check = ("check", audit, "--policy", "no-regression")
    for arguments in (
        ("report", audit, "--out", tmp_path / "folder.html"),
        ("report", audit, "--out", tmp_path / "none" / "x.html"),
        ("report", audit, "--csv", tmp_path / "file"),
        ("report", audit, "--csv", tmp_path / "csv", "--model-card", tmp_path / "none" / "card.md"),
        (*check, "--json", tmp_path / "good.json", "--html", tmp_path / "none" / "x.html"),
        (*check, "--markdown", tmp_path / "folder.html"),
        ("init", audit, "--out", tmp_path / "none" / "policy.yaml"),
        ("bundle", audit, "--out", tmp_path / "none" / "x.zip"),
        ("bundle", audit, "--out", "-"),
        ("probes", "new", "mine", "--kind", "pair", "--folder", tmp_path / "file"),
    ):
        code, out, err = shell.run(*arguments)
        assert (code, out) == (2, ""), (arguments, out, err)
        assert "Traceback" not in err
        assert err.startswith("biasaudit: ")
    assert contents(tmp_path) == before


def test_standard_output_takes_a_report_and_nothing_else(shell: Shell, audit: Path, tmp_path: Path) -> None:
    code, out, _ = shell.run("report", audit, "--out", "-")
    assert (code, out) == (0, (audit / "report.html").read_text(encoding="utf-8"))
    code, out, _ = shell.run("check", audit, "--policy", "no-regression", "--format", "text", "--json", "-")
    assert '"outcome": ' in out
    code, out, _ = shell.run("init", audit, "--out", "/dev/stdout")
    assert (code, out.startswith("# ")) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["A"]


def test_from_python_nothing_is_written_over_an_audit_either(audit: Path, tmp_path: Path) -> None:
    opened = biasaudit.open_audit(audit)
    before = contents(tmp_path)
    for name in names(audit):
        for write in (opened.to_html, opened.to_markdown, opened.to_model_card):
            with pytest.raises(UsageError):
                write(audit / name)
        with pytest.raises(UsageError):
            biasaudit.side_by_side([audit, audit], audit / name)
    with pytest.raises(UsageError, match="cannot be made"):
        opened.to_csv(audit / "items.parquet")
    with pytest.raises(UsageError, match="no folder"):
        opened.to_html(tmp_path / "none" / "x.html")
    assert contents(tmp_path) == before
