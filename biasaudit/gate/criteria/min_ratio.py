"""A group's selection rate over the reference group's."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from biasaudit.gate.criterion import Criterion, judge_lower
from biasaudit.gate.readings import ratios

MIN_RATIO: Final = Criterion(
    name="min_ratio",
    description="Lower limit on each group's selection rate over that of the reference group, which the card names.",
    limits=(0, 1),
    values=(0.0, math.inf),
    keys=frozenset({"features", "groups", "framing"}),
    read=partial(ratios, statistic="selection_rate_ratio"),
    judge=judge_lower,
    # A ratio of few is decided by chance.
    min_items=30,
    applies_to="selection rates by group",
)
