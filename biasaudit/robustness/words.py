"""Changes of single words of the frame, drawn by what stands there: equal frames are changed alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.kinds import kind_of
from biasaudit.languages import find_language
from biasaudit.robustness.border import WORD, protected
from biasaudit.robustness.frames import reframed

if TYPE_CHECKING:
    from biasaudit.probes import Probe
    from biasaudit.types import ProbeItem

WordChange = Callable[[str, np.random.Generator], str]

_WORD: Final = re.compile(r"[A-Za-z]+(?:['\u2019-][A-Za-z]+)*")
_LEAST: Final = 4
"""Shorter words carry grammar, and are left as they are."""


def changed_words(probe: Probe, rng: np.random.Generator, *, rate: float, change: WordChange) -> Probe:
    """Return a probe in which some words of the frames are changed; never one that an item is about, nor the last.

    Parameters
    ----------
    probe : Probe
    rng : numpy.random.Generator
    rate : float
        Share of the words of at least 4 letters that are changed. Of a frame that has some, at least one.
    change : callable
        From a word and a generator to another.
    """
    language = find_language(probe.card.language)
    grammar = frozenset() if language is None else language.grammar
    seed = int(rng.integers(2**63))
    own = _own_words(probe)

    def changed(item: ProbeItem) -> ProbeItem:
        kept = {word.casefold() for word in protected(item, grammar)} | own[item.item_id]

        def both(before: str, after: str) -> tuple[str, str]:
            drawn = np.random.default_rng(
                [seed, *hashlib.sha256(f"{before}\x1f{after}".encode("utf-8", "surrogatepass")).digest()[:8]]
            )
            whole = f"{before}\x1f{after}"
            held = [one.span() for one in WORD.finditer(whole) if one[0].casefold() in kept]
            words = [one for one in _WORD.finditer(whole) if _free(one, held) and one[0].casefold() not in kept]
            # The last word leads to the continuation.
            words = [one for one in words if _WORD.search(whole, one.end())]
            if not words:
                return before, after
            chosen = drawn.permutation(len(words))[: max(1, round(rate * len(words)))]
            for at in sorted(chosen, reverse=True):
                found = words[at]
                whole = whole[: found.start()] + change(found[0], drawn) + whole[found.end() :]
            first, _, second = whole.partition("\x1f")
            return first, second

        return reframed(item, both)

    return replace(probe, items=tuple(changed(item) for item in probe.items))


def _free(found: re.Match[str], held: Sequence[tuple[int, int]]) -> bool:
    """Return whether a run of letters is a word long enough, and no part of one that is held or has other letters."""
    start, end = found.span()
    beside = found.string[max(0, start - 1) : start] + found.string[end : end + 1]
    whole = not any(letter.isalpha() for letter in beside)
    return whole and len(found[0]) >= _LEAST and not any(first <= start < last for first, last in held)


def _own_words(probe: Probe) -> dict[str, frozenset[str]]:
    """Return the words of each item's context that others of its cluster and role do not have, in small letters.

    Where both sides share a context, what the item is about stands in it: "the queen said that", and she or he.
    """
    words = {item.item_id: _context_words(item) for item in probe.items}
    of_all: dict[tuple[str, str], frozenset[str]] = {}
    for item in probe.items:
        place = (item.cluster_id, item.role.value)
        of_all[place] = of_all.get(place, words[item.item_id]) & words[item.item_id]
    return {item.item_id: words[item.item_id] - of_all[item.cluster_id, item.role.value] for item in probe.items}


def _context_words(item: ProbeItem) -> frozenset[str]:
    contexts = kind_of(item).contexts
    first = "" if contexts is None else contexts.of(item.texts)[0]
    return frozenset(word.casefold() for word in _WORD.findall(first))
