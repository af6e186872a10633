"""How it is written down that a tuned checkpoint cannot descend from the base."""

from __future__ import annotations

from typing import Final

DIFFERENT_LINEAGE: Final = "DIFFERENT LINEAGE"
"""How the sentence on the lineage of such a checkpoint begins; an audit holds no more of it than the sentence."""
