"""Parts of a probe: some features, fewer items of each cluster, or a seeded sample of clusters."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from biasaudit.errors import ProbeError
from biasaudit.probes.registry import Probe, content_sha256
from biasaudit.probes.units import companions, in_order, place, units_of
from biasaudit.types import ProbeItem, Role

MIN_CLUSTERS: Final = 6
"""Fewer cannot differ from 0 by sign flips at 0.05: the smallest p-value of five is 2/32, of six 2/64."""

COMPETENCE_ITEMS: Final = 90
"""As many competence items as a sample keeps where the probe has them, and three times as many bias items: 36 in 12
clusters do not tell a model that is right in 70 % from one that guesses in 29 % of audits, 90 in 30 clusters in 3 %."""

_PER_BIAS_ITEM: Final = 3

LICENSED_ITEMS: Final = 24
"""As many licensed items of a feature as a sample keeps, in whole clusters, and more only where five hold more."""

_LICENSED_CLUSTERS: Final = 5


def of_features(probe: Probe, features: Sequence[str]) -> Probe:
    """Return a probe with these features alone; competence and control items of other features stay, licensed do not.

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
    of_one = (Role.BIAS, Role.LICENSED)
    items = tuple(item for item in probe.items if item.role not in of_one or item.feature in features)
    if len(items) == len(probe.items):
        return probe
    left_out = [feature for feature in declared if feature not in features]
    notice = f"Of probe {probe.card.id!r}, the features {', '.join(features)}; left out: {', '.join(left_out)}."
    return replace(probe, items=items, sha256=content_sha256(items), notices=(*probe.notices, notice))


def thinned(probe: Probe, per_group: int) -> Probe:
    """Return a probe with at most `per_group` bias items of each cluster and groups.

    The same words or wordings are kept in every cluster, so that a full cross stays one. Which they are
    follows from a hash of their names. All other items stay.

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
    """Return a probe with about `limit` bias items: of every feature, drawn by a seed.

    Each feature keeps its share of the items. Where its share holds six whole clusters, whole clusters are drawn.
    Where it does not, six clusters are, and of each as many items as the share allows: in units that belong
    together (:func:`biasaudit.probes.units.units_of`), at least one of each cluster. So more than `limit` items are
    left only where six units of each feature are more. Competence and control items of a cluster stay in
    proportion, with the item that they belong to where there is one; those of clusters without bias items stay all.
    Competence is one measure for all features: where too few of its items are left to tell a model that reads from one
    that guesses, others are added. Licensed items stay, up to 24 of each feature in whole clusters, so that each
    keeps its mirror.

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
    by_feature: dict[str, dict[str, list[ProbeItem]]] = defaultdict(lambda: defaultdict(list))
    for item in bias:
        by_feature[item.feature][item.cluster_id].append(item)
    drawn: dict[tuple[str, str], list[ProbeItem]] = {}
    for feature, clusters in by_feature.items():
        quota = limit * sum(map(len, clusters.values())) / len(bias)
        drawn |= {(feature, name): items for name, items in _drawn(feature, clusters, quota=quota, seed=seed).items()}
    kept = {item.item_id for items in drawn.values() for item in items}
    kept |= _others(probe, by_feature, drawn, seed=seed)
    kept |= _licensed(probe, seed=seed)
    kept |= _enough_competence(probe, kept, least=min(COMPETENCE_ITEMS, _PER_BIAS_ITEM * limit), seed=seed)
    items = tuple(item for item in probe.items if item.item_id in kept)
    n_left = sum(item.role is Role.BIAS for item in items)
    whole = all(len(of) == len(by_feature[feature][cluster]) for (feature, cluster), of in drawn.items())
    notice = (
        f"A sample of probe {probe.card.id!r}: {n_left:,} of {len(bias):,} items, {len(drawn):,} of "
        f"{sum(map(len, by_feature.values())):,} clusters ({'whole clusters' if whole else 'parts of clusters'} of "
        f"every feature, drawn with seed {seed}; about {limit:,} items were asked for)."
    )
    return replace(probe, items=items, sha256=content_sha256(items), notices=(*probe.notices, notice))


