"""What an audit says in a language of its own words: requests, leads, and the frames of questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Faults: TypeAlias = Callable[[str, Sequence[str]], Iterator[tuple[str, str]]]
"""From a text and further words for several people to what breaks a rule in it, and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    r"""The words that stand around the texts of a probe, in its language.

    Attributes
    ----------
    code : str
        Of ISO 639-1, as on a probe's card.
    name : str
        In English.
    requests : tuple of str
        Neutral requests of the chat framing, which name no group, no topic and no opinion; the same in number and order
        in every language.
    question_leads : tuple of str
        What stands before a question in the wordings of the chat framing; further wordings begin again.
    question : str
        A question in plain text, up to where its answer begins; ``{context}`` and ``{question}`` are filled in.
    lettered : str
        The same with a list of lettered answers in the question.
    letter_alone : str
        What asks for a letter, after a question in a chat.
    nouns : tuple of str
        Things that hardly any sentence about people is about: the one that takes another word's place makes nonsense.
    grammar : frozenset of str
        Words of four letters or more that carry grammar rather than content, whose place none of `nouns` takes.
    faults : callable or None
        Rules of the language that a filled slot breaks; None where the check of a probe has none, which it says.
    """

    code: str
    name: str
    requests: tuple[str, ...]
    question_leads: tuple[str, ...]
    question: str
    lettered: str
    letter_alone: str
    nouns: tuple[str, ...]
    grammar: frozenset[str]
    faults: Faults | None = None
