"""Whether a design runs both ways, so that a habit of the model does not look like a lean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from biasaudit.probes import Probe
from biasaudit.types import AssociationTexts, ChoiceTexts, ProbeItem
from biasaudit.validity.finding import Finding, quoted
from biasaudit.validity.groups import bias_items

BALANCE: Final = 0.1
"""Largest distance from one half of the share of items that mention the stereotyped person first."""


def one_direction(probe: Probe) -> Iterator[Finding]:
    """Find features whose items run one way only.

    Associations: contexts that name the groups, and contexts that name the attributes. Choices: each group as
    the biased and as the counter option, the two persons in both orders, both polarities where the tags have
    polarity. Every kind: both directions where the tags have direction. The groups of a choice are whom the
    stereotype ties to the biased option, then the other; where the tag polarity is positive, the other way round.
    """
    by_feature: dict[str, list[ProbeItem]] = defaultdict(list)
    for item in bias_items(probe):
        by_feature[item.feature].append(item)
    for feature, items in by_feature.items():
        said = [*_orders_of_association(items), *_tagged(items, "polarity"), *_tagged(items, "direction")]
        choices = [item for item in items if isinstance(item.texts, ChoiceTexts)]
        if choices:
            said += _orders_of_persons(choices)
            # The options of referents are occupations, and both groups stand in every item.
            if probe.card.data.format != "referents":
                said += _sides(choices, probe.card.groups[feature])
        for message in said:
            yield Finding(code="one-direction", feature=feature, message=f"feature {feature!r}: {message}")


def _orders_of_association(items: Sequence[ProbeItem]) -> Iterator[str]:
    tables = [(item, item.texts) for item in items if isinstance(item.texts, AssociationTexts)]
    if len({texts.group_in_context for _, texts in tables}) != 1:
        return
    item, texts = tables[0]
    found, lacking = ("groups", "words") if texts.group_in_context else ("words", "groups")
    yield (
        f"the contexts of all items name the {found}, as in {item.item_id}: {quoted(texts.contexts[0])}; expected "
        f"some that name the {lacking}. Add templates in which the {lacking} come first."
    )


def _tagged(items: Sequence[ProbeItem], tag: str) -> Iterator[str]:
    values = Counter(item.tags[tag] for item in items if tag in item.tags)
    if len(values) == 1:
        [value] = values
        yield f"all {values[value]:,} items with the tag {tag} have {value!r}; expected both. Add the other {tag}."


def _sides(items: Sequence[ProbeItem], declared: Sequence[str]) -> Iterator[str]:
    biased: set[str] = set()
    counter: set[str] = set()
    for item in items:
        if len(item.groups) == 2:
            tied, other = item.groups[::-1] if _turned(item) else item.groups
            biased.add(tied)
            counter.add(other)
    for option, found in (("biased", biased), ("counter", counter)):
        absent = [group for group in declared if group in biased | counter and group not in found]
        if absent:
            yield (
                f"the groups {absent} are never the {option} option, as the groups of the items say. Add items in "
                f"which they are, or the same scenarios with the opposite question (tag polarity)."
            )


def _orders_of_persons(items: Sequence[ProbeItem]) -> Iterator[str]:
    first: list[bool] = []
    for item in items:
        texts = item.texts
        if not isinstance(texts, ChoiceTexts):
            continue
        persons = (texts.counter, texts.biased) if _turned(item) else (texts.biased, texts.counter)
        places = [texts.context.lower().find(person.lower().strip(" .")) for person in persons]
        if min(places) >= 0 and places[0] != places[1]:
            first.append(places[0] < places[1])
    if first and abs(sum(first) / len(first) - 0.5) > BALANCE:
        share = sum(first) / len(first)
        yield (
            f"{share:.0%} of the contexts mention the stereotyped person first (example {items[0].item_id}); "
            "expected one half. Write each context in both orders of the persons."
        )


def _turned(item: ProbeItem) -> bool:
    return item.tags.get("polarity") == "positive"
