"""Which adapters an engine that reads LoRA can put on a base as peft does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from biasaudit.errors import ModelFilesError
from biasaudit.models.local.adapter_config import read_adapter_config
from biasaudit.models.local.adapter_fit import shapes_of

RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""Largest ranks that vLLM can be asked to make room for."""

_ADDS: Final = {
    "use_dora": "directions of weights (DoRA)",
    "use_qalora": "weights in groups (QALoRA)",
    "use_bdlora": "blocks of weights (BD-LoRA)",
    "lora_bias": "biases",
    "modules_to_save": "whole layers",
    "trainable_token_indices": "single tokens",
    "target_parameters": "parameters that are no layers",
    "fan_in_fan_out": "transposed weights",
    "layer_replication": "layers again",
}
_PLAIN: Final = (".lora_A.weight", ".lora_B.weight")
_ENDS: Final = ("lm_head", "embed_tokens", "wte", "embed_out")
"""Embeddings and output layers, for which vLLM 0.32 computes no log-probabilities of prompts."""


def layers_of(folder: Path) -> tuple[str, ...]:
    """Return the last parts of the names of the layers that an adapter changes."""
    names = [name.removesuffix(_PLAIN[0]) for name in shapes_of(folder) if name.endswith(_PLAIN[0])]
    return tuple(sorted({name.rpartition(".")[2] for name in names}))


def rank_of(folder: Path) -> int:
    """Return the rank for which an engine has to make room, of an adapter that is plain LoRA.

    Parameters
    ----------
    folder : Path
        Of the adapter, found and checked to be one.

    Raises
    ------
    ModelFilesError
        If it is of another kind, or changes what an engine would leave as it is without a word.
    """
    settings = read_adapter_config(folder)
    kind = str(settings.get("peft_type"))
    more = [what for name, what in _ADDS.items() if settings.get(name)]
    if settings.get("bias", "none") != "none":
        more.append("biases")
    more += [f"the layer {name}" for name in layers_of(folder) if name in _ENDS]
    others = sorted(name for name in shapes_of(folder) if not name.endswith(_PLAIN))
    if kind != "LORA" or more or others:
        found = f"is of the kind {kind}" if kind != "LORA" else f"changes {(more or others)[0]} too"
        raise ModelFilesError(
            f"the adapter {str(folder)!r} {found}; the engine takes plain LoRA.",
            fix="Leave the prefix of the engine out, or merge the adapter into its base and name the merged model.",
        )
    ranks = [shape[0] for name, shape in shapes_of(folder).items() if name.endswith(_PLAIN[0])]
    largest = max(ranks, default=0)
    found_rank = next((rank for rank in RANKS if rank >= largest), None)
    if found_rank is None or not ranks:
        raise ModelFilesError(
            f"the adapter {str(folder)!r} has rank {largest}; the engine takes at most {RANKS[-1]}.",
            fix="Leave the prefix of the engine out.",
        )
    return found_rank
