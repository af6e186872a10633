"""Items that belong together: what a sample keeps or leaves out as one."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from biasaudit.kinds import kind_of
from biasaudit.probes.layouts.own.words import slug
from biasaudit.types import ProbeItem

T = TypeVar("T")


def units_of(items: Sequence[ProbeItem]) -> dict[str, list[ProbeItem]]:
    """Return the bias items of one cluster and feature by the unit that they belong to.

    - Words against words: the items of all groups with the same words.
    - Decisions: the items of all groups in the same wording, about the same case.
    - Questions whose ids begin with their cluster's: all of them, which are variants of one: orders of persons and
      options, polarities, ways to say unknown. Of other questions, one of each polarity; UnQover names its groups of
      four by a tag.
    - Anything else: each item by itself.

    Parameters
    ----------
    items : sequence of ProbeItem

    Returns
    -------
    dict
        Name of the unit, which items of the same kind have in other clusters too -> its items.
    """
    ranks = _ranks([item for item in items if kind_of(item).sampled == "variants" or "referent" in item.tags])
    units: dict[str, list[ProbeItem]] = defaultdict(list)
    for item in items:
        units[_name(item, ranks)].append(item)
    return units


def in_order(units: Mapping[str, list[ProbeItem]], *, seed: int) -> list[list[ProbeItem]]:
    """Return units in the order that a seed gives their names: the same in every cluster."""
    return [units[name] for name in sorted(units, key=lambda name: place(seed, name))]


def place(seed: int, *names: str) -> bytes:
    """Return where a seed places something: a hash, so that the order of the items does not matter."""
    return hashlib.sha256("\x1f".join((str(seed), *names)).encode("utf-8", "surrogatepass")).digest()


def half(names: Mapping[str, Iterable[str]], seed: int, *purpose: str) -> set[str]:
    """Return half of the names of each set, by a seed and what for; of an odd number the smaller half."""
    chosen: set[str] = set()
    for several in names.values():
        in_order = sorted(several, key=lambda one: (place(seed, *purpose, one), one))
        chosen |= set(in_order[: len(in_order) // 2])
    return chosen


def in_turns(clusters: Sequence[Sequence[T]], n_most: int) -> list[T]:
    """Return at most so many members of clusters, one of each in their order, then a second one of each, and so on.

    Examples
    --------
    >>> in_turns(["abc", "d", "ef"], 5)
    ['a', 'd', 'e', 'b', 'f']
    """
    longest = max(map(len, clusters), default=0)
    return [several[at] for at in range(longest) for several in clusters if at < len(several)][:n_most]


def companions(item: ProbeItem) -> tuple[str, ...]:
    """Return by what a competence or control item names the bias item that it belongs to."""
    parts = item.item_id.split("/")
    prefixes = tuple("/".join(parts[:length]) for length in range(1, len(parts)))
    return (*prefixes, item.tags["triple"]) if "triple" in item.tags else prefixes


def _ranks(items: Sequence[ProbeItem]) -> dict[str, str]:
    """Return item -> its place among the items of its polarity, so that one of each has the same place."""
    n_before: dict[str, int] = defaultdict(int)
    ranks = {}
    for item in sorted(items, key=lambda one: (len(one.item_id), one.item_id)):
        polarity = item.tags.get("polarity", "")
        ranks[item.item_id] = str(n_before[polarity])
        n_before[polarity] += 1
    return ranks


def _name(item: ProbeItem, ranks: Mapping[str, str]) -> str:
    named = item.tags.get("group", "")
    if named and item.item_id.startswith(f"{named}/"):
        return named.removeprefix(f"{item.cluster_id}/")
    words = sorted(item.tags[name] for name in ("attribute_1", "attribute_2") if name in item.tags)
    if words:
        return "\x1f".join(words)
    if item.item_id in ranks:
        variant = item.item_id.startswith((f"{item.cluster_id}/", f"{item.cluster_id}."))
        return "variants" if variant else ranks[item.item_id]
    own = item.item_id.removeprefix(f"{item.cluster_id}/")
    return _without_group(own, item) if kind_of(item).sampled == "cases" else own


def _without_group(name: str, item: ProbeItem) -> str:
    """Return an id without the group that ends it, and with the number after the group, where it has one."""
    head, _, last = name.rpartition("/")
    for group in map(slug, item.groups):
        if last == group:
            return head
        if last.startswith(f"{group}-") and last.removeprefix(f"{group}-").isdecimal():
            return f"{head}/{last.removeprefix(f'{group}-')}"
    return name
