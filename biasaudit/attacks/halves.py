"""The two halves of a probe: one to search on, one that no search ever sees, in wordings and in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from biasaudit.errors import UsageError
from biasaudit.kinds import KINDS, kind_of
from biasaudit.probes import Probe
from biasaudit.probes.registry import content_sha256
from biasaudit.probes.units import half, in_turns, place
from biasaudit.stats.clusters import MIN_CLUSTERS
from biasaudit.types import ProbeItem, Role

HELD_OUT: Final = "held-out"
"""Ends the id of the half that the audit asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """A probe in parts.

    Attributes
    ----------
    searched : tuple of ProbeItem
        Searched on: half of the wordings, with half of the words.
    new_wordings, new_words : tuple of ProbeItem
        Of the other wordings with the same words, and of the same wordings with the other words; the latter empty where
        words are not held out.
    held_out : Probe
        Bias items of the other wordings with the other words, and all items of other roles: on none was searched.
    crossed : bool
        Whether words are held out too: the probe declares its words as a second cluster, and has enough of them.
    """

    searched: tuple[ProbeItem, ...]
    new_wordings: tuple[ProbeItem, ...]
    new_words: tuple[ProbeItem, ...]
    held_out: Probe
    crossed: bool


def halves_of(probe: Probe, *, seed: int, n_items: int) -> Halves:
    """Return the parts of a probe.

    Parameters
    ----------
    probe : Probe
    seed : int
        Decides which wordings and words are held out.
    n_items : int
        At most so many items of a part that is not the audit's, from all its wordings alike.

    Raises
    ------
    UsageError
        If there is nothing before which words could stand, or there are too few wordings for two halves.
    """
    if KINDS[probe.card.kind].contexts is None or KINDS[probe.card.kind].index is None:
        raise UsageError(
            f"probe {probe.card.id!r} is of the kind {probe.card.kind!r}, whose items have no two sides with a lean.",
            fix="Search on a probe whose items set two texts against each other, such as occupations.",
        )
    bias = [item for item in probe.items if item.role is Role.BIAS]
    if not all(_has_context(item) for item in bias):
        raise UsageError(
            f"items of probe {probe.card.id!r} have no context before which words could stand.",
            fix="Search on another probe, such as occupations.",
        )
    wordings = half(_by_feature(bias), seed, "attack", "wordings")
    others = {item.cluster_id for item in bias} - wordings
    if len(others) < MIN_CLUSTERS:
        raise UsageError(
            f"probe {probe.card.id!r} has {len(others) + len(wordings)} wordings, and the half that is held out "
            f"needs {MIN_CLUSTERS}.",
            fix="Search on a probe with more wordings; `biasaudit probes list` shows them.",
        )
    second = probe.card.also_clustered_by
    words = {item.tags[second.tag] for item in bias} if second is not None else set()
    crossed = len(words) >= 2 * MIN_CLUSTERS
    known = half({"": words}, seed, "attack", "words") if crossed else words

    def part(*, new_wording: bool, new_word: bool) -> list[ProbeItem]:
        return [
            item
            for item in bias
            if (item.cluster_id in others) is new_wording
            and (second is None or not crossed or (item.tags[second.tag] not in known) is new_word)
        ]

    left = part(new_wording=True, new_word=True)
    return Halves(
        searched=_few(part(new_wording=False, new_word=False), n_items, seed=seed),
        new_wordings=_few(part(new_wording=True, new_word=False), n_items, seed=seed),
        new_words=_few(part(new_wording=False, new_word=True), n_items, seed=seed) if crossed else (),
        held_out=_held_out(probe, left, n_bias=len(bias), crossed=crossed),
        crossed=crossed,
    )


def _has_context(item: ProbeItem) -> bool:
    contexts = kind_of(item).contexts
    return contexts is not None and bool(contexts.of(item.texts)[0])


def _by_feature(bias: Sequence[ProbeItem]) -> dict[str, set[str]]:
    """Return feature -> its wordings, each under one feature: every feature is held out in half of its own."""
    found: dict[str, set[str]] = defaultdict(set)
    features: dict[str, str] = {}
    for item in bias:
        found[features.setdefault(item.cluster_id, item.feature)].add(item.cluster_id)
    return found


def _few(items: Sequence[ProbeItem], n_items: int, *, seed: int) -> tuple[ProbeItem, ...]:
    """Return at most so many items, as many of each wording as there is room for."""
    ranked: dict[str, list[ProbeItem]] = defaultdict(list)
    for item in sorted(items, key=lambda one: (place(seed, "attack", "items", one.item_id), one.item_id)):
        ranked[item.cluster_id].append(item)
    return tuple(in_turns([ranked[name] for name in sorted(ranked)], n_items))


def _held_out(probe: Probe, left: Sequence[ProbeItem], *, n_bias: int, crossed: bool) -> Probe:
    ids = {item.item_id for item in left}
    items = tuple(item for item in probe.items if item.role is not Role.BIAS or item.item_id in ids)
    what = "wordings and words" if crossed else "wordings"
    notice = (
        f"A part of probe {probe.card.id!r}: the {len(left):,} of {n_bias:,} items whose {what} no search was made on."
    )
    card = probe.card.model_copy(
        update={"id": f"{probe.card.id}-{HELD_OUT}", "name": f"{probe.card.name}, held out from a search"}
    )
    return replace(probe, card=card, items=items, sha256=content_sha256(items), notices=(*probe.notices, notice))