def _licensed(probe: Probe, *, seed: int) -> set[str]:
    """Return the ids of the licensed items that stay: of each feature whole clusters, in the order of a seed."""
    clusters: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in probe.items:
        if item.role is Role.LICENSED:
            clusters[item.feature, item.cluster_id].append(item.item_id)
    stay: dict[str, list[str]] = defaultdict(list)
    n_clusters: dict[str, int] = defaultdict(int)
    for feature, cluster in sorted(clusters, key=lambda one: place(seed, "licensed", *one)):
        ids = clusters[feature, cluster]
        if len(stay[feature]) + len(ids) <= LICENSED_ITEMS or n_clusters[feature] < _LICENSED_CLUSTERS:
            stay[feature] += ids
            n_clusters[feature] += 1
    return {name for ids in stay.values() for name in ids}


def _enough_competence(probe: Probe, kept: set[str], *, least: int, seed: int) -> set[str]:
    """Return the ids of competence items to add until there are `least`, those of clusters that are kept first."""
    items = [item for item in probe.items if item.role is Role.COMPETENCE]
    n_items = sum(item.item_id in kept for item in items)
    drawn = {item.cluster_id for item in probe.items if item.item_id in kept}
    missing: dict[str, list[str]] = defaultdict(list)
    for item in items:
        if item.item_id not in kept:
            missing[item.cluster_id].append(item.item_id)
    added: set[str] = set()
    for cluster in sorted(missing, key=lambda name: (name not in drawn, place(seed, "competence", name))):
        n_wanted = least - n_items - len(added)
        if n_wanted <= 0:
            break
        added.update(sorted(missing[cluster], key=lambda name: place(seed, name))[:n_wanted])
    return added


def _drawn(
    feature: str, clusters: Mapping[str, list[ProbeItem]], *, quota: float, seed: int
) -> dict[str, list[ProbeItem]]:
    """Return clusters in the order that the seed gives them, whole until there are enough items, or six in part."""
    order = sorted(clusters, key=lambda cluster: place(seed, feature, cluster))
    fewest = order[:MIN_CLUSTERS]
    if sum(len(clusters[name]) for name in fewest) > quota:
        return _parts({name: clusters[name] for name in fewest}, quota=quota, seed=seed)
    whole: dict[str, list[ProbeItem]] = {}
    for name in order:
        if len(whole) >= MIN_CLUSTERS and sum(map(len, whole.values())) >= quota:
            break
        whole[name] = clusters[name]
    return whole


def _parts(clusters: Mapping[str, list[ProbeItem]], *, quota: float, seed: int) -> dict[str, list[ProbeItem]]:
    """Return a unit of each cluster, then a second of each in turn, and so on until there are enough items."""
    units = {name: in_order(units_of(items), seed=seed) for name, items in clusters.items()}
    taken: dict[str, list[ProbeItem]] = {name: [] for name in clusters}
    n_items = 0
    for turn in range(max(map(len, units.values()))):
        for name, of_cluster in units.items():
            if turn < len(of_cluster) and (turn == 0 or n_items < quota):
                taken[name] += of_cluster[turn]
                n_items += len(of_cluster[turn])
    return taken


def _others(
    probe: Probe,
    by_feature: Mapping[str, Mapping[str, list[ProbeItem]]],
    drawn: Mapping[tuple[str, str], list[ProbeItem]],
    *,
    seed: int,
) -> set[str]:
    """Return the ids of the competence and control items that stay."""
    ids = {item.item_id for item in probe.items if item.role is Role.BIAS}
    kept = {item.item_id for items in drawn.values() for item in items}
    in_clusters: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for feature, clusters in by_feature.items():
        for cluster in clusters:
            in_clusters[cluster].append((feature, cluster))
    stay: set[str] = set()
    unattached: dict[tuple[Role, tuple[tuple[str, str], ...]], list[ProbeItem]] = defaultdict(list)
    for item in probe.items:
        places = in_clusters.get(item.cluster_id, [])
        own = (item.feature, item.cluster_id)
        belongs_to = [name for name in companions(item) if name in ids]
        if item.role in {Role.BIAS, Role.LICENSED}:
            continue
        if not places or (belongs_to and kept.intersection(belongs_to)):
            stay.add(item.item_id)
        elif not belongs_to:
            # Those of no feature with bias items go with any that its cluster is drawn for.
            unattached[item.role, (own,) if item.feature in by_feature else tuple(places)].append(item)
    for (_, where), items in unattached.items():
        n_all = sum(len(by_feature[feature].get(cluster, [])) for feature, cluster in where)
        n_kept = sum(len(drawn.get(one, [])) for one in where)
        n_stay = -(-len(items) * n_kept // n_all) if n_all else 0
        stay |= {item.item_id for item in sorted(items, key=lambda one: place(seed, one.item_id))[:n_stay]}
    return stay
