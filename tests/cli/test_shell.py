from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from biasaudit.analysis.tables import IN_EVERY_AUDIT
from biasaudit.cli.main import main
from tests.running import Ran
from tests.tiny import item, save_probe


class Shell:
    """Runs the command in this process, as its entry point does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def run(self, *arguments: object) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["biasaudit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capsys.readouterr()
        return int(str(ended.value.code or 0)), captured.out, captured.err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture
def finished(ran_both: Ran) -> Path:
    """One audit for all tests that only read it."""
    return ran_both.out


def policy(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_an_audit_from_the_shell(shell: Shell, models: Path, tmp_path: Path) -> None:
    probe, out = save_probe(tmp_path / "mini"), tmp_path / "out"
    command = (
        "audit",
        models / "base",
        f"{models / 'base'}+{models / 'adapter'}",
        "-p",
        probe,
        "-o",
        out,
        "--framing",
        "plain",
    )
    code, printed, told = shell.run(*command)
    assert code == 0, told
    assert "report.html" in printed
    assert (out / "manifest.json").is_file()
    code, _, told = shell.run(*command)
    assert code == 0
    assert "nothing was computed" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\nrules:\n  - {id: r, max_index: 1.0}\n", 0),
        ("version: 1\nrules:\n  - {id: r, max_index: -1.0}\n", 1),
        ("version: 1\nrules:\n  - {id: r, features: [none], max_index: 1.0}\n", 3),
        ("version: 1\nrules:\n  - {id: r, probes: [none], max_index: 1.0}\n", 2),
        ("version: 1\nrules:\n  - {id: r, maximum: 1.0}\n", 2),
    ],
)
def test_the_check_ends_with_its_code(shell: Shell, finished: Path, tmp_path: Path, text: str, expected: int) -> None:
    code, _, told = shell.run("check", finished, "--policy", policy(tmp_path, text))
    assert code == expected
    assert "Traceback" not in told


def test_the_check_in_every_form(shell: Shell, finished: Path, tmp_path: Path) -> None:
    path = policy(tmp_path, "version: 1\nrules:\n  - {id: r, max_index: 1.0}\n")
    outcomes = {
        form: shell.run("check", finished, "--policy", path, "--format", form) for form in ("json", "junit", "markdown")
    }
    assert {code for code, _, _ in outcomes.values()} == {0}
    assert json.loads(outcomes["json"][1])["outcome"] == "passed"
    assert shell.run("check", finished, "--policy", path, "--format", "pdf")[0] == 2


def test_an_altered_or_unfinished_audit_fails(shell: Shell, finished: Path, tmp_path: Path) -> None:
    path = policy(tmp_path, "version: 1\nrules:\n  - {id: r, max_index: 1.0}\n")
    altered = shutil.copytree(finished, tmp_path / "altered")
    (altered / "estimates.parquet").write_bytes(b"")
    unfinished = shutil.copytree(finished, tmp_path / "unfinished")
    (unfinished / "manifest.json").unlink()
    for folder, word in ((altered, "altered"), (unfinished, "not finished"), (tmp_path / "none", "no such folder")):
        code, _, told = shell.run("check", folder, "--policy", path)
        assert code == 4, told
        assert told.startswith("biasaudit: ")
        assert word in told or "no finished audit" in told


def test_reports_are_written_again_and_audits_set_side_by_side(shell: Shell, finished: Path, tmp_path: Path) -> None:
    assert shell.run("report", finished, "-o", tmp_path / "r.html")[0] == 0
    assert (tmp_path / "r.html").read_bytes() == (finished / "report.html").read_bytes()
    assert shell.run("report", finished, "-o", tmp_path / "r.md")[0] == 0
    assert (tmp_path / "r.md").read_bytes() == (finished / "report.md").read_bytes()
    code, printed, _ = shell.run("compare", finished, finished)
    assert (code, printed.count("== ")) == (0, 2)
    assert shell.run("report", finished, finished, "--out", tmp_path / "side.html")[0] == 0
    assert "side by side" in (tmp_path / "side.html").read_text(encoding="utf-8")


def test_a_report_that_was_altered_is_refused_until_it_is_written_again(
    shell: Shell, finished: Path, tmp_path: Path
) -> None:
    """As after an upgrade, whose pages look different: the checksum follows what `report` wrote."""
    folder = shutil.copytree(finished, tmp_path / "altered")
    whole = (folder / "report.html").read_bytes()
    (folder / "report.html").write_bytes(whole.replace(b"unchanged", b"reduced"))
    code, _, told = shell.run("check", folder, "--policy", "no-regression")
    assert (code, f"biasaudit report {folder}" in told) == (4, True)
    assert shell.run("report", folder)[0] == 0
    assert (folder / "report.html").read_bytes() == whole
    assert shell.run("check", folder, "--policy", "no-regression")[0] in {0, 1, 3}


def test_tables_and_a_model_card_from_the_shell(shell: Shell, finished: Path, tmp_path: Path) -> None:
    """Alone they leave the reports in the folder as they are; several audits make one page and no more."""
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    code, printed, _ = shell.run("report", finished, "--csv", tmp_path / "csv", "--model-card", tmp_path / "card.md")
    assert code == 0
    assert printed.count(".csv") == len(list((tmp_path / "csv").iterdir())) == len(IN_EVERY_AUDIT) + 1
    assert (tmp_path / "card.md").read_text(encoding="utf-8").startswith("---\n")
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    assert shell.run("report", finished, finished)[0] == 2
    assert shell.run("report", finished, finished, "--out", tmp_path / "x.html", "--csv", tmp_path / "y")[0] == 2
    assert not (tmp_path / "x.html").exists()


def test_probes_from_the_shell(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIASAUDIT_DATA", raising=False)
    assert "occupations" in shell.run("probes", "list")[1]
    assert "Known defects" in shell.run("probes", "show", "crows-pairs")[1]
    assert shell.run("probes", "check", "occupations")[0] == 0
    code, power, _ = shell.run("probes", "power", "occupations", "--margin", "0.1")
    assert code == 0
    assert "margin 0.1" in power
    assert "gender" in power
    assert shell.run("probes", "power", "occupations", "--margin", "-1")[0] == 2
    wrong = save_probe(tmp_path / "mini", [item(0, first="x", second="x")])
    assert shell.run("probes", "check", wrong)[0] == 2


@pytest.mark.slow
def test_a_model_and_the_machine_in_words(shell: Shell, models: Path) -> None:
    assert "LlamaForCausalLM" in shell.run("model", models / "base")[1]
    assert "torch" in shell.run("doctor")[1]


def test_bad_input_gets_one_message_with_the_fix(shell: Shell, models: Path, tmp_path: Path) -> None:
    """No traceback, and exit code 2: the call is wrong."""
    probe = save_probe(tmp_path / "mini")
    base = models / "base"
    pickled = shutil.copytree(base, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    torn = save_probe(tmp_path / "torn")
    (torn / "items.jsonl").write_text('{"id": "a", "clus', encoding="utf-8")
    options = ("-p", probe, "-o", tmp_path / "out")
    for arguments, expected in (
        (("audit", "./none", base, *options), "no such file or folder"),
        (("audit", base, *options), "Missing argument"),
        (("audit", tmp_path, base, *options), "config.json"),
        (("audit", pickled, base, *options), "pickled weights only"),
        (("audit", models / "bare", models / "bare", *options), "--chat-template"),
        (("audit", models / "other", f"{models / 'other'}+{models / 'adapter'}", *options), "made for another base"),
        (("audit", base, models / "other", *options), "--allow-different-lineage"),
        (("audit", base, base, "-p", torn, "-o", tmp_path / "out"), "items.jsonl:1"),
        (("audit", base, base, "-p", "nothing", "-o", tmp_path / "out"), "occupations"),
        (("audit", base, base, *options, "--dtype", "float7"), "float32"),
        (("audit", base, base, *options, "--framing", "sideways"), "plain"),
        (("check", tmp_path, "--policy", tmp_path / "none.yaml"), "no such file"),
        (("frobnicate",), "frobnicate"),
    ):
        code, _, told = shell.run(*arguments)
        assert code == 2, (arguments, told)
        assert expected in told, (arguments, told)
        assert "Traceback" not in told


def test_an_interrupt_says_that_nothing_is_lost(
    shell: Shell, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import biasaudit.models.backends.local_model

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(biasaudit.models.backends.local_model, "score", interrupted)
    base = models / "base"
    code, _, told = shell.run("audit", base, base, "-p", save_probe(tmp_path / "mini"), "-o", tmp_path / "out")
    assert code == 130
    assert "goes on from the cache" in told


def test_a_fault_of_our_own_is_not_a_violated_policy(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python ends with 1 after an unforeseen exception, and 1 means that a policy is violated."""
    import biasaudit.record.checked

    def fault(_: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(biasaudit.record.checked, "read_checked", fault)
    rules = policy(tmp_path, "version: 1\nrules:\n  - {id: r, max_index: 1.0}\n")
    code, _, told = shell.run("check", tmp_path, "--policy", rules)
    assert code == 4
    assert "ZeroDivisionError" in told


@pytest.mark.parametrize("name", ["bold", "honest", "decodingtrust"])
def test_a_probe_to_write_on_is_shown_and_has_no_power(shell: Shell, published_data: Path, name: str) -> None:
    code, printed, _ = shell.run("probes", "show", name, "--data-dir", published_data)
    assert code == 0
    assert ", completion, en" in printed
    assert "items from" in printed
    code, _, told = shell.run("probes", "power", name, "--data-dir", published_data)
    assert code == 2
    assert "needs generation" in told
