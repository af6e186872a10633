"""`biasaudit probes check` and `biasaudit probes new`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from biasaudit.cli.main import app
from biasaudit.errors import UsageError
from tests.validity.own import changed, probe, rows


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["probes", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_a_probe_that_is_right(tmp_path: Path) -> None:
    probe(tmp_path)
    assert run("check", tmp_path / "mini") == (0, "mini: 14 items, nothing found.\n")


def test_findings_are_grouped_counted_and_shown_up_to_five(tmp_path: Path) -> None:
    content = [{**row, "first": str(row["first"]).replace("woman", f"old  {row['id']}")} for row in rows()]
    probe(tmp_path, content)
    code, printed = run("check", tmp_path / "mini")
    assert code == 2
    assert "  grammar (12): texts that break a rule of English\n" in printed
    assert printed.count("expected one space") == 5
    assert "    and 7 more of this code\n" in printed


def test_what_is_accepted_is_shown_with_its_reason_and_fails_nothing(tmp_path: Path) -> None:
    content = [row for row in rows() if row["family"] == "today"]
    probe(tmp_path, content, accepts={"one-wording": "So it was asked."})
    code, printed = run("check", tmp_path / "mini")
    assert code == 0
    assert "mini: 7 items, nothing to mend, 1 accepted.\n" in printed
    assert "  one-wording (1): features that rest on one wording; accepted: So it was asked.\n" in printed


def test_several_probes_are_checked_at_once(tmp_path: Path) -> None:
    probe(tmp_path / "good")
    probe(tmp_path / "bad", changed(0, second="Today the man sang a a song."))
    code, printed = run("check", tmp_path / "bad" / "mini", tmp_path / "good" / "mini")
    assert code == 2
    assert "to mend." in printed
    assert "nothing found." in printed


def test_without_a_name_all_own_probes_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    probe(tmp_path)
    monkeypatch.setattr("biasaudit.validity.own_probes", lambda: (str(tmp_path / "mini"),))
    assert run("check") == (0, "mini: 14 items, nothing found.\n")


def test_another_language_is_said(tmp_path: Path) -> None:
    probe(tmp_path, language="fr")
    code, printed = run("check", tmp_path / "mini")
    assert code == 0
    assert "mini: the grammar was not checked" in printed


def test_lengths_by_the_tokenizer_of_a_model(models: Path, tmp_path: Path) -> None:
    """Its tokens are bytes: a lumberjack is 7 longer than a man, by the approximation only one."""
    probe(tmp_path, changed(0, first="Today the lumberjack sang.", second="Today the man sang."))
    assert run("check", tmp_path / "mini")[0] == 0
    code, printed = run("check", tmp_path / "mini", "--tokenizer", models / "base")
    assert code == 2
    assert '"Today the lumberjack sang." has 26 tokens and "Today the man sang." 19' in printed


def test_a_new_probe_is_written_and_the_next_steps_are_told(tmp_path: Path) -> None:
    code, printed = run("new", "mine", "--kind", "pair", "--folder", tmp_path)
    assert code == 0
    for part in (f"biasaudit probes check {tmp_path / 'mine'}", "biasaudit probes power", "scripted_audit"):
        assert part in printed
    assert run("check", tmp_path / "mine")[0] == 0
    with pytest.raises(UsageError, match="is there already"):
        run("new", "mine", "--kind", "pair", "--folder", tmp_path)
    with pytest.raises(UsageError, match="Kinds: pair, association, choice, decision"):
        run("new", "other", "--kind", "poem", "--folder", tmp_path)
