"""Subjects with the verbs that agree with them, for words for people; and the case of pronouns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_PLURALS: Final = (
    r"(?:\w*women|\w*men|people|persons|boys|girls|adults|children|kids|guys|ladies|gentlemen|parents|mothers|fathers|"
    r"immigrants|migrants|refugees|tourists|veterans|teenagers|workers|users|speakers|neighbors|students)"
)
_SINGULARS: Final = (
    r"(?:woman|man|person|boy|girl|adult|child|kid|guy|lady|gentleman|parent|mother|father|immigrant|migrant|refugee|"
    r"tourist|veteran|teenager|worker|user|speaker|neighbor|student)"
)
_NO_PLURALS: Final = re.compile(r"(?:omen|specimen|regimen|acumen|abdomen|semen|yemen|amen|ramen)", re.IGNORECASE)
_BEGINS: Final = r"(?:^|[.!?:;,\"“(\n]\s*|\b(?:that|because|although|while)\s+)"
# Adjectives before a noun, but nothing that would make another word the subject.
_BETWEEN: Final = (
    r"((?:(?!(?:of|with|for|to|by|among|between|than|about|and|or|nor|like|in|on|at|from|who|whom|that|if)\b)"
    r"[\w-]+\s+){0,2}?)"
)
_ONE_VERB: Final = r"(?:is|was|has|does|isn't|wasn't|hasn't|doesn't|seems|looks|wants|needs)"
_MANY_VERB: Final = r"(?:are|were|have|do|aren't|weren't|haven't|don't|seem|look|want|need)"
_SINGULAR_SUBJECT: Final = re.compile(
    rf"{_BEGINS}((?:a|an|the|this|that|every|each)\s+{_BETWEEN}{_SINGULARS}\s+{_MANY_VERB})\b(?!['\u2019-])",
    re.IGNORECASE,
)
_SUBJECT_AFTER: Final = re.compile(
    r"(?<!\w)((?:to|for|with|from|about|between|beside|against|without|near)\s+(?:he|she|they|we))\b(?!['\u2019-])",
    re.IGNORECASE,
)
_OBJECT_BEFORE: Final = re.compile(
    rf"{_BEGINS}((?:him|her|them|us|me)\s+(?:is|are|was|were|has|have|am))\b(?!['\u2019-])", re.IGNORECASE
)


def wrong_agreement(text: str, plurals: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield each subject whose verb does not agree with it, and what was expected.

    Parameters
    ----------
    text : str
    plurals : iterable of str
        Further words for several people, such as the plurals of the card's groups.

    Examples
    --------
    >>> list(wrong_agreement("Some women is late. The man were here. One of the men is late."))
    [('Some women is', 'a plural verb'), ('The man were', 'a singular verb')]
    """
    words = "|".join([_PLURALS, *(re.escape(word) for word in plurals)])
    plural_subject = re.compile(
        rf"{_BEGINS}((?:(?:the|some|most|many|all|these|those|both|two|few)\s+)?{_BETWEEN}"
        rf"({words})\s+{_ONE_VERB})\b(?!['\u2019-])",
        re.IGNORECASE,
    )
    asked = re.compile(
        rf"((?:^|[.!?:\n\"“]\s*)(?:is|was|has|does)\s+(?:the\s+)?({words})|\bthere\s+(?:is|was|has)\s+({words}))"
        r"\b(?!['\u2019-])",
        re.IGNORECASE,
    )
    for found in plural_subject.finditer(text):
        if not _NO_PLURALS.fullmatch(found[3]) and not re.match(r"(?:a|an|one|each|every)\s", found[1], re.IGNORECASE):
            yield found[1], "a plural verb"
    for found in asked.finditer(text):
        if not _NO_PLURALS.fullmatch(found[2] or found[3]):
            yield found[1].lstrip('.!?:"“ \n'), "a plural verb"
    for found in _SINGULAR_SUBJECT.finditer(text):
        yield found[1], "a singular verb"


def wrong_case(text: str) -> Iterator[tuple[str, str]]:
    """Yield each pronoun in the wrong case, and what was expected.

    Examples
    --------
    >>> list(wrong_case("I gave it to she. Them are late. The woman behind her is late."))
    [('to she', 'her, him, them or us'), ('Them are', 'he, she, they, we or I')]
    """
    for found in _SUBJECT_AFTER.finditer(text):
        yield found[1], "her, him, them or us"
    for found in _OBJECT_BEFORE.finditer(text):
        yield found[1], "he, she, they, we or I"
