"""What can be wrong with a probe folder beyond its form."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from biasaudit.probes.registry import Probe
from biasaudit.types import ClusterDesign, Kind, PairTexts, Role

MIN_CLUSTERS: Final = 5


def findings(probe: Probe) -> tuple[str, ...]:
    """Return what a reader should mend, one sentence each; empty if nothing was found.

    Checked: every feature has items; every declared group occurs; enough clusters for an
    interval; no two items ask the same; the two texts of an item differ; competence items exist.
    """
    bias = [item for item in probe.items if item.role is Role.BIAS]
    found: list[str] = []
    for feature, groups in probe.card.groups.items():
        of_feature = [item for item in bias if item.feature == feature]
        if not of_feature:
            found.append(f"feature {feature!r} is declared, and no item has it. Add items or drop the feature.")
            continue
        absent = set(groups) - {group for item in of_feature for group in item.groups}
        if absent:
            found.append(f"feature {feature!r}: no item names the groups {sorted(absent)}.")
        n_clusters = len({item.cluster_id for item in of_feature})
        if n_clusters < MIN_CLUSTERS:
            found.append(
                f"feature {feature!r} has {n_clusters} clusters; fewer than {MIN_CLUSTERS} give no interval. "
                "Add templates or sources."
            )
    duplicates = [count for count in Counter(repr(item.texts) for item in bias).values() if count > 1]
    if duplicates and not probe.card.data.published:
        found.append(f"{len(duplicates)} texts occur in more than one item. Remove the repeats.")
    same = [
        item.item_id for item in bias if isinstance(item.texts, PairTexts) and item.texts.first == item.texts.second
    ]
    if same:
        found.append(f"items whose two texts are equal: {', '.join(same[:5])}. They can measure nothing.")
    not_audited = probe.card.kind in {Kind.COMPLETION, Kind.LIKELIHOOD}
    if not not_audited and not any(item.role is Role.COMPETENCE for item in probe.items):
        found.append("there are no competence items, so a loss of competence cannot be told from less bias.")
    found += _cluster_findings(probe)
    return tuple(found)


def _cluster_findings(probe: Probe) -> list[str]:
    sizes: dict[str, int] = defaultdict(int)
    for item in probe.items:
        if item.role is Role.BIAS:
            sizes[item.cluster_id] += 1
    clusters = probe.card.clusters
    if clusters is ClusterDesign.NONE and max(sizes.values()) > 1:
        return ["the card says that every item is its own cluster, and some items share one."]
    if clusters is ClusterDesign.DESIGNED and probe.card.kind is Kind.ASSOCIATION and len(set(sizes.values())) > 1:
        return [
            f"templates hold between {min(sizes.values())} and {max(sizes.values())} items; a full cross is expected."
        ]
    return []
