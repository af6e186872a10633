"""Parts of a probe: some features, fewer items of each cluster, or a seeded sample of whole clusters."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from biasaudit.errors import ProbeError
from biasaudit.probes.registry import Probe, content_sha256
from biasaudit.types import ProbeItem, Role

MIN_CLUSTERS: Final = 5
"""Fewer give no interval, so that a sample of fewer would be no smaller audit but none."""

COMPETENCE_ITEMS: Final = 90
"""As many competence items as a sample keeps where the probe has them, and three times as many bias items: 36 in 12
clusters do not tell a model that is right in 70 % from one that guesses in 29 % of audits, 90 in 30 clusters in 3 %."""

_PER_BIAS_ITEM: Final = 3


def of_features(probe: Probe, features: Sequence[str]) -> Probe:
    """Return a probe with these features alone; competence and control items of other features stay.

    Raises
    ------
    ProbeError
        If its card does not declare one of them.
    """
    declared = probe.card.features
    unknown = [feature for feature in features if feature not in declared]
    if unknown:
        raise ProbeError(
            f"probe {probe.card.id!r} has no feature {unknown[0]!r}.", fix=f"Its features: {', '.join(declared)}."
        )
    items = tuple(item for item in probe.items if item.role is not Role.BIAS or item.feature in features)
    if len(items) == len(probe.items):
        return probe
    left_out = [feature for feature in declared if feature not in features]
    notice = f"Of probe {probe.card.id!r}, the features {', '.join(features)}; left out: {', '.join(left_out)}."
    return replace(probe, items=items, sha256=content_sha256(items), notices=(*probe.notices, notice))


def thinned(probe: Probe, per_group: int) -> Probe:
    """Return a probe with at most `per_group` bias items of each cluster and groups.

    The same words or wordings are kept in every cluster, so that a full cross stays one. Which they are
    follows from a hash of their names. Competence and control items stay.

    Parameters
    ----------
    probe : Probe
    per_group : int
        At least 1.

    Returns
    -------
    Probe
        With a notice of what was kept; `probe` itself where that is all.
    """
    cells: dict[tuple[str, str, frozenset[str]], list[ProbeItem]] = defaultdict(list)
    for item in probe.items:
        if item.role is Role.BIAS:
            cells[item.feature, item.cluster_id, frozenset(item.groups)].append(item)
    kept = {item.item_id for cell in cells.values() for item in sorted(cell, key=_place_in_cross)[:per_group]}
    items = tuple(item for item in probe.items if item.role is not Role.BIAS or item.item_id in kept)
    n_bias = sum(map(len, cells.values()))
    if len(kept) == n_bias:
        return probe
    notice = (
        f"A part of probe {probe.card.id!r}: {len(kept):,} of {n_bias:,} items, at most {per_group} of each cluster "
        "and groups, the same in every cluster."
    )
    return replace(probe, items=items, sha256=content_sha256(items), notices=(*probe.notices, notice))


def _place_in_cross(item: ProbeItem) -> tuple[bytes, str]:
    """Order items by what they have in common with items of other clusters: their words, else the rest of their id."""
    words = sorted(item.tags[name] for name in ("attribute_1", "attribute_2") if name in item.tags)
    crossed = words or [item.item_id.replace(item.cluster_id, "", 1)]
    return hashlib.sha256("\x1f".join(crossed).encode("utf-8", "surrogatepass")).digest(), item.item_id


def limited(probe: Probe, limit: int, *, seed: int) -> Probe:
    """Return a probe with about `limit` bias items: whole clusters, drawn by a seed, from every feature.

    Each feature keeps its share of the items, and at least 5 clusters where it has them, so that more
    than `limit` items can be left. The competence and control items of a cluster stay with it; those of
    clusters without bias items stay all. Competence is one measure for all features: where too few of its
    items are left to tell a model that reads from one that guesses, those of further clusters are added.

    Parameters
    ----------
    probe : Probe
    limit : int
        At least 1.
    seed : int

    Returns
    -------
    Probe
        With a notice of what was drawn; `probe` itself where it has no more items than `limit`.
    """
    bias = [item for item in probe.items if item.role is Role.BIAS]
    if len(bias) <= limit:
        return probe
    by_feature: dict[str, dict[str, int]] = {}
    for item in bias:
        clusters = by_feature.setdefault(item.feature, {})
        clusters[item.cluster_id] = clusters.get(item.cluster_id, 0) + 1
    chosen: set[tuple[str, str]] = set()
    for feature, sizes in by_feature.items():
        quota = limit * sum(sizes.values()) / len(bias)
        chosen |= {(feature, cluster) for cluster in _drawn(feature, sizes, quota=quota, seed=seed)}
    kept_clusters = {cluster for _, cluster in chosen}
    biased_clusters = {item.cluster_id for item in bias}

    read = _read_clusters(probe, kept_clusters, least=min(COMPETENCE_ITEMS, _PER_BIAS_ITEM * limit), seed=seed)

    def stays(item: ProbeItem) -> bool:
        if item.role is Role.COMPETENCE and item.cluster_id in read:
            return True
        if item.cluster_id not in biased_clusters:
            return True
        if item.feature in by_feature:
            return (item.feature, item.cluster_id) in chosen
        return item.cluster_id in kept_clusters

    items = tuple(item for item in probe.items if stays(item))
    n_left = sum(item.role is Role.BIAS for item in items)
    notice = (
        f"A sample of probe {probe.card.id!r}: {n_left:,} of {len(bias):,} items, {len(chosen):,} of "
        f"{sum(map(len, by_feature.values())):,} clusters (whole clusters of every feature, drawn with seed {seed}; "
        f"about {limit:,} items were asked for)."
    )
    return replace(probe, items=items, sha256=content_sha256(items), notices=(*probe.notices, notice))


def _read_clusters(probe: Probe, kept: set[str], *, least: int, seed: int) -> set[str]:
    """Return the clusters whose competence items stay: those that are kept, and more until there are `least` items."""
    sizes: dict[str, int] = {}
    for item in probe.items:
        if item.role is Role.COMPETENCE:
            sizes[item.cluster_id] = sizes.get(item.cluster_id, 0) + 1
    read = kept & set(sizes)
    n_items = sum(sizes[cluster] for cluster in read)
    if n_items >= least:
        return read
    others = {cluster: size for cluster, size in sizes.items() if cluster not in read}
    return read | set(_drawn("competence", others, quota=least - n_items, seed=seed))


def _drawn(feature: str, sizes: dict[str, int], *, quota: float, seed: int) -> list[str]:
    """Return clusters in the order that the seed gives them, until there are enough items and clusters."""

    def place(cluster: str) -> bytes:
        return hashlib.sha256(f"{seed}\x1f{feature}\x1f{cluster}".encode("utf-8", "surrogatepass")).digest()

    drawn: list[str] = []
    n_items = 0
    for cluster in sorted(sizes, key=place):
        if n_items >= quota and len(drawn) >= MIN_CLUSTERS:
            break
        drawn.append(cluster)
        n_items += sizes[cluster]
    return drawn
