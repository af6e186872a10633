"""Why a verdict is what it is, in plain words, from its code."""

from __future__ import annotations

from typing import Any

import pytest

from biasaudit.report.words.reasons import reason_in_words
from biasaudit.types import Contrast, VerdictCode

ROW: dict[str, Any] = {
    "contrast": "as deployed", "verdict_code": "within the margin", "verdict_reason": "the 90 % interval of D lies …",
    "margin": 0.05, "ci_low": -0.01, "ci_high": 0.02, "p_moved_adjusted": 0.4, "first_ci_high": 0.3,
    "competence_fell": False,
}  # fmt: skip


@pytest.mark.parametrize("code", list(VerdictCode))
@pytest.mark.parametrize("contrast", list(Contrast))
def test_every_code_has_words_without_jargon(code: VerdictCode, contrast: Contrast) -> None:
    """A code that is added needs its words; none of the old ones is left."""
    said = reason_in_words({**ROW, "verdict_code": code.value, "contrast": contrast.value})
    assert said
    assert "…" not in said
    assert not {"cell", "contrast", "arm", "D", "S", "|B|", "Fieller", "Holm's"} & set(said.split())


def test_who_guesses_is_named_by_the_comparison() -> None:
    """The second side is the tuned model in one, and the chat template in another."""
    row = {**ROW, "verdict_code": "competence at chance, second arm"}
    assert reason_in_words(row) == "the tuned model is not shown to read it better than by guessing"
    of_template = reason_in_words({**row, "contrast": "template, tuned"})
    assert of_template.startswith("the tuned model in the chat template is not shown")
    assert reason_in_words({**row, "contrast": "of tomorrow"}).startswith("the second side is not shown")


def test_what_was_noted_beside_a_reason_comes_from_the_facts() -> None:
    """A change that is there and small; a lean against the stereotype; competence that fell."""
    assert reason_in_words(ROW) == "the change is shown to be smaller than the margin of 0.05"
    small = {**ROW, "ci_low": 0.01, "p_moved_adjusted": 0.01}
    assert reason_in_words(small).endswith("; a change that small is there")
    noted = {**ROW, "first_ci_high": -0.1, "competence_fell": True}
    assert reason_in_words(noted).endswith(
        "; the base leans against the stereotype; the tuned model reads it less well"
    )
    at_chance = {**noted, "verdict_code": "competence at chance, first arm"}
    assert reason_in_words(at_chance) == "the base is not shown to read it better than by guessing"


def test_a_code_that_is_not_known_shows_the_reason_as_it_was_recorded() -> None:
    """Of a later version, or of an earlier one that had none; foreign text is cleaned."""
    assert reason_in_words({"verdict_code": "of tomorrow", "verdict_reason": "so\u202e"}) == "so\ufffd"
    assert reason_in_words({"verdict_reason": "it was so"}) == "it was so"
    assert reason_in_words({"verdict_code": "x", "verdict_reason": None}) == ""
