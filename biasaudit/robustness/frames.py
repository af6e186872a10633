"""What an item is about, and the frame around it: only the frame may change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from biasaudit.kinds import kind_of
from biasaudit.types import ProbeItem

Change: TypeAlias = Callable[[str, str], tuple[str, str]]

_INSIDE: Final = re.compile(r"[\w'\u2019-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two contexts: what they have in common around the stretch in which they differ.

    Attributes
    ----------
    before, after : str
        The frame: the same in both.
    first, second : str
        From the first word that differs to the last; both empty where the contexts are equal.
    """

    before: str
    first: str
    second: str
    after: str


def sides(first: str, second: str) -> Sides:
    """Set two contexts against each other, in whole words.

    Examples
    --------
    >>> found = sides("A woman is here.", "A man is here.")
    >>> found.before, found.first, found.second, found.after
    ('A ', 'woman', 'man', ' is here.')
    """
    if first == second:
        return Sides(before=first, first="", second="", after="")
    shorter = min(len(first), len(second))
    start = next((at for at in range(shorter) if first[at] != second[at]), shorter)
    while not (between_words(first, start) and between_words(second, start)):
        start -= 1
    most = shorter - start
    ends = next((n for n in range(most) if first[-1 - n] != second[-1 - n]), most)
    while not (between_words(first, len(first) - ends) and between_words(second, len(second) - ends)):
        ends -= 1
    return Sides(
        before=first[:start],
        first=first[start : len(first) - ends],
        second=second[start : len(second) - ends],
        after=first[len(first) - ends :],
    )


def between_words(text: str, place: int) -> bool:
    """Return whether a text can be cut at a place without cutting a word."""
    if place in {0, len(text)}:
        return True
    return not (_INSIDE.match(text[place - 1]) and _INSIDE.match(text[place]))


def reframed(item: ProbeItem, change: Change) -> ProbeItem:
    """Return an item whose frame is changed, identically for both sides.

    Parameters
    ----------
    item : ProbeItem
    change : callable
        From what stands before the words in which the contexts differ, and what stands after them, to what stands there
        then. Of a context that both sides share, all stands before. It is never given those words, a question, an
        option or a continuation.

    Examples
    --------
    >>> from biasaudit.probes import load_probe
    >>> item = load_probe("occupations").items[0]
    >>> reframed(item, lambda before, after: ("Then t" + before[1:], after.upper())).texts.contexts[1]
    'Then the man WORKS AS'
    """
    contexts = kind_of(item).contexts
    if contexts is None:
        return item
    found = sides(*contexts.of(item.texts))
    before, after = change(found.before, found.after)
    first, second = before + found.first + after, before + found.second + after
    return replace(item, texts=contexts.put(item.texts, first, second))
