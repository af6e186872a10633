"""How many decimals an interval carries: the one rule by which the page, its other forms and the terminal round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from biasaudit.stats.verdict import COMPETENCE_CHANCE

PARITY: Final = (0.0,)
"""What an interval of an index, or of a change, is compared with."""

LEAST_INDEX, MOST_INDEX = 2, 4
"""Decimals that an index, a change or a share has at least and at most."""

LEAST_PERCENT: Final = 1

_SMALL_LEADING_DIGIT: Final = 2
"""Up to this first digit, the half-width is told coarsely by one digit: 0.014 and 0.006 would both be 0.01."""

_FINEST: Final = 9
"""Decimals at which a number is told from a mark; nearer, the difference is one of computing."""

_OF_STATISTIC: Final[Mapping[str, tuple[float, ...]]] = {
    "selection_rate_ratio": (1.0,),
    "impact_ratio": (0.8, 1.0),
}
"""Ratios are compared with parity, and with four fifths where the law does."""


def decimals_carried(
    low: float,
    high: float,
    *,
    least: int = LEAST_INDEX,
    most: int = MOST_INDEX,
    marks: Sequence[float] = PARITY,
) -> int:
    """Return with how many decimals a number and both ends of its interval are shown.

    The last digit that is shown is that of the first significant digit of the interval's half-width, and one more
    where that digit is 1 or 2; at least `least` and at most `most`. More are shown only where an interval that is
    clear of a mark would else be shown to touch it: rounding must not contradict a verdict.

    Parameters
    ----------
    low, high : float
        Bounds. Of an interval without width, `least` and one more: it does not say how precise the number is.
    least, most : int
    marks : sequence of float
        What the interval is compared with: parity, the margin on either side, chance, a limit.

    Examples
    --------
    >>> decimals_carried(0.41, 0.61), decimals_carried(0.02, 0.08), decimals_carried(-0.023, 0.015)
    (2, 2, 3)
    >>> decimals_carried(0.004, 0.104), decimals_carried(-0.004, 0.104)
    (3, 2)
    >>> decimals_carried(-0.048, 0.04, marks=(0, -0.05, 0.05))
    3
    """
    by_width = _by_width(low, high, least=least, most=most)
    sides = [side_of(low, high, mark) for mark in marks]
    for decimals in range(by_width, _FINEST + 1):
        shown_low, shown_high = round(low, decimals), round(high, decimals)
        if [side_of(shown_low, shown_high, mark) for mark in marks] == sides:
            return decimals
    return by_width


def side_of(low: float, high: float, mark: float) -> int:
    """Return 1 where an interval lies above a mark, -1 where it lies below it, and 0 where it holds it."""
    return int(low > mark) - int(high < mark)


def change_marks(row: Mapping[str, Any]) -> tuple[float, ...]:  # Any: cells of a pandas row
    """Return what the change of a row of comparisons is compared with: no change, and the margin on either side.

    Examples
    --------
    >>> change_marks({"margin": 0.05})
    (0.0, -0.05, 0.05)
    """
    margin = row.get("margin")
    if not isinstance(margin, (int, float)) or math.isnan(margin):
        return PARITY
    return (*PARITY, -float(margin), float(margin))


def estimate_marks(row: Mapping[str, Any]) -> tuple[float, ...]:  # Any: cells of a pandas row
    """Return what the estimate of a table row is compared with: chance, the parity of its score, or 0.

    Examples
    --------
    >>> estimate_marks({"metric": "competence"}), estimate_marks({"parity": 50.0}), estimate_marks({"metric": "index"})
    ((0.5,), (50.0,), (0.0,))
    """
    if row.get("metric") == "competence":
        return (COMPETENCE_CHANCE,)
    parity = row.get("parity")
    if isinstance(parity, (int, float)) and not math.isnan(parity):
        return (float(parity),)
    return _OF_STATISTIC.get(str(row.get("statistic")), PARITY)


def _by_width(low: float, high: float, *, least: int, most: int) -> int:
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return min(least + 1, most)
    # As text: 0.65 - 0.55 is a little less than 0.1, and would be told by another digit.
    mantissa, exponent = f"{half:.6e}".split("e")
    one_more = int(mantissa[0]) <= _SMALL_LEADING_DIGIT
    return max(least, min(-int(exponent) + one_more, most))
