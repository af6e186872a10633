"""Whether the two variants of an item differ in the slot, and in nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from biasaudit.kinds import Variants, kind_of
from biasaudit.probes import Probe
from biasaudit.types import ProbeItem, Role
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.texts import variants
from biasaudit.visible import quoted

_WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")
_AGREEING: Final = (
    ("a", "an"),
    ("he", "she", "they"),
    ("him", "his", "her", "hers", "them", "their", "theirs"),
    ("himself", "herself", "themselves", "themself"),
    ("is", "are"),
    ("was", "were"),
    ("has", "have"),
    ("does", "do"),
    ("isn't", "aren't"),
    ("wasn't", "weren't"),
    ("hasn't", "haven't"),
    ("doesn't", "don't"),
    ("he's", "she's", "they're"),
)
"""Words that may differ because they agree with the slot."""
_CLASS: Final = {word: words[0] for words in _AGREEING for word in words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """In what two texts differ, agreement left out.

    Attributes
    ----------
    places : tuple of (str, str)
        Each stretch that differs: words of the first text, and of the second.
    span : tuple of str
        From the first difference to the last, in both texts; sorted.
    """

    places: tuple[tuple[str, str], ...]
    span: tuple[str, ...]


def difference(found: Variants) -> Difference:
    """Compare two texts word by word.

    Examples
    --------
    >>> difference(Variants("A man said he is late.", "An old woman said she is late.")).places
    (('man', 'old woman'),)
    >>> difference(Variants("Her dog barked.", "His cat barked.")).places
    (('dog', 'cat'),)
    >>> difference(Variants("The tall man sat down.", "The short man stood up.")).places
    (('tall', 'short'), ('sat down', 'stood up'))
    """
    first, second = _WORD.findall(found.first), _WORD.findall(found.second)
    matcher = SequenceMatcher(None, _classes(first), _classes(second), autojunk=False)
    spans = [
        (a, b, c, d)
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal" and not _agree(first[a:b], second[c:d])
    ]
    if not spans:
        return Difference(places=(), span=())
    whole = (first[spans[0][0] : spans[-1][1]], second[spans[0][2] : spans[-1][3]])
    return Difference(
        places=tuple((" ".join(first[a:b]), " ".join(second[c:d])) for a, b, c, d in spans),
        span=tuple(sorted(" ".join(words).lower() for words in whole)),
    )


def not_minimal(probe: Probe) -> Iterator[Finding]:
    """Find items whose variants differ in several places.

    Several places are one slot where the same two stretches, from the first difference to the last, stand
    against each other in another cluster too: "a blind person" and "a person without a disability". The form
    ``guises`` declares the whole text as its slot.
    """
    if probe.card.data.format == "guises":
        return
    clusters: dict[tuple[str, ...], set[str]] = defaultdict(set)
    torn: dict[tuple[str, tuple[str, ...]], list[tuple[ProbeItem, Variants, Difference]]] = defaultdict(list)
    for item in probe.items:
        if item.role is Role.COMPETENCE or not kind_of(item).checks.minimal:
            continue
        for pair in variants(item.texts):
            differs = difference(pair)
            if len(differs.places) > 1:
                clusters[differs.span].add(item.cluster_id)
                torn[item.feature, differs.span].append((item, pair, differs))
    for (feature, span), occurrences in torn.items():
        if len(clusters[span]) > 1:
            continue
        item, pair, differs = occurrences[0]
        places = "; ".join(f"{_shown(one)} / {_shown(other)}" for one, other in differs.places)
        yield Finding(
            code="not-minimal",
            feature=feature,
            message=(
                f"{many(len({found.item_id for found, _, _ in occurrences}), 'item')}, such as {item.item_id}: "
                f"{quoted(pair.first)} and {quoted(pair.second)} differ in {len(differs.places)} places ({places}); "
                "expected one, and words that agree with it. Change the words for the group, and leave the rest."
            ),
        )


def _classes(words: Sequence[str]) -> list[str]:
    lowered = (word.lower().replace("\u2019", "'") for word in words)
    return [_CLASS.get(word, word) for word in lowered]


def _agree(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether words differ in a final -s alone: walks, walk."""
    return len(first) == len(second) and all(
        _stem(one) == _stem(other) for one, other in zip(first, second, strict=True)
    )


def _stem(word: str) -> str:
    lowered = word.lower()
    if lowered.endswith("ies"):
        return lowered[:-3] + "y"
    return re.sub(r"(?<=ch|sh|ss|zz)es$|(?<=[xo])es$|(?<!s)s$", "", lowered)


def _shown(words: str) -> str:
    return words or "(nothing)"
