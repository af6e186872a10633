"""What of an item is compared, and what of it is read: each kind says it of its own."""

from __future__ import annotations

from biasaudit.kinds import Passage, Variants, kind_of, kind_of_texts
from biasaudit.types import ItemTexts, ProbeItem


def variants(texts: ItemTexts) -> tuple[Variants, ...]:
    """Return what an item sets against each other; both sides of an association's table.

    Examples
    --------
    >>> from biasaudit.types import PairTexts
    >>> variants(PairTexts(context="It was", first=" she.", second=" he."))
    (Variants(first=' she.', second=' he.'),)
    """
    return kind_of_texts(texts).checks.variants(texts)


def passages(item: ProbeItem) -> tuple[Passage, ...]:
    """Return the texts of an item that are meant to be good sentences: all but deliberate nonsense."""
    return kind_of(item).checks.passages(item.texts, item.role)


def seams(texts: ItemTexts) -> tuple[tuple[str, str], ...]:
    """Return the places where two texts are joined: what stands before, and after."""
    return kind_of_texts(texts).checks.seams(texts)
