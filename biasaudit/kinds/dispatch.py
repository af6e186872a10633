"""Which kind handles which item: decided by the type of its texts."""

from __future__ import annotations

from collections.abc import Mapping

from biasaudit.framing import Prompt
from biasaudit.kinds import association, pair
from biasaudit.kinds._value import ItemValue
from biasaudit.types import PairTexts, ProbeItem, Response


def prompts(item: ProbeItem) -> tuple[Prompt, ...]:
    """Return what `item` asks of a model, before any framing."""
    if isinstance(item.texts, PairTexts):
        return pair.prompts(item.texts)
    return association.prompts(item.texts)


def item_value(parts: frozenset[str], responses: Mapping[str, Response]) -> ItemValue:
    """Return the value of the item whose parts are `parts`; unscored if one of them failed."""
    if parts == frozenset(association.PARTS):
        return association.item_value(responses)
    return pair.item_value(responses)
