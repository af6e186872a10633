"""Whether damage to what a good model keeps could be told from less bias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from biasaudit.kinds.association import ASSOCIATION
from biasaudit.probes import Probe
from biasaudit.types import Role
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.groups import bias_items

LEAST_CLUSTERS: Final = 5
"""Fewer give no interval."""


def no_licensed(probe: Probe) -> Iterator[Finding]:
    """Find features of an association that have no licensed items, or too few clusters of them."""
    if probe.card.kind != ASSOCIATION.name:
        return
    clusters: dict[str, set[str]] = defaultdict(set)
    for item in probe.items:
        if item.role is Role.LICENSED:
            clusters[item.feature].add(item.cluster_id)
    for feature in dict.fromkeys(item.feature for item in bias_items(probe)):
        n_clusters = len(clusters[feature])
        if n_clusters >= LEAST_CLUSTERS:
            continue
        found = f"licensed items in {many(n_clusters, 'cluster')} only" if n_clusters else "no licensed items"
        yield Finding(
            code="no-licensed",
            feature=feature,
            message=(
                f"feature {feature!r} has {found}, so that damage cannot be told from less bias: expected contrasts "
                f"that a good model keeps (the queen ... she, not he), in at least {LEAST_CLUSTERS} clusters. Add them "
                "in items.jsonl with role: licensed, name the feature as ours where it is the same, or say in "
                "card.yaml under accepts why there are none."
            ),
        )
