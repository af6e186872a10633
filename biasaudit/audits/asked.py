"""What an audit asks, and what it notes of whom it asks with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from biasaudit import kinds
from biasaudit.framing import framed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.framing import Framing
    from biasaudit.probes import Probe
    from biasaudit.types import Request


def requests_of(probe: Probe, framings: Sequence[Framing], prefixes: Mapping[str, str]) -> list[Request]:
    """Return what a probe asks of one checkpoint, framing by framing.

    Parameters
    ----------
    probe : Probe
    framings : sequence of Framing
    prefixes : mapping
        Framing id -> rendered chat template up to the assistant's turn.
    """
    return [
        framed(prompt, item_id=item.item_id, framing=framing, chat_prefix=prefixes.get(framing.framing_id))
        for framing in framings
        for item in probe.items
        for prompt in kinds.prompts(item)
    ]


def probe_facts(probe: Probe) -> dict[str, Any]:  # Any: JSON values
    """Return what the manifest says of a probe."""
    card = probe.card
    bias = [item for item in probe.items if item.role.value == "bias"]
    return {
        "name": card.name,
        "version": card.version,
        "kind": card.kind.value,
        "clusters": card.clusters.value,
        "language": card.language,
        "construct": card.measures,
        "harm": card.harm,
        "positive_index": card.positive_index,
        "licence": card.licence,
        "citation": card.citation,
        "known_defects": list(card.known_defects),
        "not_shown": card.not_shown,
        "origin": probe.origin,
        "notices": list(probe.notices),
        "sha256": probe.sha256,
        "n_items": len(bias),
        "n_clusters": len({item.cluster_id for item in bias}),
    }
