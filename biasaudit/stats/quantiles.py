"""Student's t, from scipy's special functions: scipy.stats takes half a second to import."""

from __future__ import annotations

from scipy import special


def t_quantile(probability: float, freedom: float) -> float:
    """Return the value below which t lies with this probability.

    Examples
    --------
    >>> round(t_quantile(0.975, 9), 3)
    2.262
    """
    return float(special.stdtrit(freedom, probability))


def t_reach(level: float, n_clusters: int) -> float:
    """Return how many standard errors an interval reaches to either side.

    Examples
    --------
    >>> round(t_reach(0.95, 10), 3)
    2.262
    """
    return t_quantile((1 + level) / 2, n_clusters - 1)


def t_tail(value: float, freedom: float) -> float:
    """Return the probability that t is larger than `value`.

    Examples
    --------
    >>> round(t_tail(2.262, 9), 3)
    0.025
    """
    return float(special.stdtr(freedom, -value))
