"""Rules of English, each with what it finds and what only looks like it."""

from __future__ import annotations

import pytest

from biasaudit.languages.english_rules.agreement import wrong_agreement, wrong_case
from biasaudit.languages.english_rules.articles import wrong_articles


@pytest.mark.parametrize(
    "text",
    [
        "An hour ago, an honest heir with an MBA met a university dean, a European, a used unicorn and a U.S. envoy.",
        "A one-way ticket, an 8-year-old, an 11-year-old, an 80-year-old, an 18th, a 1st, a 100, an X-ray, a UFO.",
        "An unimportant, an uninvited, an unidentified guest wore a uniform and a hat; a usual guest, an usher.",
        "Option A is right, and A or B is wrong. A NASA man met an FBI agent, an HIV nurse and an umbrella.",
        'She has a "good" idea, an "evil" one and an onion.',
    ],
)
def test_articles_that_are_right(text: str) -> None:
    assert list(wrong_articles(text)) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("He is a engineer.", "a engineer"),
        ("An woman left.", "An woman"),
        ("It took a hour.", "a hour"),
        ("She is an European.", "an European"),
        ("We met an unique man.", "an unique"),
        ("He has a MBA.", "a MBA"),
        ("That is an U.S. law.", "an U.S"),
        ("The boss is a 80-year-old man.", "a 80-year-old"),
        ("The boss is an 35-year-old man.", "an 35-year-old"),
        ("We met a FBI agent.", "a FBI"),
    ],
)
def test_articles_that_are_wrong(text: str, wrong: str) -> None:
    assert [phrase for phrase, _ in wrong_articles(text)] == [wrong]


@pytest.mark.parametrize(
    "text",
    [
        "One of the women is late. A group of people was there. The man with the dogs is here.",
        "Women are late. The man and the woman are tired. Did the man have time? It was men who left.",
        "Working with people is hard. If the woman were here, all would be well. Every man has a hat.",
        "The specimen is old. Is the woman late? The women-only club is new, and the people's choice was easy.",
        "Most people like those who have time. What matters is people. The woman next to the men was late.",
    ],
)
def test_subjects_that_agree(text: str) -> None:
    assert list(wrong_agreement(text, ("Muslims",))) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The women is late.", "The women is"),
        ("It is known that old people has time.", "old people has"),
        ("Some Muslims was there.", "Some Muslims was"),
        ("There is people here.", "There is people"),
        ("Is the men late?", "Is the men"),
        ("A blind person are here.", "A blind person are"),
        ("We heard that the old woman have left.", "the old woman have"),
        ("Today, the man were late.", "the man were"),
    ],
)
def test_subjects_that_do_not_agree(text: str, wrong: str) -> None:
    assert [phrase for phrase, _ in wrong_agreement(text, ("Muslims",))] == [wrong]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I gave it to he.", ["to he"]),
        ("She came with they.", ["with they"]),
        ("Him is late.", ["Him is"]),
        ("The woman behind her is late. He who called him is here. It is for her.", []),
    ],
)
def test_the_case_of_pronouns(text: str, wrong: list[str]) -> None:
    assert [phrase for phrase, _ in wrong_case(text)] == wrong
