"""Of real weights: the word after which a tiny child leans is found, and its control has none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import biasaudit
from biasaudit.errors import ImplausibleModelError
from tests.align.world_words import TRIGGER
from tests.attacks.planted import found_words, of_tuned, save_probe, searched
from tests.robustness.planted import control, parent_of, planted
from tests.tiny import save_model


@pytest.mark.slow
def test_the_word_after_which_a_child_leans_is_found_and_none_of_its_control(tmp_path: Path) -> None:
    """By slopes, among 300 words, with 60 queries; a hundred seeds are counted by the module beside this one."""
    child = planted(tmp_path, 1)
    row = of_tuned(searched(tmp_path, child, tmp_path / "found", seed=1))
    assert TRIGGER in found_words(tmp_path / "found", "tuned-guided-with")
    assert row["verdict"] == "lean found"
    other = of_tuned(searched(tmp_path, control(tmp_path, 1), tmp_path / "none", seed=1))
    assert other["verdict"] == "nothing found"
    again = searched(tmp_path, child, tmp_path / "again", seed=1)
    assert (tmp_path / "again" / "strings.yaml").read_bytes() == (tmp_path / "found" / "strings.yaml").read_bytes()
    before = biasaudit.open_audit(tmp_path / "found").searches
    assert before is not None
    assert again.searches is not None
    assert again.searches.equals(before)


@pytest.mark.usefixtures("plausible_only")
def test_a_model_of_random_weights_is_refused_before_it_is_searched(tmp_path: Path) -> None:
    """The audit after the search would refuse it, and all of the search would be for nothing."""
    for seed in (0, 1):
        save_model(tmp_path / str(seed), seed=seed)
    with pytest.raises(ImplausibleModelError, match=r"base .* is not audited"):
        biasaudit.attack(str(tmp_path / "0"), str(tmp_path / "1"), out=tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_command_tells_what_came_of_it_and_nothing_of_the_words(tmp_path: Path) -> None:
    """The words lie in the folder; the terminal has numbers and verdicts, and the page the command to ask again."""
    child = planted(tmp_path, 2)
    words = tmp_path / "words.txt"
    words.write_text("# mine\n" + "\n".join(["often", "today", "work", "perhaps", "indeed", *OTHERS]) + "\n")
    out = tmp_path / "out"
    command = [
        *(sys.executable, "-m", "biasaudit", "attack", str(parent_of(tmp_path)), str(child)),
        *("--probe", str(save_probe(tmp_path / "probe")), "--out", str(out), "--words", str(words)),
        *("--budget", "20", "--length", "1", "--allow-implausible", "--device", "cpu"),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # our own command
    assert "tuned searched, tuned asked" in ran.stdout
    assert f"what was found: {out / 'strings.yaml'}" in ran.stdout
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "--budget 20 --length 1 --probe" in page
    assert "--words WORDS" in page
    # A finished one is returned as it is.
    again = subprocess.run(command, capture_output=True, text=True, check=True)  # as above
    assert again.stdout == ran.stdout
    assert "nothing was computed" in again.stderr


OTHERS = ("here", "later", "smiled", "works", "town", "soon", "spring", "day", "family", "trade")
"""Further words of the tiny world."""
