"""Which words a cell exchanges: those of its groups, and those of its attributes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.kinds import kind_of
from biasaudit.probes.skeletons import words_of
from biasaudit.types import AssociationTexts, DecisionTexts, Role

if TYPE_CHECKING:
    from biasaudit.kinds.kind import Variants
    from biasaudit.types import ProbeItem

GRAMMAR: Final = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "for", "from", "had", "has", "have", "in", "into", "is",
    "it", "its", "no", "not", "of", "on", "or", "that", "the", "there", "this", "to", "was", "were", "who", "with",
    "without",
})  # fmt: skip
"""Words that say nothing of a group or an attribute."""

PRONOUNS: Final = frozenset({"he", "her", "hers", "herself", "him", "himself", "his", "she", "their", "them", "they"})
"""Words that name a group wherever two sides differ in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """Words in which the two sides of items differ, in small letters."""

    groups: frozenset[str]
    attributes: frozenset[str]


def exchanged(items: Iterable[ProbeItem]) -> dict[str, Exchanged]:
    """Return feature -> the words that its bias items exchange.

    An association says which of its sides names the groups, and a decision exchanges nothing else. Of any other kind
    the words that differ are the attributes', but for pronouns and those in the groups' own labels.

    Parameters
    ----------
    items : iterable of ProbeItem
        Of one probe.
    """
    groups: dict[str, set[str]] = {}
    attributes: dict[str, set[str]] = {}
    for item in items:
        if item.role is Role.BIAS:
            of_groups, of_attributes = _sides(item)
            groups.setdefault(item.feature, set()).update(of_groups - GRAMMAR)
            attributes.setdefault(item.feature, set()).update(of_attributes - GRAMMAR)
    # A word that names a group somewhere is a group's word everywhere in the cell.
    return {
        feature: Exchanged(groups=frozenset(named), attributes=frozenset(attributes[feature] - named))
        for feature, named in groups.items()
    }


def _sides(item: ProbeItem) -> tuple[set[str], set[str]]:
    """Return the words of groups and of attributes in which the sides of one item differ."""
    sides = [_differing(one) for one in kind_of(item).checks.variants(item.texts)]
    if isinstance(item.texts, AssociationTexts):
        contexts, continuations = sides
        return (contexts, continuations) if item.texts.group_in_context else (continuations, contexts)
    differing: set[str] = set().union(*sides)
    if isinstance(item.texts, DecisionTexts):
        return differing, set()
    named = PRONOUNS.union(*map(words_of, item.groups))
    return differing & named, differing - named


def _differing(variants: Variants) -> set[str]:
    first, second = (set(words_of(text)) for text in (variants.first, variants.second))
    return first ^ second
