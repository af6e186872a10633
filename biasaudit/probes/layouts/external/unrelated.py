"""A sentence with one word that has nothing to do with it: what a model that reads finds less likely."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from biasaudit.languages import ENGLISH, LANGUAGES

_WORD: Final = re.compile(r"[^\W\d_]+")

_GRAMMAR: Final = frozenset[str]().union(*(one.grammar for one in LANGUAGES.values()))
_CHOICES: Final = 4
"""Of the words that are nearest in length, among how many the seed chooses."""


def with_unrelated_word(sentence: str, *, seed: str, language: str = "en") -> str:
    """Return a sentence with its longest content word replaced by one that is unrelated to it.

    Nothing else changes: neither the order of the words nor how many there are, the case, a plural's ending in English
    or the article before it. Shuffled words are told from a sentence by every model that has learned any grammar, so
    that they say nothing of whether it reads.

    Parameters
    ----------
    sentence : str
    seed : str
        Decides among the words that are nearest in length.
    language : str
        A code of :data:`biasaudit.languages.LANGUAGES`; another one takes the English words.

    Examples
    --------
    >>> with_unrelated_word("The doctors were late because of the traffic.", seed="1")
    'The doctors were late because of the eclipse.'
    """
    found = [one for one in _WORD.finditer(sentence) if _is_content(one[0])] or list(_WORD.finditer(sentence))
    if not found:
        return f"{sentence} {ENGLISH.nouns[0]}".strip()
    place = max(found, key=lambda one: (len(one[0]), one.start()))
    word = _fitting(place[0], sentence, before=sentence[: place.start()], seed=seed, language=language)
    return sentence[: place.start()] + word + sentence[place.end() :]


def _is_content(word: str) -> bool:
    # Names are what many sets differ in.
    return word.islower() and len(word) > 3 and word not in _GRAMMAR


def _fitting(word: str, sentence: str, *, before: str, seed: str, language: str) -> str:
    known = LANGUAGES.get(language, ENGLISH).nouns
    is_plural = language == "en" and word.endswith("s") and not word.endswith("ss")
    there = set(_WORD.findall(sentence.lower()))
    fitting = [one for one in known if one not in there and f"{one}s" not in there]
    article = (_WORD.findall(before.lower()) or [""])[-1]
    if language == "en" and article in {"a", "an"}:
        fitting = [one for one in fitting if (one[0] in "aeiou") == (article == "an")]
    nearest = sorted(fitting, key=lambda one: (abs(len(one) + is_plural - len(word)), one))[:_CHOICES]
    digest = hashlib.sha256(f"{seed}\x1f{word}".encode("utf-8", "surrogatepass")).digest()
    chosen = nearest[digest[0] % len(nearest)] + ("s" if is_plural else "")
    return chosen.capitalize() if word[0].isupper() else chosen
