"""Whether there are clusters, wordings and items enough for what the card states."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from biasaudit.kinds import KINDS, planned_spread
from biasaudit.probes import Probe
from biasaudit.stats import can_show_a_change, prospect
from biasaudit.types import ClusterDesign
from biasaudit.validity.finding import Finding, many
from biasaudit.validity.groups import bias_items

MIN_CLUSTERS: Final = 5
MIN_WORDINGS: Final = 2
DIGITS: Final = 3
"""To which a smallest detectable change is rounded before it is held against the card's."""


def few_clusters(probe: Probe) -> Iterator[Finding]:
    """Find features with fewer than 5 clusters, of which no interval is given, or too few to show any change."""
    for feature, (_, n_clusters) in sizes(probe).items():
        if n_clusters >= MIN_CLUSTERS and not can_show_a_change(n_clusters):
            yield Finding(
                code="few-clusters",
                feature=feature,
                message=(
                    f"feature {feature!r} has {many(n_clusters, 'cluster')}, with which the least p-value is "
                    f"{2.0 ** (1 - n_clusters):.3f}: no change can be shown, however large. Add templates or sources."
                ),
            )
        if n_clusters < MIN_CLUSTERS:
            yield Finding(
                code="few-clusters",
                feature=feature,
                message=(
                    f"feature {feature!r} has {many(n_clusters, 'cluster')}; fewer than {MIN_CLUSTERS} give no "
                    "interval. Add templates or sources."
                ),
            )


def under_powered(probe: Probe) -> Iterator[Finding]:
    """Find features whose smallest detectable change is larger than the card's ``detects``."""
    stated = probe.card.detects
    if stated is None:
        return
    for feature, (n_items, n_clusters) in sizes(probe).items():
        planned = prospect(n_items, n_clusters, spread=planned_spread(probe.card.kind))
        change = planned.smallest_detectable_change
        if change is not None and round(change, DIGITS) > stated:
            yield Finding(
                code="under-powered",
                feature=feature,
                message=(
                    f"feature {feature!r}: with {many(n_items, 'item')} in {many(n_clusters, 'cluster')}, the smallest "
                    f"change found with power 0.8 is {change:.{DIGITS}f} on the graded index; card.yaml states "
                    f"detects: {stated:g}. Add clusters (they help most) or items, or state what the probe detects."
                ),
            )


def one_wording(probe: Probe) -> Iterator[Finding]:
    """Find features whose items are all of one wording family."""
    families: dict[str, set[str]] = defaultdict(set)
    for item in bias_items(probe):
        families[item.feature].add(item.family)
    for feature, found in families.items():
        if len(found) < MIN_WORDINGS:
            yield Finding(
                code="one-wording",
                feature=feature,
                message=(
                    f"feature {feature!r}: all items have the wording {next(iter(found))!r}, so that nobody can tell "
                    f"a lean from a habit of the wording; expected at least {MIN_WORDINGS}. Add a paraphrase (a "
                    "template, a wording, or another value of the field family)."
                ),
            )


def uneven_cross(probe: Probe) -> Iterator[Finding]:
    """Find designed associations whose templates hold unequal numbers of items."""
    counts = Counter(item.cluster_id for item in bias_items(probe))
    designed = probe.card.clusters is ClusterDesign.DESIGNED and KINDS[probe.card.kind].checks.crossed
    if designed and len(set(counts.values())) > 1:
        [(most, n_most), *_, (fewest, n_fewest)] = counts.most_common()
        yield Finding(
            code="uneven-cross",
            feature="",
            message=(
                f"template {fewest!r} holds {many(n_fewest, 'item')} and {most!r} {n_most:,}; a full cross of "
                "templates, groups and words is expected. Add the items that are lacking."
            ),
        )


def shared_cluster(probe: Probe) -> Iterator[Finding]:
    """Find items that share a cluster, where the card says that every item is its own."""
    counts = Counter(item.cluster_id for item in bias_items(probe))
    if probe.card.clusters is ClusterDesign.NONE and counts and max(counts.values()) > 1:
        cluster, size = counts.most_common(1)[0]
        yield Finding(
            code="shared-cluster",
            feature="",
            message=(
                f"card.yaml says that every item is its own cluster, and {many(size, 'item')} share {cluster!r}. "
                "Write clusters: designed, or give each item a cluster of its own."
            ),
        )


def sizes(probe: Probe) -> dict[str, tuple[int, int]]:
    """Return feature -> number of bias items and of clusters."""
    alone = probe.card.clusters is ClusterDesign.NONE
    items: Counter[str] = Counter()
    clusters: dict[str, set[str]] = defaultdict(set)
    for item in bias_items(probe):
        items[item.feature] += 1
        clusters[item.feature].add(item.cluster_id)
    return {name: (count, count if alone else len(clusters[name])) for name, count in items.items()}
