"""Counts of drawn answers as they stand in the table of responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from biasaudit.types import Counted

LONGEST_SHOWN: Final = 300
"""Characters of a draw that are kept in an audit; the cache has all of them."""

_NO_ANSWER: Final = ("refused", "unparsed")


def as_json(counted: Counted) -> str:
    """Return the counts of a response, as the table has them.

    Examples
    --------
    >>> as_json(Counted(key="k", counts={"yes": 3, "no": 1}, n_refused=0, n_unparsed=1))
    '{"no": 1, "refused": 0, "unparsed": 1, "yes": 3}'
    """
    none = dict(zip(_NO_ANSWER, (counted.n_refused, counted.n_unparsed), strict=True))
    return json.dumps({**counted.counts, **none}, sort_keys=True)


def shown(counted: Counted) -> str:
    """Return what was written, cut, as the table has it."""
    return json.dumps([text[:LONGEST_SHOWN] for text in counted.texts])


def of_json(key: str, stored: str) -> Counted:
    """Return the counts that the table has.

    Raises
    ------
    ValueError
        If they are none.

    Examples
    --------
    >>> of_json("k", '{"no": 1, "refused": 0, "unparsed": 1, "yes": 3}').n_read
    4
    """
    found = json.loads(stored)
    if not isinstance(found, Mapping) or not all(_is_count(value) for value in found.values()):
        msg = f"{stored[:80]!a} counts nothing"
        raise ValueError(msg)
    counts = {str(name): int(value) for name, value in found.items()}
    if not set(_NO_ANSWER) < set(counts):
        msg = f"{stored[:80]!a} lacks {' or '.join(_NO_ANSWER)}, or every answer"
        raise ValueError(msg)
    refused, unparsed = (counts.pop(name) for name in _NO_ANSWER)
    return Counted(key=key, counts=counts, n_refused=refused, n_unparsed=unparsed)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
