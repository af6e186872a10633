"""One file per kind of item: item -> prompts; item and responses -> item value; and all else that its kind needs."""

from __future__ import annotations

from biasaudit.kinds._value import ItemValue
from biasaudit.kinds.dispatch import (
    KINDS,
    has_value,
    index_of,
    item_value,
    kind_of,
    kind_of_parts,
    kind_of_texts,
    planned_spread,
    prompts,
    texts_of,
)
from biasaudit.kinds.kind import Checks, Contexts, Index, ItemKind, Passage, Variants, Words, Written
from biasaudit.kinds.written import ItemRow

__all__ = [
    "KINDS",
    "Checks",
    "Contexts",
    "Index",
    "ItemKind",
    "ItemRow",
    "ItemValue",
    "Passage",
    "Variants",
    "Words",
    "Written",
    "has_value",
    "index_of",
    "item_value",
    "kind_of",
    "kind_of_parts",
    "kind_of_texts",
    "planned_spread",
    "prompts",
    "texts_of",
]
