"""How much a lean rose: an interval of the change of |B|, from those of the change and of the sum of B."""

from __future__ import annotations

from typing import Final, NamedTuple

LARGEST: Final = 2.0
"""Largest size of a difference, or of a sum, of two indices."""


class Interval(NamedTuple):
    """A value and its bounds."""

    value: float
    low: float
    high: float


class Halves(NamedTuple):
    """What a rise of |B| is made of.

    Attributes
    ----------
    reduction : Interval
        D = B_first - B_second.
    total : Interval
        S = B_first + B_second.
    """

    reduction: Interval
    total: Interval

    @property
    def rise(self) -> Interval:
        """|B_second| - |B_first|; see :func:`rise_of_lean`."""
        return rise_of_lean(self.reduction, self.total)


def rise_of_lean(reduction: Interval, total: Interval) -> Interval:
    """Bound |B_second| - |B_first| by the intervals of D = B_first - B_second and S = B_first + B_second.

    A lean against the stereotype is a lean: -0.49 to 0 is a fall of 0.49, and 0 to -0.62 a rise of 0.62.

    Parameters
    ----------
    reduction, total : Interval
        Of D and of S.

    Returns
    -------
    Interval
        Its upper bound keeps a limit L exactly if (D.high <= L or S.low >= -L) and (D.low >= -L or S.high <= L); its
        lower bound breaks it exactly if (D.low > L and S.high < -L) or (D.high < -L and S.low > L).

    Notes
    -----
    Write x for B_second and y for B_first, so that x - y = -D and x + y = S. For every number L

    |x| <= |y| + L   if and only if   x <= max(y, -y) + L   and   -x <= max(y, -y) + L,

    that is (x - y <= L or x + y <= L) and (-x - y <= L or y - x <= L), in which each sum is D or S up to its sign:
    (-D <= L or S <= L) and (-S <= L or D <= L). Hence the rise is max(min(-D, S), min(D, -S)), and each of the four
    terms rises or falls with one of D and S alone, so that putting in their bounds bounds it.

    A pass is false only where the rise is more than L, which takes D < -L and S > L (or both with the other sign);
    then it needs D.low >= -L or S.high <= L, two misses on one side each: of two intervals at 95 %, at most 5.0 %.

    Examples
    --------
    >>> was, sum_ = Interval(-0.49, -0.55, -0.43), Interval(-0.49, -0.56, -0.42)  # -0.49 to 0
    >>> rise_of_lean(was, sum_)
    Interval(value=-0.49, low=-0.55, high=-0.42)
    >>> appears, sum_ = Interval(0.62, 0.55, 0.69), Interval(-0.62, -0.7, -0.54)  # 0 to -0.62
    >>> rise_of_lean(appears, sum_)
    Interval(value=0.62, low=0.54, high=0.69)
    """
    (d, d_low, d_high), (s, s_low, s_high) = reduction, total
    return Interval(
        value=max(min(-d, s), min(d, -s)) + 0.0,  # 0.0 in place of -0.0
        low=max(min(-d_high, s_low), min(d_low, -s_high)) + 0.0,
        high=max(min(-d_low, s_high), min(d_high, -s_low)) + 0.0,
    )
