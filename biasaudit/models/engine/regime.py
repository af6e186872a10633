"""Length regimes: models whose positions are turned by other factors in a long text than in a short one.

Which factors a forward uses depends on the longest text in it (LongRoPE has two sets, dynamic scaling grows with the
length, and keeps what it has grown to). A text beside a longer one would get numbers that it does not get alone. So
texts up to the border share batches, and those beyond it are scored one at a time, as one plain forward would.

References
----------
transformers 5.23, ``modeling_rope_utils.py``, ``dynamic_rope_update``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def longest_of_first_regime(model: PreTrainedModel) -> int | None:
    """Return how many tokens a text may have so that its positions are turned as in the shortest one.

    None where there is but one regime.
    """
    borders = [border for module in model.modules() for border in _borders(module)]
    return min(borders, default=None)


def forget_lengths(model: PreTrainedModel) -> None:
    """Bring rotary factors that grew with an earlier text back to where a freshly loaded model has them."""
    for module in model.modules():
        for prefix, _ in _kinds(module):
            original = getattr(module, f"{prefix}original_inv_freq", None)
            grown = getattr(module, f"{prefix}inv_freq", None)
            if original is None or grown is None:
                continue
            if original.shape == grown.shape:
                module.register_buffer(f"{prefix}inv_freq", original.clone().to(grown.device), persistent=False)
            length = getattr(module, "original_max_seq_len", None)
            if length is not None:
                setattr(module, f"{prefix}max_seq_len_cached", length)


def _borders(module: Any) -> list[int]:  # Any: torch types attributes of modules as Module
    found: list[int] = []
    for prefix, kind in _kinds(module):
        parameters = getattr(getattr(module, "config", None), "rope_parameters", None) or {}
        of_layers = parameters.get(prefix.removesuffix("_")) if prefix else parameters
        said = of_layers.get("original_max_position_embeddings") if isinstance(of_layers, Mapping) else None
        length = getattr(module, "original_max_seq_len", None)
        border = said if kind == "longrope" and isinstance(said, int) else length
        if isinstance(border, int):
            found.append(border if kind == "longrope" else border - 1)
    return found


def _kinds(module: Any) -> list[tuple[str, str]]:  # Any: as above
    """Return (prefix of its buffers, kind) of each rotary embedding whose factors depend on the length."""
    kind = getattr(module, "rope_type", None)
    named = [(f"{layers}_", one) for layers, one in kind.items()] if isinstance(kind, Mapping) else [("", kind)]
    return [(prefix, one) for prefix, one in named if isinstance(one, str) and ("dynamic" in one or one == "longrope")]
