"""Items that ask the same, and items that ask nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from biasaudit.kinds import kind_of
from biasaudit.probes import Probe
from biasaudit.types import ProbeItem
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.groups import bias_items
from biasaudit.validity.texts import variants
from biasaudit.visible import quoted


def duplicate(probe: Probe) -> Iterator[Finding]:
    """Find bias items that ask the same, also with their variants exchanged."""
    asked: dict[Hashable, list[str]] = defaultdict(list)
    features: dict[Hashable, str] = {}
    for item in bias_items(probe):
        key = kind_of(item).checks.content(item.texts)
        asked[key].append(item.item_id)
        features.setdefault(key, item.feature)
    examples = {item.item_id: item for item in probe.items}
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


def _shown(item: ProbeItem) -> str:
    return kind_of(item).checks.shown(item.texts)
