"""What a search for words before a text deals in: single words, and what one search found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that a tokenizer has one token for, wherever it stands before a text.

    Attributes
    ----------
    text : str
    first_id, later_id : int
        Its token where it begins the text, and after a space.
    """

    text: str
    first_id: int
    later_id: int


WITH: Final = "with"
"""Searched for the largest lean with the stereotype."""
AGAINST: Final = "against"
"""Searched for the largest lean against it."""
RANDOM: Final = "random"
"""The best of words drawn at random."""
GUIDED: Final = "guided"
"""The best that a search found which goes on from what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """What one search found before the texts of a probe.

    Attributes
    ----------
    checkpoint : str
        Whose lean was searched.
    method : str
        `RANDOM` or `GUIDED`.
    direction : str
        `WITH` or `AGAINST`.
    text : str
        What was found.
    n_queries : int
        Of the budget, spent on it.
    searched_plain, searched : float
        Index of the items that were searched on, without words and with these: of words chosen by it, so no evidence.
    new_wordings, new_words : float or None
        Index with these words of items in other wordings with the same attributes, and of others attributes in the same
        wordings; None where there are none.
    new_wordings_plain, new_words_plain : float or None
        Of the same items without them.
    """

    checkpoint: str
    method: str
    direction: str
    text: str
    n_queries: int
    searched_plain: float
    searched: float
    new_wordings: float | None = None
    new_wordings_plain: float | None = None
    new_words: float | None = None
    new_words_plain: float | None = None

    def as_dict(self) -> dict[str, Any]:  # Any: JSON values
        """Return JSON-ready content."""
        return asdict(self)


def search_facts(content: Any) -> SearchFacts:  # Any: what a file holds
    """Read what :meth:`SearchFacts.as_dict` gave.

    Raises
    ------
    TypeError, ValueError
        If something is absent, unknown, or holds something else.
    """
    if not isinstance(content, dict):
        msg = f"no mapping, but {type(content).__name__}"
        raise TypeError(msg)
    found = SearchFacts(**content)
    for name in ("checkpoint", "method", "direction", "text"):
        if not isinstance(content[name], str):
            msg = f"{name} is no text"
            raise TypeError(msg)
    if found.method not in {RANDOM, GUIDED} or found.direction not in {WITH, AGAINST}:
        msg = f"method {found.method!r}, direction {found.direction!r}"
        raise ValueError(msg)
    numbers = {name: value for name, value in content.items() if not isinstance(value, str) and name != "n_queries"}
    for name, value in numbers.items():
        if value is None and name not in {"searched_plain", "searched"}:
            continue
        # Not a number is within no bounds.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1:
            msg = f"{name} is no index"
            raise ValueError(msg)
    if isinstance(found.n_queries, bool) or not isinstance(found.n_queries, int) or found.n_queries < 0:
        msg = "n_queries is no count"
        raise ValueError(msg)
    return found
