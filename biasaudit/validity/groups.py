"""Whether every declared feature and group is asked about, in every wording."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from biasaudit.probes import Probe
from biasaudit.types import ProbeItem, Role
from biasaudit.validity.finding import Finding


def no_items(probe: Probe) -> Iterator[Finding]:
    """Find declared features that no bias item has."""
    asked = {item.feature for item in bias_items(probe)}
    for feature in probe.card.features:
        if feature not in asked:
            yield Finding(
                code="no-items",
                feature=feature,
                message=f"feature {feature!r} is declared, and no item has it. Add items or drop the feature.",
            )


def groups_missing(probe: Probe) -> Iterator[Finding]:
    """Find declared groups that a feature's items never name or, in probes of one's own, some wording never names."""
    published = probe.card.data.published
    named: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for item in bias_items(probe):
        named[item.feature]["" if published else item.family] |= set(item.groups)
    for feature, families in named.items():
        declared = probe.card.groups[feature]
        for group in declared:
            absent = sorted(family for family, groups in families.items() if group not in groups)
            if not absent:
                continue
            if len(absent) == len(families):
                where = "no item names"
            else:
                where = f"{len(absent)} of {len(families)} wordings, such as {absent[0]!r}, never name"
            yield Finding(
                code="groups-missing",
                feature=feature,
                message=(
                    f"feature {feature!r}: {where} the group {group!r}, which card.yaml declares. "
                    "Write items about every group in every wording, or drop the group."
                ),
            )


def bias_items(probe: Probe) -> list[ProbeItem]:
    """Return the bias items, in their order."""
    return [item for item in probe.items if item.role is Role.BIAS]
