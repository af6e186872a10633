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

WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")
"""A word, with what apostrophes and hyphens join to it."""
_OWNED: Final = re.compile(r"['\u2019]s?$")
_SEVERAL: Final = re.compile(r"[^s]s$")
_WORDS: Final = """
and any are around been can did does for from had has have how into its just like not now off one out over own say says
take that then there these this those too two was were what when where which who will with would you your yours
"""
_NEUTRAL: Final = frozenset(_WORDS.split())
"""Words that neutral text cannot do without. An item may be about one, as of dialect, so that none may go from a frame;
one more before it changes nothing that the item is about. Third persons are not among them."""
_SHORT: Final = 3
"""Shorter words are articles and the like, which neutral text has too."""
_PERSONS: Final = frozenset({"he"})
"""Shorter words that name a side all the same."""


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
    yield from _about_faults(before, f"{asked.before} {asked.after}", frame, grammar)
    for was_context, now_context in zip(_contexts(before.texts), (first, second), strict=True):
        if was_context and _end(was_context) != _end(now_context):
            yield (
                f"the context ends in {now_context[-20:]!r}, where the continuation follows",
                f"the same word as in {was_context[-20:]!r}",
            )
        elif was_context and Counter(_tail(now_context)) - Counter(_tail(was_context)):
            yield (
                f"the context ends in {now_context[-20:]!r}, where the continuation follows",
                f"nothing more after the last word than in {was_context[-20:]!r}",
            )


def _about_faults(item: ProbeItem, old: str, new: str, grammar: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Find words that an item is about and that came into its frame, went from it, or stand there otherwise."""
    about, come = protected(item, grammar), comes_in(new, item, grammar, old=old)
    was, now = (Counter(WORD.findall(text.casefold())) for text in (old, new))
    for word in sorted(about):
        n_gone = max(0, was[word.casefold()] - now[word.casefold()])
        n_now = was[word.casefold()] - n_gone + come.get(word.casefold(), 0)
        if n_now != was[word.casefold()]:
            yield (
                f"the word {word!r} stands {n_now} times in the context that both sides share",
                f"{was[word.casefold()]}, because the item is about it",
            )
    names = {word.casefold() for word in about}
    there, left = ([one for one in WORD.findall(text) if one.casefold() in names] for text in (old, new))
    rest = iter(left)
    if not all(word in rest for word in there):
        yield f"the words that the item is about stand as {' '.join(left)!r}", f"{' '.join(there)!r}, as written"


def comes_in(text: str, item: ProbeItem, grammar: frozenset[str], *, old: str = "") -> dict[str, int]:
    """Return the words that an item is about and a text brings into its frame, in small letters, and how often.

    Parameters
    ----------
    text : str
    item : ProbeItem
    grammar : frozenset of str
    old : str
        What stood there before; its words are not counted.
    """
    if item.role is Role.COMPETENCE:
        return {}
    about = {word.casefold() for word in protected(item, grammar)} - _NEUTRAL
    now, was = (Counter(WORD.findall(one.casefold())) for one in (text, old))
    new, gone = (
        Counter(form for word in words.elements() for form in forms_of(word)) for words in (now - was, was - now)
    )
    # "person's" misspelt as "persons'" brings none in.
    counted = new - gone
    return {word: counted[word] for word in about if counted[word]}


def forms_of(word: str) -> set[str]:
    """Return a word, the same without what marks an owner or several, and the parts of a compound.

    Examples
    --------
    >>> sorted(forms_of("nurses"))
    ['nurse', 'nurses']
    """
    bare = {_OWNED.sub("", part) for part in {word, *word.split("-")}}
    return {word} | bare | {one[:-1] for one in bare if _SEVERAL.search(one) and one != "news"}


def _tail(context: str) -> str:
    """Return what follows the last word."""
    ends = [one.end() for one in WORD.finditer(context)]
    return context[ends[-1] :] if ends else context


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
    words = WORD.findall(context)
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
    words = {word for text in about for word in WORD.findall(text)}
    for first, second in opposed:
        words |= set(WORD.findall(first)) ^ set(WORD.findall(second))
    plain = grammar | {"the"}
    return {word for word in words if (len(word) >= _SHORT or word.lower() in _PERSONS) and word.lower() not in plain}
