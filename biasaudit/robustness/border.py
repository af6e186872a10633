"""What a perturbation may not do: checked for every item, whoever wrote it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from biasaudit.errors import PerturbationError
from biasaudit.kinds import kind_of_texts
from biasaudit.languages import find_language
from biasaudit.probes import Probe
from biasaudit.robustness.frames import Sides, between_words, sides
from biasaudit.types import ItemTexts, ProbeItem, Role

_WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")
_WORDS: Final = """
and any are around been can did does for from had has have how into its just like not now off one out over own say says
take that then there these this those too two was were what when where which who will with would you your yours
"""
_NEUTRAL: Final = frozenset(_WORDS.split())
"""Words that neutral text cannot do without. An item may be about one, as of dialect, so that none may go from a frame;
one more before it changes nothing that the item is about. Third persons are not among them."""
_SHORT: Final = 3
"""Shorter words are articles and pronouns, which neutral text has too."""


def check(perturbation: str, before: Probe, after: Probe, *, besides: str) -> None:
    """Refuse a perturbed probe in which more was changed than contexts, or not both sides alike.

    Parameters
    ----------
    perturbation : str
        Its name, for the message.
    before, after : Probe
    besides : str
        A tag that perturbed items may have.

    Raises
    ------
    PerturbationError
        With the perturbation, the item, what was found and what was expected.
    """
    if after.card != before.card:
        raise PerturbationError(perturbation, None, "the probe has another card", "the same card")
    ids, expected = [item.item_id for item in after.items], [item.item_id for item in before.items]
    if ids != expected:
        wrong = next((name for name, other in zip(ids, expected, strict=False) if name != other), None)
        raise PerturbationError(perturbation, wrong, f"there are {len(ids):,} items", f"the same {len(expected):,}")
    language = find_language(before.card.language)
    grammar = frozenset() if language is None else language.grammar
    for one, other in zip(before.items, after.items, strict=True):
        for found, wanted in _faults(one, other, besides=besides, grammar=grammar):
            raise PerturbationError(perturbation, one.item_id, found, wanted)


def _faults(before: ProbeItem, after: ProbeItem, *, besides: str, grammar: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Find what is wrong with an item: what was found, and what was expected."""
    tags = {name: value for name, value in after.tags.items() if name != besides}
    kept = {name: value for name, value in before.tags.items() if name != besides}
    if replace(after, texts=before.texts, tags=tags) != replace(before, tags=kept):
        yield "more than its texts is changed", "the same cluster, feature, groups, role, wording and tags"
    if type(after.texts) is not type(before.texts):
        yield f"its texts are {type(after.texts).__name__}", type(before.texts).__name__
        return
    if _fixed(after.texts) != _fixed(before.texts):
        yield "a continuation, question, option or reply is changed", "a changed context alone"
    asked, (first, second) = sides(*_contexts(before.texts)), _contexts(after.texts)
    frame = _frame(asked, first, second)
    if frame is None:
        yield (
            f"the sides do not differ by {asked.first!r} and {asked.second!r} alone any more",
            "both sides changed alike, and the words in which they differ left as they are",
        )
        return
    was, now = (Counter(_WORD.findall(text.casefold())) for text in (f"{asked.before} {asked.after}", frame))
    item_is_about_sense = before.role is Role.COMPETENCE
    for word in sorted(protected(before, grammar)):
        n_before, n_now = was[word.casefold()], now[word.casefold()]
        if n_now > n_before and (item_is_about_sense or word.casefold() in _NEUTRAL):
            continue
        if n_before != n_now:
            yield (
                f"the word {word!r} stands {n_now} times in the context that both sides share",
                f"{n_before}, because the item is about it",
            )
    for was_context, now_context in zip(_contexts(before.texts), (first, second), strict=True):
        if was_context and _end(was_context) != _end(now_context):
            yield (
                f"the context ends in {now_context[-20:]!r}, where the continuation follows",
                f"the same word as in {was_context[-20:]!r}",
            )


def _contexts(texts: ItemTexts) -> tuple[str, str]:
    """Return what the first and the second side have before them."""
    contexts = kind_of_texts(texts).contexts
    return ("", "") if contexts is None else contexts.of(texts)


def _fixed(texts: ItemTexts) -> ItemTexts:
    """Return the texts without their contexts: what no perturbation changes."""
    contexts = kind_of_texts(texts).contexts
    return texts if contexts is None else contexts.put(texts, "", "")


def _frame(asked: Sides, first: str, second: str) -> str | None:
    """Return what two changed contexts have in common around the words in which the original ones differ.

    None where they differ otherwise.
    """
    start = first.find(asked.first)
    while start >= 0:
        end = start + len(asked.first)
        before, after = first[:start], first[end:]
        other_end = start + len(asked.second)
        whole = between_words(first, start) and between_words(first, end)
        if whole and second == before + asked.second + after and between_words(second, other_end):
            return f"{before} {after}"
        start = first.find(asked.first, start + 1)
    return None


def _end(context: str) -> tuple[str, bool]:
    """Return the last word of a context, and whether a space follows it."""
    words = _WORD.findall(context)
    return (words[-1].casefold() if words else "", context != context.rstrip())


def protected(item: ProbeItem, grammar: frozenset[str]) -> set[str]:
    """Return the words that the item is about: they may neither come into a frame nor go from it.

    Parameters
    ----------
    item : ProbeItem
    grammar : frozenset of str
        Words that carry grammar alone, in small letters: :attr:`biasaudit.languages.Language.grammar`.
    """
    asked = sides(*_contexts(item.texts))
    kind, contexts = kind_of_texts(item.texts), _contexts(item.texts)
    sets = [(one.first, one.second) for one in kind.checks.variants(item.texts)]
    opposed = [(asked.first, asked.second), *(pair for pair in sets if pair != contexts)]
    about = [value for name, value in item.tags.items() if name.startswith("attribute")]
    if kind.contexts is not None:
        about += kind.contexts.about(item.texts)
    words = {word for text in about for word in _WORD.findall(text)}
    for first, second in opposed:
        words |= set(_WORD.findall(first)) ^ set(_WORD.findall(second))
    return {word for word in words if len(word) >= _SHORT and word.lower() not in grammar and word.lower() != "the"}
