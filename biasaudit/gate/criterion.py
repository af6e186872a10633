"""An interval against a limit: pure, and the same for every criterion."""

from __future__ import annotations

import math
from typing import Final

from biasaudit.gate.vocabulary import Criterion, Outcome

RANGES: Final = {
    Criterion.MAX_INDEX: (-1.0, 1.0),
    Criterion.MAX_ABS_INDEX: (-1.0, 1.0),
    Criterion.MAX_INCREASE: (-2.0, 2.0),
    Criterion.MAX_INCREASE_OVER_BASELINE: (-2.0, 2.0),
    Criterion.MIN_RATIO: (0.0, math.inf),
    Criterion.MIN_IMPACT_RATIO: (0.0, 1.0),
    Criterion.MIN_COVERAGE: (0.0, 1.0),
    Criterion.MAX_COMPETENCE_LOSS: (-1.0, 1.0),
}
"""Values that are possible; a widened interval is cut there, which takes no possible value from it."""

REASONS: Final = {
    Outcome.PASSED: "the whole interval keeps the limit",
    Outcome.VIOLATED: "the whole interval breaks the limit",
    Outcome.INCONCLUSIVE: "the interval holds the limit",
}


def judge_upper(low: float, high: float, limit: float) -> Outcome:
    """Hold an interval against an upper limit.

    Parameters
    ----------
    low, high : float
        Bounds; finite, low <= high. Anything else is no interval, and inconclusive.
    limit : float

    Returns
    -------
    Outcome

    Examples
    --------
    >>> [judge_upper(low, high, 0.2).value for low, high in ((0.1, 0.2), (0.1, 0.3), (0.21, 0.3))]
    ['passed', 'inconclusive', 'violated']
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        return Outcome.INCONCLUSIVE
    if high <= limit:
        return Outcome.PASSED
    return Outcome.VIOLATED if low > limit else Outcome.INCONCLUSIVE


def judge(criterion: Criterion, low: float, high: float, bound: float) -> Outcome:
    """Hold an interval against the limit of a criterion, its margin included.

    Parameters
    ----------
    criterion : Criterion
    low, high : float
    bound : float
        Largest value that keeps an upper limit, or smallest that keeps a lower one.

    Returns
    -------
    Outcome
        Passed only if the whole interval keeps the limit, violated only if the whole of it breaks it.

    Examples
    --------
    >>> judge(Criterion.MIN_RATIO, 0.7, 0.9, 0.8).value
    'inconclusive'
    >>> judge(Criterion.MAX_ABS_INDEX, -0.6, -0.4, 0.3).value
    'violated'
    """
    if criterion.is_minimum:
        return judge_upper(-high, -low, -bound)
    above = judge_upper(low, high, bound)
    if criterion is not Criterion.MAX_ABS_INDEX:
        return above
    below = judge_upper(-high, -low, bound)
    if Outcome.VIOLATED in {above, below}:
        return Outcome.VIOLATED
    return Outcome.PASSED if above is below is Outcome.PASSED else Outcome.INCONCLUSIVE
