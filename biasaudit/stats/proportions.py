"""Shares of independent draws."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its interval, in [0, 1]."""

    value: float
    low: float
    high: float


def wilson(n_found: int, n: int, *, level: float = 0.95) -> Share | None:
    """Return a share of independent draws with Wilson's score interval; None where there are none.

    It is the interval of one cell: how often a model would answer so to this very text. It says nothing of other texts.

    Parameters
    ----------
    n_found, n : int
        0 <= n_found <= n.
    level : float
        Confidence level, in (0, 1).

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference; as in statsmodels.

    Examples
    --------
    >>> share = wilson(0, 25)
    >>> round(share.value, 3), round(share.low, 3), round(share.high, 3)
    (0.0, 0.0, 0.133)
    >>> wilson(0, 0) is None
    True
    """
    if n == 0:
        return None
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415  # slow to import

    low, high = proportion_confint(n_found, n, alpha=1 - level, method="wilson")
    return Share(value=n_found / n, low=float(low), high=float(high))
