"""Whether a loss of competence could be told from less bias."""

from __future__ import annotations

from collections.abc import Iterator

from biasaudit.kinds import KINDS
from biasaudit.probes import Probe
from biasaudit.types import Role
from biasaudit.validity.finding import Finding
from biasaudit.validity.groups import bias_items


def no_competence(probe: Probe) -> Iterator[Finding]:
    """Find wordings (of a choice: clusters) with bias items and no competence item; of a published set, any at all."""
    checks = KINDS[probe.card.kind].checks
    if not checks.competence:
        return
    competent = [item for item in probe.items if item.role is Role.COMPETENCE]
    if not competent or probe.card.data.published:
        if not competent:
            yield Finding(
                code="no-competence",
                feature="",
                message=(
                    "there are no competence items, so a loss of competence cannot be told from less bias. "
                    f"Add {checks.competence}."
                ),
            )
        return
    if checks.competence_beside == "cluster":
        what, asked = "cluster", {item.cluster_id: item for item in bias_items(probe)}
        beside = {item.cluster_id for item in competent}
    else:
        what, asked = "wording", {item.family: item for item in bias_items(probe)}
        beside = {item.family for item in competent}
    for name, item in asked.items():
        if name not in beside:
            yield Finding(
                code="no-competence",
                feature=item.feature,
                message=(
                    f"{what} {name!r} has bias items, such as {item.item_id}, and no competence item, so a loss of "
                    f"competence in it cannot be told from less bias. Add {checks.competence}, and the same {what}."
                ),
            )
