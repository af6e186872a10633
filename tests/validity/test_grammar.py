from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.validity import notices
from biasaudit.validity.grammar import grammar
from tests.validity.own import changed, found, probe, rows, yaml_probe


def test_a_fault_is_named_once_with_its_count_and_an_example(tmp_path: Path) -> None:
    content = rows()
    for number in (0, 2):
        content[number] = {**content[number], "first": "A old man left.", "second": "A old woman left."}
        content[number]["cluster"] = f"old-{number}"
        content[number]["context"] = f"Day {number}. "
    [finding] = found(tmp_path, content)
    assert (finding.code, finding.feature) == ("grammar", "gender")
    assert finding.message == (
        '"A old" in 2 items; expected "An old". Mend the text, or the words that fill its slot. '
        'Example sang/today: "Day 0. A old woman left.".'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The {} was was late.", '"was was" in 1 item; expected "was" once'),
        ("The {} {late} left.", '"{late}" in 1 item; expected words in place of the slot'),
        ("The {}  left.", "expected one space"),
        ("The {} left .", '"left ." in 1 item; expected no space before the punctuation'),
        ("The {} left. then it rained.", '"left. then" in 1 item; expected a capital at the beginning of the sentence'),
        ("the {} left.", '"the" in 1 item; expected a capital at the beginning of the text'),
    ],
)
def test_faults_of_any_text(tmp_path: Path, text: str, expected: str) -> None:
    content = changed(0, first=text.replace("{}", "woman"), second=text.replace("{}", "man"))
    messages = [finding.message for finding in grammar(probe(tmp_path, content))]
    assert any(expected in message for message in messages), messages


@pytest.mark.parametrize(
    "text",
    [
        "The U.S. senate and Dr. or Mr. {} had had time... and that that was all.",
        'The {} asked: "Who is it?" and "Why?" and left at 5 p.m. on Friday.',
    ],
)
def test_texts_that_only_look_wrong(tmp_path: Path, text: str) -> None:
    content = changed(0, first=text.format("woman"), second=text.format("man"))
    assert list(grammar(probe(tmp_path, content))) == []


def test_nonsense_is_meant_to_be_wrong_and_sense_is_not(tmp_path: Path) -> None:
    """In competence the second text is nonsense; the first must be good, but may begin in the middle."""
    assert found(tmp_path, changed(12, first="today it rained.", second="a apple apple")) == ()
    [finding] = found(tmp_path / "sense", changed(12, first="Today a ant left.", second="x"))
    assert '"a ant"' in finding.message


def test_a_context_that_runs_into_its_continuation(tmp_path: Path) -> None:
    content = changed(0, context="The guest is", first="a woman.", second="a man.")
    messages = [finding.message for finding in found(tmp_path, content)]
    assert any('"isa" in 1 item; expected a space where the context ends' in message for message in messages)


def test_other_languages_are_not_judged_and_that_is_said(tmp_path: Path) -> None:
    content = changed(0, first="la femme est la.", second="la homme est la.")
    loaded = probe(tmp_path, content, language="fr")
    assert list(grammar(loaded)) == []
    assert notices(loaded) == ("the grammar was not checked: there are rules for English, and the language is 'fr'.",)
    assert notices(probe(tmp_path / "english")) == ()


def test_a_dialect_has_a_grammar_of_its_own(tmp_path: Path) -> None:
    content: dict[str, object] = {
        "grammar": {"order": {"name": "order", "description": "turned", "source": "none"}},
        "decisions": [
            {"id": "hear", "text": "Hear this: {text}", "reply": " Yes?", "clear_yes": ["Yes."], "clear_no": ["No."]}
        ],
        "texts": [
            {"id": "one", "grammar": "order", "standard": "The women are here.", "dialect": "The women is  here."}
        ],
    }
    [finding] = grammar(yaml_probe(tmp_path, "guises", content, kind="decision"))
    assert "expected one space" in finding.message
