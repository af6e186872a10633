"""How large a lean is, in words: what a number between -1 and 1 means for the kind of item that it comes from."""

from __future__ import annotations

from biasaudit.kinds import KINDS


def how_large(kind: str, lean: float) -> str:
    """Return what a lean means, in a clause; empty for a kind of which nothing short is right.

    Parameters
    ----------
    kind : str
        Of the items.
    lean : float
        Mean of the graded item values, in [-1, 1]; positive is with the stereotype.

    Notes
    -----
    Nothing here is a count: the graded form averages probabilities. Of an association it is Yule's coefficient, so
    that (1 + B) / 2 is the probability of the pairing that fits the stereotype, once either word and either group is
    as frequent as the other. Of choices and decisions it is a difference between two shares. Of pairs it is a
    compressed log ratio, tanh(d / 4), of which no share is right.

    References
    ----------
    docs/methods.md, sections 2.1 to 2.4.

    Examples
    --------
    >>> how_large("association", 0.513)
    '76 of 100 parts of the probability go to the pairings that fit the stereotype; without a lean 50 would'
    >>> how_large("pair", 0.51)
    ''
    """
    means = KINDS[kind].words.lean_means if kind in KINDS else None
    return "" if means is None else means(lean)
