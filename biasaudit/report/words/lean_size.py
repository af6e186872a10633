"""How large a lean is, in words: what a number between -1 and 1 means for the kind of item that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from biasaudit.report.words.wording import number

_HALF: Final = 50
_ALL: Final = 100
_WHOLE: Final = 10


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
    return _SAID[kind](lean) if kind in _SAID else ""


def _association(lean: float) -> str:
    share = _parts(_HALF * (1 + lean))
    return (
        f"{share} of 100 parts of the probability go to the pairings that fit the stereotype; without a lean 50 would"
    )


def _choice(lean: float) -> str:
    whom = "whom the stereotype names" if lean >= 0 else "whom it does not name"
    return f"of 100 parts of the probability, {_parts(_ALL * abs(lean))} more go to the person {whom}"


def _decision(lean: float) -> str:
    whom = "expects to be favoured" if lean >= 0 else "expects to be passed over"
    return f"a yes is {_parts(_ALL * abs(lean))} of 100 parts likelier for the group that the stereotype {whom}"


def _parts(value: float) -> str:
    """Return a number of parts: whole from 10, below that with one decimal.

    Examples
    --------
    >>> _parts(75.7), _parts(3.21)
    ('76', '3.2')
    """
    return number(value, decimals=0 if value >= _WHOLE else 1)


_SAID: Final[Mapping[str, Callable[[float], str]]] = {
    "association": _association,
    "choice": _choice,
    "decision": _decision,
}
