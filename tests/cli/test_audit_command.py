from __future__ import annotations

import sys
from pathlib import Path

import pytest

from biasaudit.cli.main import main
from tests.tiny import save_probe


class Command:
    """Runs the command in this process, as its entry point does; what libraries print is seen too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capfd = monkeypatch, capfd

    def run(self, *arguments: object) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["biasaudit", *map(str, arguments)])
        self._monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capfd.readouterr()
        return int(str(ended.value.code or 0)), captured.out, captured.err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


@pytest.fixture
def arguments(models: Path, tmp_path: Path) -> list[object]:
    """An audit of an adapter on random weights."""
    tuned = f"{models / 'base'}+{models / 'adapter'}"
    return ["audit", models / "base", tuned, "-p", save_probe(tmp_path / "mini"), "-o", tmp_path / "out"]


def test_a_dry_run_says_what_would_be_asked_and_writes_nothing(
    command: Command, arguments: list[object], tmp_path: Path
) -> None:
    """18 items, two texts each, plain and three wordings; the distinct ones are counted in the audit's own test."""
    code, printed, told = command.run(*arguments, "--dry-run")
    assert code == 0, told
    for said in ("requests     144, distinct 104, in the cache 0", "distinct beginnings", "of memory", "MB on disk"):
        assert said in printed
    assert "nothing was scored" in printed
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "cache" / "responses.sqlite").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("plausible_only")
def test_random_weights_end_with_2_and_with_the_option_with_0(
    command: Command, arguments: list[object], tmp_path: Path
) -> None:
    code, printed, told = command.run(*arguments, "--framing", "plain")
    assert code == 2
    assert "Traceback" not in told
    assert "2 things are wrong, and nothing was scored" in told
    assert told.count("--allow-implausible") == 1
    assert not (tmp_path / "out").exists()
    code, printed, told = command.run(*arguments, "--framing", "plain", "--allow-implausible")
    assert code == 0, told
    assert "report.html" in printed
    assert "base is IMPLAUSIBLE" in told


@pytest.mark.slow
def test_nothing_foreign_reaches_the_screen(command: Command, arguments: list[object]) -> None:
    """transformers draws a bar for each model, and peft sets off a warning of transformers."""
    code, _, told = command.run(*arguments, "--framing", "plain")
    assert code == 0, told
    for foreign in ("Loading weights", "it/s]", "Warning", "is_gradient_checkpointing"):
        assert foreign not in told


def test_a_folder_below_a_file_ends_with_4_before_any_work(
    command: Command, arguments: list[object], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    code, _, told = command.run(*arguments[:-1], tmp_path / "file" / "out")
    assert code == 4
    assert "is a file" in told
    assert "loading" not in told
    assert not (tmp_path / "cache" / "responses.sqlite").exists()


def test_a_probe_of_the_suite_beside_the_suite_ends_with_2(command: Command, models: Path) -> None:
    code, _, told = command.run("audit", models / "base", models / "tuned", "--suite", "quick", "-p", "occupations")
    assert code == 2
    assert "part of the suite 'quick' already" in told


@pytest.mark.slow
@pytest.mark.usefixtures("plausible_only")
def test_model_prints_what_would_be_loaded_and_checks_as_an_audit_does(command: Command, models: Path) -> None:
    """Of the tiny Llama: 260 words of 32, twice, 2 layers of 4 x 32 x 32, 3 x 32 x 64 and 2 x 32, and 32: 37,280."""
    reference = f"{models / 'base'}+{models / 'adapter'}"
    code, printed, told = command.run("model", reference)
    assert code == 0, told
    for said in (
        "LlamaForCausalLM",
        "0.0 M parameters",
        "as F32",
        "260 words; beginning '<bos>', end '<eos>'",
        "kind LORA; rank 2; changes q_proj, v_proj",
        "chat_template.jinja",
        "512 tokens",
        "suite quick",
        "estimated from how fast this machine multiplies matrices now",
    ):
        assert said in printed, said
    code, printed, told = command.run("model", reference, "--check")
    assert code == 2
    assert "implausible" in printed
    assert "--allow-implausible" in told
    code, _, told = command.run("model", models / "none")
    assert code == 2
    assert "no such file or folder" in told
