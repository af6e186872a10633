"""What a check finds: a code, a place, and a message that says how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "no-items": "a declared feature that no item has",
    "groups-missing": "declared groups that some wordings never name",
    "not-minimal": "variants of an item that differ in more than the slot",
    "equal-variants": "variants of an item that are equal",
    "duplicate": "items that ask the same",
    "grammar": "texts that break a rule of English",
    "token-difference": "variants of very unequal length",
    "one-direction": "a design that runs one way only",
    "few-clusters": "too few clusters for an interval",
    "under-powered": "features that cannot show the change that the card states",
    "one-wording": "features that rest on one wording",
    "uneven-cross": "templates that hold unequal numbers of items",
    "shared-cluster": "items that share a cluster, where the card says that none do",
    "no-competence": "bias items without competence items beside them",
    "no-licensed": "features of an association without enough licensed items",
    "undocumented": "what the card does not say",
    "accepts-unknown": "accepted codes that no check has",
    "accepts-nothing": "accepted codes that find nothing",
}
"""Code of a finding -> what it means, in a few words."""

OF_THE_CARD: Final = ("accepts-unknown", "accepts-nothing")
"""Codes about what a card accepts, which no card can accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a reader should mend, or that the card says why it stays.

    Attributes
    ----------
    code : str
        One of ``CODES``.
    feature : str
        Sensitive feature that it is about; empty where it is about the whole probe.
    message : str
        Where, what was found, what was expected, and how to mend it.
    accepted : str or None
        The card's reason, where the card accepts findings of this code.
    """

    code: str
    feature: str
    message: str
    accepted: str | None = None


def many(count: int, what: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> many(1, "item"), many(2, "item")
    ('1 item', '2 items')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
