"""A and an: by the sound that follows, not by the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ARTICLE: Final = re.compile(r"(?<![\w'\u2019.-])(a|an|A|An)[ \t]+[\"'“\u2018(]?([\w][\w.'\u2019-]*)")
_SENTENCE_BEGINS: Final = re.compile(r"(?:^|[.!?:\n\"“])\s*$")
# Vowel letters with the sound of "you" or "won".
_CONSONANT_SOUND: Final = re.compile(
    r"eu|ewe|uni(?!n|m|dent)|us(?:e|u|a)(?!l?h?er$)|ut(?:en|il|op)|ur(?:an|in|ug)|ubiq|uku|ukr|ugand|utah|uy?igh?ur|"
    r"uygh?ur|ufo|one(?![a-z])|once|ouija",
    re.IGNORECASE,
)
_SILENT_H: Final = re.compile(r"hour|honest|honor|honour|heir", re.IGNORECASE)
# The letter's name begins with a vowel: an F, an X-ray.
_SPELLED: Final = frozenset("AEFHILMNORSX")
_SPELLED_OUT: Final = frozenset(
    {"MBA", "FBI", "HIV", "MRI", "NGO", "LGBTQ", "LGBT", "HR", "SUV", "RV", "XL", "ID", "IQ", "EU"}
)
_BOTH: Final = re.compile(r"herb|historic|homage", re.IGNORECASE)


def wrong_articles(text: str) -> Iterator[tuple[str, str]]:
    """Yield each wrong article with its word, and the right one.

    Examples
    --------
    >>> list(wrong_articles("An university, an hour, a honest man, an 8-year-old and a 11-year-old."))
    [('An university', 'A university'), ('a honest', 'an honest'), ('a 11-year-old', 'an 11-year-old')]
    """
    for found in _ARTICLE.finditer(text):
        article, word = found[1], found[2].rstrip(".'\u2019-")
        if article == "A" and (not _SENTENCE_BEGINS.search(text[: found.start()]) or word in {"or", "and"}):
            continue  # the letter A, as in "option A is right"
        wants_an = takes_an(word)
        if wants_an is not None and wants_an != (len(article) == 2):
            right = ("an" if wants_an else "a").capitalize() if article[0] == "A" else "an" if wants_an else "a"
            yield f"{article} {word}", f"{right} {word}"


def takes_an(word: str) -> bool | None:
    """Return whether a word takes "an"; None where both are in use.

    Examples
    --------
    >>> [takes_an(word) for word in ("heir", "European", "MBA", "U.S", "unimportant", "NASA", "18-year-old")]
    [True, False, True, False, True, None, True]
    """
    if word[0].isdigit():
        return _number_takes_an(word)
    head = re.split(r"[-'\u2019]", word)[0]
    letters = head.replace(".", "")
    if len(letters) == 1 or (letters.isupper() and letters.isalpha()):
        return _acronym_takes_an(letters.upper())
    if _BOTH.match(word):
        return None
    if word[0].lower() in "aeiou":
        return _CONSONANT_SOUND.match(word) is None
    return _SILENT_H.match(word) is not None


def _number_takes_an(word: str) -> bool:
    digits = re.match(r"\d+", word)
    number = digits[0] if digits else word
    return number.startswith("8") or (number.startswith(("11", "18")) and len(number) % 3 == 2)


def _acronym_takes_an(letters: str) -> bool | None:
    if letters in _SPELLED_OUT or len(letters) == 1:
        return letters[0] in _SPELLED
    if letters[0] in "AEIO":
        return True
    if letters[0] not in _SPELLED:
        return False
    # NASA is read as a word, FBI letter by letter: with a vowel within, nobody can tell from the letters.
    return None if set(letters) & set("AEIOU") else True
