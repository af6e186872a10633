"""Items that ask the same, and items that ask nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from biasaudit.probes import Probe
from biasaudit.types import AssociationTexts, ChoiceTexts, DecisionTexts, ItemTexts, PairTexts
from biasaudit.validity.finding import Finding, many, quoted
from biasaudit.validity.groups import bias_items
from biasaudit.validity.texts import variants


def duplicate(probe: Probe) -> Iterator[Finding]:
    """Find bias items that ask the same, also with their variants exchanged."""
    asked: dict[Hashable, list[str]] = defaultdict(list)
    features: dict[Hashable, str] = {}
    for item in bias_items(probe):
        key = _content(item.texts)
        asked[key].append(item.item_id)
        features.setdefault(key, item.feature)
    examples = {item.item_id: item.texts for item in probe.items}
    for key, ids in asked.items():
        if len(ids) > 1:
            yield Finding(
                code="duplicate",
                feature=features[key],
                message=(
                    f"{many(len(ids), 'item')} ask the same, such as {ids[0]} and {ids[1]}: "
                    f"{quoted(_shown(examples[ids[0]]))}. Each item must ask something else: remove the repeats."
                ),
            )


def equal_variants(probe: Probe) -> Iterator[Finding]:
    """Find items whose two variants are one text, which can measure nothing."""
    for item in probe.items:
        for pair in variants(item.texts):
            if pair.first.split() == pair.second.split():
                yield Finding(
                    code="equal-variants",
                    feature=item.feature,
                    message=(
                        f"{item.item_id}: both variants are {quoted(pair.first)}; expected two texts that differ in "
                        "the words for the group. Mend one of them, or remove the item."
                    ),
                )


def _content(texts: ItemTexts) -> Hashable:
    match texts:
        case PairTexts():
            return (texts.context, frozenset({texts.first, texts.second}))
        case AssociationTexts():
            return (frozenset(texts.contexts), frozenset(texts.continuations))
        case DecisionTexts():
            return (frozenset({texts.favoured, texts.other}), texts.reply)
        case ChoiceTexts():
            options = frozenset({texts.biased, texts.counter})
            return (texts.context, texts.question, options, texts.unknown, texts.reading)
        case _:
            return texts


def _shown(texts: ItemTexts) -> str:
    match texts:
        case ChoiceTexts():
            return f"{texts.context} {texts.question}"
        case PairTexts():
            return texts.context + texts.first
        case AssociationTexts():
            return texts.contexts[0] + texts.continuations[0]
        case DecisionTexts():
            return texts.favoured
        case _:
            return str(texts)
