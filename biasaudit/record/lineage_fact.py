"""Which tuned checkpoints of an audit can descend from its base: the only reader of the sentences that say so."""

from __future__ import annotations

from collections.abc import Mapping

from biasaudit.types.lineage import DIFFERENT_LINEAGE


def of_different_lineage(lineage: Mapping[str, object]) -> frozenset[str]:
    """Return the tuned checkpoints that cannot have been tuned from the base.

    Parameters
    ----------
    lineage : mapping
        Tuned checkpoint -> sentence, as a manifest has it; see :func:`biasaudit.models.lineage.lineage`.

    Examples
    --------
    >>> sorted(of_different_lineage({"sft": "same architecture, sizes and vocabulary", "dpo": "DIFFERENT LINEAGE (…)"}))
    ['dpo']
    """
    return frozenset(name for name, told in lineage.items() if str(told).startswith(DIFFERENT_LINEAGE))
