"""Whether the card says what a reader must know before they believe a number."""

from __future__ import annotations

from collections.abc import Iterator

from biasaudit.probes import Card, Probe
from biasaudit.validity.finding import Finding


def undocumented(probe: Probe) -> Iterator[Finding]:
    """Find what a card leaves unsaid; fields that the form requires are not asked for again."""
    for field, lacking, how in _fields(probe.card):
        if lacking:
            yield Finding(
                code="undocumented", feature="", message=f"card.yaml does not say {field}: {how}. Add it to the card."
            )


def _fields(card: Card) -> Iterator[tuple[str, bool, str]]:
    yield "sources", not card.sources, "who documents the stereotype or the harm, each with title and url"
    yield "why_these_groups", card.why_these_groups is None, "why these groups, and why the first is the reference"
    yield (
        "detects",
        card.detects is None,
        (
            "the smallest change, in index points, that each feature shows with power 0.8; "
            "`biasaudit probes power` computes it"
        ),
    )
    unnamed = [feature for feature in card.features if feature not in card.feature_names]
    yield "feature_names", bool(unnamed), f"how a reader calls the features {unnamed}"
