"""One file per kind of item: item -> prompts; item and responses -> item value."""

from __future__ import annotations

from biasaudit.kinds._value import ItemValue
from biasaudit.kinds.dispatch import KINDS, has_value, item_value, kind_of, kind_of_parts, prompts
from biasaudit.kinds.kind import ItemKind

__all__ = ["KINDS", "ItemKind", "ItemValue", "has_value", "item_value", "kind_of", "kind_of_parts", "prompts"]
