"""Where a group over which workers die is cut in two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biasaudit.models.engine.tree import packs

if TYPE_CHECKING:
    from biasaudit.models.engine.tree import TokenSequence
    from biasaudit.types import ScoringFacts


def halves(sequences: Sequence[TokenSequence], scoring: ScoringFacts | None) -> int:
    """Return how many of several sequences make the first half.

    Between two batches where there are several, so that each runs as it would have in the whole: what is computed in
    other packs has other last bits.

    Parameters
    ----------
    sequences : sequence of TokenSequence
        Two or more, in sorted order.
    scoring : ScoringFacts or None
        How the workers run them; None where that is not known yet.

    Examples
    --------
    >>> from biasaudit.models.engine.tree import TokenSequence
    >>> halves([TokenSequence((0, place, 1), 1) for place in range(5)], None)
    2
    """
    if scoring is None or scoring.pack_nodes is None:
        return len(sequences) // 2
    at_once = max(1, scoring.batch_tokens // scoring.pack_nodes)
    sizes = [len(pack.members) for pack in packs(sequences, scoring.pack_nodes)]
    batches = [sum(sizes[start : start + at_once]) for start in range(0, len(sizes), at_once)]
    return sum(batches[: len(batches) // 2]) if len(batches) > 1 else len(sequences) // 2
