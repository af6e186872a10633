"""A group's selection rate over the most selected group's."""

from __future__ import annotations

from functools import partial
from typing import Final

from biasaudit.gate.criterion import Criterion, judge_lower
from biasaudit.gate.readings import ratios

MIN_IMPACT_RATIO: Final = Criterion(
    name="min_impact_ratio",
    description="Lower limit on each group's selection rate over the most selected group's: 0.8 is the four-fifths "
    "rule.",
    limits=(0, 1),
    values=(0.0, 1.0),
    keys=frozenset({"features", "groups", "framing"}),
    read=partial(ratios, statistic="impact_ratio"),
    judge=judge_lower,
    # A ratio of few is decided by chance.
    min_items=30,
    applies_to="selection rates by group",
)
