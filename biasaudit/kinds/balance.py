"""Whether questions about two persons run both ways, so that a habit of the model does not look like a lean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from biasaudit.types import ChoiceTexts, ProbeItem

BALANCE: Final = 0.1
"""Largest distance from one half of the share of items that mention the stereotyped person first."""


def one_way(items: Sequence[ProbeItem], declared: Sequence[str]) -> Iterator[str]:
    """Say what runs one way only: the order of the persons, and whom of them the biased option names.

    Parameters
    ----------
    items : sequence of ProbeItem
        Choices of one feature. Their groups are whom the stereotype ties to the biased option, then the other; where
        the tag polarity is positive, the other way round.
    declared : sequence of str
        Groups of the feature; none where both stand in every item.
    """
    yield from _orders_of_persons(items)
    yield from _sides(items, declared)


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
