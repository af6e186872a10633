"""Texts less the words that a probe exchanges: what is left of a template, whatever is filled in.

Data that were trained on are compared by them, and the templates of a training card, which keeps only hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from biasaudit.kinds import prompts
from biasaudit.probes.registry import Probe, available, card_of, load_probe
from biasaudit.types import Role

_WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")
_SLOT: Final = re.compile(r"\{(?:group|word|word_bare)\}(?:['\u2019]s\b)?")
_FILLED: Final = "__slot__"
"""Stands in a slot while a template is split into words."""
_ARTICLES: Final = frozenset({"a", "an", "the"})
MASK: Final = "_"

Skeleton: TypeAlias = tuple[str, ...]
"""The words of a text, each that the probe exchanges masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """What a probe asks, less the words that it exchanges."""

    probe: str
    sha256: str
    exchanged: frozenset[str]
    skeletons: frozenset[Skeleton]


def templates_of(probe: Probe) -> Templates:
    """Return what a probe asks, less the words that it exchanges.

    Parameters
    ----------
    probe : Probe
        Of its bias items, words in which the texts of one item differ are exchanged ones.
    """
    sides = [
        tuple(tuple(words_of(f"{one.context}{one.continuation}")) for one in prompts(item))
        for item in probe.items
        if item.role is Role.BIAS
    ]
    exchanged: set[str] = set()
    for texts in sides:
        if not texts:  # nothing is scored of what a model is to write
            continue
        there = [set(text) for text in texts]
        exchanged |= set().union(*there) - set(there[0]).intersection(*there[1:])
    masked = frozenset(exchanged)
    return Templates(
        probe=probe.card.id,
        sha256=probe.sha256,
        exchanged=masked,
        skeletons=frozenset(skeleton_of(text, masked) for texts in set(sides) for text in texts),
    )


@cache
def shipped_templates() -> tuple[Templates, ...]:
    """Return the templates of the probes that come with the package and need no file of anybody else."""
    return tuple(templates_of(load_probe(name)) for name in available() if not card_of(name).data.published)


def words_of(text: str) -> list[str]:
    """Return the words of a text, in small letters."""
    return [word.casefold() for word in _WORD.findall(text)]


def skeleton_of(words: Iterable[str], exchanged: frozenset[str]) -> Skeleton:
    """Mask exchanged words; several in a row are one, since a group may have one word or three."""
    masked: list[str] = []
    for word in words:
        shown = MASK if word in exchanged else word
        if shown != MASK or masked[-1:] != [MASK]:
            masked.append(shown)
    return tuple(masked)


def masked_sha256(template: str) -> str:
    """Return the hash of a template with slots.

    Parameters
    ----------
    template : str
        ``{group}`` and ``{word}`` are masked.

    Examples
    --------
    >>> masked_sha256("{group} works as {word}.") == skeleton_sha256(("the", "_", "works", "as", "a", "_"))
    True
    """
    words = words_of(_SLOT.sub(f" {_FILLED} ", template))
    return skeleton_sha256(skeleton_of(words, frozenset({_FILLED})))


def skeleton_sha256(skeleton: Skeleton) -> str:
    """Return the hash of a skeleton as a training card keeps it.

    An article before a mask belongs to it: `the woman` may fill one slot, or `woman` one after `the`.
    """
    plain: list[str] = []
    for word in skeleton:
        if word == MASK:
            while plain and plain[-1] in _ARTICLES:
                plain.pop()
            if plain[-1:] == [MASK]:
                continue
        plain.append(word)
    return hashlib.sha256(" ".join(plain).encode("utf-8")).hexdigest()
