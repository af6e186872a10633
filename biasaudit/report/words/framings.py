"""How the ways of asking are said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.report.words.wording import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN: Final[Mapping[str, str]] = {"plain": "in plain text", "chat": "in chat"}


def in_framing(framing: object) -> str:
    """Return where a number was measured, to stand within a sentence.

    Examples
    --------
    >>> in_framing("plain"), in_framing("an old one")
    ('in plain text', 'in the framing an old one')
    """
    return _IN.get(str(framing), f"in the framing {clean(framing)}")
