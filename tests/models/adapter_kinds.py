"""One adapter of each kind on tiny models, with weights that change them; and what a fresh model gives with it."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference, score
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.types import Scored
from tests.models.test_models import request

ATTENTION: Final = {"llama": ["q_proj", "v_proj"], "gpt2": ["c_attn"]}
EMBEDDING: Final = {"llama": "embed_tokens", "gpt2": "wte"}

LORA: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "all linear layers": {"target_modules": "all-linear"},
    "all biases": {"bias": "all"},
    "its own biases": {"bias": "lora_only"},
    "the output layer": {"target_modules": ["lm_head"]},
    "the embeddings": {"target_modules": ["EMBEDDING"]},
    "DoRA": {"use_dora": True},
    "rsLoRA and patterns": {"use_rslora": True, "rank_pattern": {"FIRST": 4}, "alpha_pattern": {"FIRST": 3}},
    "a saved output layer": {"modules_to_save": ["lm_head"]},
    "saved embeddings": {"modules_to_save": ["EMBEDDING", "lm_head"]},
    "single tokens": {"trainable_token_indices": [4, 5, 9]},
    "PiSSA": {"init_lora_weights": "pissa"},
    "orthogonal": {"init_lora_weights": "orthogonal"},
    "MiCA": {"init_lora_weights": "mica"},
    "a bias": {"lora_bias": True},
    "a pattern": {"target_modules": r".*\.1\..*(q_proj|v_proj|c_attn)"},
    "exceptions": {"exclude_modules": r".*\.0\..*"},
    "one layer": {"layers_to_transform": [1]},
}
"""What one can do with LoRA, as settings."""

OTHERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ADALORA": {"init_r": 4, "target_r": 2, "total_step": 10},
    "ADAMSS": {"r": 4},
    "BEFT": {},
    "BOFT": {"boft_block_size": 4},
    "C3A": {"block_size": 8},
    "DEFT": {},
    "DELORA": {},
    "FOURIERFT": {"n_frequency": 50},
    "GLORA": {},
    "GRALORA": {"gralora_k": 2},
    "HIRA": {},
    "HRA": {},
    "IA3": {"feedforward_modules": []},
    "LN_TUNING": {"target_modules": ["input_layernorm", "ln_1"]},
    "LOHA": {},
    "LOKR": {},
    "MISS": {},
    "OFT": {"oft_block_size": 4, "r": 0},
    "OSF": {"effective_rank": 8},
    "PEANUT": {},
    "PSOFT": {},
    "PVERA": {},
    "RANDLORA": {},
    "ROAD": {"group_size": 8},
    "SHIRA": {},
    "SUPERTUNING": {},
    "TINYLORA": {},
    "TRAINABLE_TOKENS": {"token_indices": [4, 5, 9], "target_modules": ["EMBEDDING"]},
    "UNILORA": {"theta_d_length": 64},
    "VBLORA": {"num_vectors": 8, "vector_length": 8, "topk": 2},
    "VERA": {},
    "WAVEFT": {"n_frequency": 64},
}
"""All other kinds, with what a tiny model needs."""

CONV1D: Final = ("FOURIERFT", "GRALORA", "IA3", "LN_TUNING", "TRAINABLE_TOKENS", "VERA")
"""Some of the kinds that peft can put on GPT-2, whose layers keep their weights the other way round."""

TEXTS: Final = [
    request("", "the nurse said that she would come"),
    request("", "the nurse said that he would come"),
    request("the nurse", " said that she"),
    request("", "a"),
]


def settings_of(kind: str, base: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an adapter of `kind` on a tiny llama or GPT-2."""
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    fields = {one.name for one in dataclasses.fields(PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(kind)])}
    usual = {"r": 2, "target_modules": ATTENTION[base], "fan_in_fan_out": base == "gpt2"}
    # AdaLoRA reckons with its own two ranks.
    usual = {name: value for name, value in usual.items() if name in fields and (kind, name) != ("ADALORA", "r")}
    stand_ins = {"EMBEDDING": EMBEDDING[base], "FIRST": ATTENTION[base][0]}

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        if isinstance(value, dict):
            return {filled(key): one for key, one in value.items()}
        return stand_ins.get(value, value) if isinstance(value, str) else value

    return {**usual, **{name: filled(value) for name, value in extra.items()}}


def save_kind(kind: str, base: Path, folder: Path, **settings: Any) -> Path:
    """Save an adapter of `kind` whose weights are random and not small."""
    import torch
    from peft import PeftType, get_peft_model
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(3)
        made: Any = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(kind)]  # each kind has its own arguments
        config = made(task_type="CAUSAL_LM", **settings)
        model = get_peft_model(fresh(base), config)
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data.add_(0.05 * torch.randn(weight.shape))
        model.save_pretrained(str(folder))
    return folder


def fresh(base: Path, adapter: Path | None = None) -> Any:
    """Load a model as its makers do, and an adapter on it as peft does."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
        model.eval()
        return model if adapter is None else PeftModel.from_pretrained(model, str(adapter)).eval()


@functools.cache
def token_ids() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return contexts and continuations: two that share a beginning, a short and a long one."""
    return [
        ((0,), (4, 9, 40, 41, 42)),
        ((0, 4, 9), (60, 5, 61)),
        ((0, 4, 9), (60, 5, 62, 63, 9)),
        ((0,), tuple(range(20, 60))),
    ]


def by_hand(model: Any) -> list[float]:
    """Return the log-probability of each token of each continuation, one text at a time, by one plain forward."""
    import torch

    found = []
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for context, continuation in token_ids():
            ids = [*context, *continuation]
            logprobs = model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
            found += [float(logprobs[place - 1, ids[place]]) for place in range(len(context), len(ids))]
    return found


def scored(loaded: LoadedModel, *, plain: bool = False) -> list[float]:
    """Return the same from the product: through the engine, packed where it packs, or padded."""
    from biasaudit.models.engine.engine import Engine

    if plain:
        return [value for values in loaded.continuation_logprobs(token_ids()) for value in values]
    sequences = [TokenSequence((*context, *continuation), len(context)) for context, continuation in token_ids()]
    found = dict(one for batch, _ in Engine(loaded, None).run(sequences, None) for one in batch)
    return [value for number in range(len(sequences)) for value in found[number]]


def opened(shelf: ModelShelf, base: Path, adapter: Path | None = None) -> LoadedModel:
    return shelf.open(locate(parse_reference(str(base) if adapter is None else f"{base}+{adapter}")))


def responses(loaded: LoadedModel) -> list[float]:
    return [one.logprob_nats for one in score(loaded, TEXTS) if isinstance(one, Scored)]
