"""A template is the same one whatever is filled in, and a card that keeps only its hash can say so."""

from __future__ import annotations

import hashlib

import pytest

from biasaudit.probes.skeletons import masked_sha256, skeleton_of, skeleton_sha256, words_of

EXCHANGED = frozenset({"woman", "man", "welder", "midwife", "engineer", "an", "a"})


def filled(text: str, exchanged: frozenset[str] = EXCHANGED) -> str:
    return skeleton_sha256(skeleton_of(words_of(text), exchanged))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{group} works here as {word}.", "The woman works here as a midwife"),
        ("The {group} works here as a {word}.", "The man works here as an engineer."),
        ("Ask {word} what {group} said.", "Ask the welder what the woman said!"),
        ("It was {group}'s turn to be {word}.", "It was the man's turn to be a welder."),
    ],
)
def test_a_template_has_the_hash_of_its_filled_texts(template: str, text: str) -> None:
    """An article may stand in the slot or before it, and a probe may exchange articles or not."""
    exchanged = EXCHANGED | {"man's", "woman's"}
    assert masked_sha256(template) == filled(text, exchanged) == filled(text, exchanged - {"a", "an"})


def test_the_hash_is_of_the_masked_words_and_other_words_have_another() -> None:
    assert masked_sha256("{group} works here as {word}.") == hashlib.sha256(b"_ works here as _").hexdigest()
    assert masked_sha256("{group} works there as {word}.") != masked_sha256("{group} works here as {word}.")
    assert masked_sha256("The end of {word} is near.") == hashlib.sha256(b"the end of _ is near").hexdigest()
