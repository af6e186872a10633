"""Whether the variants of an item are of like length in tokens."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from biasaudit.kinds import Variants
from biasaudit.probes import Probe
from biasaudit.types import ProbeItem, Role
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.minimal import difference
from biasaudit.validity.texts import variants
from biasaudit.visible import quoted

MOST_TOKENS: Final = 3
"""Largest difference in tokens that is not reported."""

Tokens = Callable[[str], int]
"""Text in, number of tokens out."""

# As GPT-2 splits a text before it merges bytes: endings with an apostrophe, letters, digits, anything else.
_PIECE: Final = re.compile(r"'(?:s|t|re|ve|m|ll|d)\b| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+|_+")
_WHOLE_WORD: Final = 8
_FURTHER: Final = 4


def reference_tokens(text: str) -> int:
    """Return about how many tokens a text has, without a model at hand.

    An approximation: pieces as GPT-2 splits a text before it looks into its vocabulary, where a word of more
    than 8 letters counts one piece more for each further 4 letters that are begun.

    Examples
    --------
    >>> reference_tokens("The person's late."), reference_tokens("untrustworthy")
    (5, 3)
    """
    return sum(1 + max(0, -(-(len(piece.strip()) - _WHOLE_WORD) // _FURTHER)) for piece in _PIECE.findall(text))


def token_difference(probe: Probe, tokens: Tokens) -> Iterator[Finding]:
    """Find variants whose lengths differ by more than 3 tokens; one finding for each two stretches that differ."""
    found: dict[tuple[str, tuple[str, ...]], list[tuple[ProbeItem, Variants]]] = defaultdict(list)
    known: dict[str, int] = {}

    def length(text: str) -> int:
        if text not in known:
            known[text] = tokens(text)
        return known[text]

    for item in probe.items:
        if item.role is Role.COMPETENCE:
            continue
        for pair in variants(item.texts):
            if abs(length(pair.first) - length(pair.second)) > MOST_TOKENS:
                found[item.feature, difference(pair).span].append((item, pair))
    for (feature, _), places in found.items():
        item, pair = places[0]
        yield Finding(
            code="token-difference",
            feature=feature,
            message=(
                f"{many(len(places), 'item')}, such as {item.item_id}: {quoted(pair.first)} has "
                f"{length(pair.first)} tokens and {quoted(pair.second)} {length(pair.second)}; expected at most "
                f"{MOST_TOKENS} apart. Choose words of like length, or say in card.yaml under accepts why not."
            ),
        )
