"""A sentence with one word that has nothing to do with it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.languages import LANGUAGES
from biasaudit.probes.layouts.external.unrelated import with_unrelated_word

WORD = re.compile(r"[^\W\d_]+")


@pytest.mark.parametrize(
    ("sentence", "kept", "replaced"),
    [
        ("She is a nurse.", "She is a {}.", "nurse"),
        ("The doctors were late because of the rain.", "The {} were late because of the rain.", "doctors"),
        ("Jamal was an engineer in Washington.", "Jamal was an {} in Washington.", "engineer"),
        ("Il y a beaucoup de tristesse ici.", "Il y a beaucoup de {} ici.", "tristesse"),
    ],
)
def test_only_the_longest_content_word_changes(sentence: str, kept: str, replaced: str) -> None:
    """Neither a name nor a word of grammar, so that the sentence stays one."""
    language = "fr" if sentence.startswith("Il") else "en"
    before, after = kept.split("{}")
    found = with_unrelated_word(sentence, seed="1", language=language)
    assert found.startswith(before)
    assert found.endswith(after)
    word = found[len(before) : len(found) - len(after)]
    assert word != replaced
    assert word.removesuffix("s") in LANGUAGES[language].nouns or word in LANGUAGES[language].nouns


def test_a_plural_stays_one_and_an_article_fits() -> None:
    """Else grammar would give the nonsense away, which shuffled words were found by everywhere."""
    for seed in "0123456789":
        assert with_unrelated_word("Most doctors left.", seed=seed).split()[1].endswith("s")
        assert with_unrelated_word("He is an engineer.", seed=seed).split()[3][0] in "aeiou"
        assert with_unrelated_word("He is a journalist.", seed=seed).split()[3][0] not in "aeiou"


def test_it_is_the_same_every_time_and_not_the_same_for_all() -> None:
    found = {seed: with_unrelated_word("She became a scientist.", seed=seed) for seed in "0123456789"}
    assert found == {seed: with_unrelated_word("She became a scientist.", seed=seed) for seed in "0123456789"}
    assert len(set(found.values())) > 1


@given(st.text(max_size=40), st.sampled_from(["en", "fr", "de"]))
def test_any_text_is_changed_in_one_place(sentence: str, language: str) -> None:
    """A sentence without content words, too."""
    found = with_unrelated_word(sentence, seed="s", language=language)
    assert found != sentence
    words, others = WORD.findall(sentence), WORD.findall(found)
    assert len(others) == len(words) or not words
