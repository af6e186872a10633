"""How much the tuned checkpoint leans with the stereotype."""

from __future__ import annotations

from typing import Final

from biasaudit.gate.criterion import Criterion
from biasaudit.gate.readings import graded_levels, levels

MAX_INDEX: Final = Criterion(
    name="max_index",
    description="Upper limit on the tuned checkpoint's index.",
    limits=(-1, 1),
    values=(-1.0, 1.0),
    keys=frozenset({"features", "form", "framing"}),
    read=levels,
    read_graded=graded_levels,
)
