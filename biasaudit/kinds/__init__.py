"""One file per kind of item: item -> prompts; item and responses -> item value."""

from __future__ import annotations

from biasaudit.kinds._value import ItemValue
from biasaudit.kinds.dispatch import has_value, item_value, prompts

__all__ = ["ItemValue", "has_value", "item_value", "prompts"]
