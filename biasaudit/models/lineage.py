"""Whether a tuned checkpoint can descend from a base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from biasaudit.errors import LineageError
from biasaudit.models.loading import Located
from biasaudit.models.tokenizer import tokenizer_sha256

_SIZES: Final = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def lineage(base: Located, tuned: Located, *, allow_different: bool = False) -> str:
    """Say in one sentence how `tuned` relates to `base`.

    Raises
    ------
    LineageError
        If architecture, sizes or vocabulary differ, unless `allow_different`.
    """
    if tuned.adapter is not None and tuned.weights == base.weights and base.adapter is None:
        return "tuned is an adapter on the base's own weights"
    differences = _differences(base.config, tuned.config)
    if tokenizer_sha256(base) != tokenizer_sha256(tuned) and "vocab_size" in " ".join(differences):
        differences.append("the tokenizers differ")
    if not differences:
        return "same architecture, sizes and vocabulary"
    found = "; ".join(differences)
    if allow_different:
        return f"DIFFERENT LINEAGE ({found}): a difference between them cannot be put down to tuning"
    raise LineageError(
        f"{tuned.spec.reference!r} cannot have been tuned from {base.spec.reference!r}: {found}.",
        fix="Name the base that it was tuned from, or compare them all the same with --allow-different-lineage.",
    )


def _differences(base: Mapping[str, object], tuned: Mapping[str, object]) -> list[str]:
    base_text, tuned_text = _text_config(base), _text_config(tuned)
    return [
        f"{name} is {base_text.get(name)} in the base and {tuned_text.get(name)} in the tuned model"
        for name in _SIZES
        if base_text.get(name) != tuned_text.get(name)
    ]


def _text_config(config: Mapping[str, object]) -> Mapping[str, object]:
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) else config
