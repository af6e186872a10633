"""`biasaudit align … --audit` and `biasaudit transfer`, as typed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.align import world
from tests.cli.test_shell import Shell
from tests.tiny import TURNS, save_adapter, save_instructions, save_model, save_probe


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuning") / "base"
    save_model(folder, seed=1, chat_template=None)
    return folder


def test_a_probe_that_is_not_there_is_told_before_a_training(shell: Shell, base: Path, tmp_path: Path) -> None:
    rows, out = save_instructions(tmp_path / "rows.jsonl"), tmp_path / "out"
    code, _, told = shell.run("align", "sft", base, "--data", rows, "--out", out, "--audit", "no-such-probe")
    assert (code, out.exists()) == (2, False)
    assert "no-such-probe" in told


@pytest.mark.slow
def test_a_finished_adapter_is_audited_with_each_probe_that_is_named(shell: Shell, base: Path, tmp_path: Path) -> None:
    """Into its own folder; a second time nothing is trained and nothing is asked."""
    template, first = tmp_path / "turns.jinja", save_probe(tmp_path / "first")
    second = save_probe(tmp_path / "second", id="second")
    template.write_text(TURNS, encoding="utf-8")
    rows, out = save_instructions(tmp_path / "rows.jsonl"), tmp_path / "out"
    command: list[object] = ["align", "sft", base, "--data", rows, "--out", out, "--chat-template", template]
    command += ["--epochs", 1, "--lora-rank", 2, "--device", "cpu", "--audit", first, "--audit", second]
    code, printed, told = shell.run(*command)
    assert code == 0, told
    report = out / "audit" / "report.html"
    assert f"Report: {report}" in printed
    assert "Base" in report.read_text(encoding="utf-8")
    compared = pd.read_parquet(out / "audit" / "comparisons.parquet")
    assert set(compared["probe"]) == {"mini", "second"}
    assert "as deployed" in set(compared["contrast"])
    code, _, told = shell.run(*command)
    assert code == 0, told
    assert "nothing was trained" in told
    assert "nothing was computed" in told


@pytest.mark.slow
def test_a_transfer_table_from_the_shell(shell: Shell, tmp_path: Path) -> None:
    """The base has learned a tiny world; the adapter is noise, which is enough for every row to have its numbers."""
    folder, adapter, out = tmp_path / "base", tmp_path / "adapter", tmp_path / "out"
    world.save_base(folder, steps=40)
    save_adapter(folder, adapter)
    contrasts, probe = world.save_contrasts(tmp_path / "contrasts.yaml"), world.save_probe(tmp_path / "probe")
    command = ("transfer", folder, adapter, "--out", out, "--contrasts", contrasts, "--probe", probe)
    code, printed, told = shell.run(*command)
    assert code == 0, told
    assert f"Table: {out / 'transfer.csv'}" in printed
    table = pd.read_csv(out / "transfer.csv")
    chosen = "framing == 'plain' and feature == 'gender' and what == 'trained templates, trained words'"
    [row] = table.query(chosen).to_dict("records")
    assert row["difference"] == pytest.approx(row["base"] - row["tuned"], abs=1e-6)
    assert row["n_clusters"] == 8
    assert len(table.query("framing == 'plain' and what == 'Occupations of a tiny world' and feature == 'age'")) == 1
    assert set(table["framing"]) == {"plain", "chat"}
    assert table.query("what == 'neutral text of the contrasts'")["n_items"].tolist() == [12]
    assert "| trained templates, trained words | gender (unknown) |" in (out / "transfer.md").read_text(
        encoding="utf-8"
    )
    assert all((out / framing / "report.html").is_file() for framing in ("plain", "chat"))


def test_wrong_input_to_a_transfer_table_is_one_message(shell: Shell, base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for arguments, expected in (
        ((base, tmp_path, "--contrasts", tmp_path / "none.yaml"), "none.yaml"),
        ((base, tmp_path, "--probe", "nothing"), "nothing"),
        ((base, tmp_path, "--limit", 0), "at least 1"),
        ((base, tmp_path, "--dtype", "float7"), "float32"),
        ((f"{base}+{base}", tmp_path), "Name the base alone"),
        ((base, tmp_path / "no-adapter", "--probe", "occupations"), "no-adapter"),
    ):
        code, _, told = shell.run("transfer", *arguments, "--out", out)
        assert code == 2, (arguments, told)
        assert expected in told, (arguments, told)
        assert "Traceback" not in told
    assert not out.exists()
