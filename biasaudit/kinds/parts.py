"""Shares of a probability in words: so many parts of 100."""

from __future__ import annotations

from typing import Final

_WHOLE: Final = 10


def parts(share: float) -> str:
    """Return a share as parts of 100: whole from 10, below that with one decimal.

    Examples
    --------
    >>> parts(0.757), parts(0.0321)
    ('76', '3.2')
    """
    value = 100 * share
    return f"{value:.{0 if value >= _WHOLE else 1}f}"
