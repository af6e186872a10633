"""Causal architectures of transformers in tiny random form, for tests that ask whether all of them come out right.

``ARCHITECTURES`` are built; ``NOT_BUILT`` says of each other type why not. A test makes sure that no type of
transformers is in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.tiny import save_tokenizer

LLAMA_LIKE: Final[dict[str, Any]] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
GPT_LIKE: Final[dict[str, Any]] = {"n_embd": 32, "n_layer": 2, "n_head": 4}
BERT_LIKE: Final[dict[str, Any]] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "is_decoder": True,
}
BART_LIKE: Final[dict[str, Any]] = {
    "d_model": 32,
    "decoder_layers": 2,
    "encoder_layers": 1,
    "decoder_attention_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_ffn_dim": 64,
    "encoder_ffn_dim": 64,
    "is_decoder": True,
    "is_encoder_decoder": False,
}
WINDOW: Final[dict[str, Any]] = {"sliding_window": 16}
MOE: Final[dict[str, Any]] = {**LLAMA_LIKE, "num_local_experts": 4, "num_experts_per_tok": 2}
QWEN_MOE: Final[dict[str, Any]] = {
    **LLAMA_LIKE,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
}

MANY: Final[dict[str, Any]] = {**MOE, "moe_intermediate_size": 32, "num_experts": 4, "head_dim": 8}

ARCHITECTURES: Final[Mapping[str, dict[str, Any]]] = {
    "afmoe": MANY,
    "apertus": LLAMA_LIKE,
    "arcee": LLAMA_LIKE,
    "aria_text": LLAMA_LIKE,
    "bart": BART_LIKE,
    "bert": BERT_LIKE,
    "bert-generation": BERT_LIKE,
    "big_bird": BERT_LIKE,
    "biogpt": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    "bitnet": LLAMA_LIKE,
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "camembert": BERT_LIKE,
    "codegen": {**GPT_LIKE, "rotary_dim": 8, "n_positions": 128, "n_ctx": 128},
    "cohere": {**LLAMA_LIKE, "logit_scale": 0.5},
    "cohere2": {**LLAMA_LIKE, **WINDOW, "head_dim": 8},
    "cohere2_moe": LLAMA_LIKE,
    "ctrl": {"n_embd": 32, "dff": 64, "n_layer": 2, "n_head": 4, "n_positions": 128},
    "cwm": LLAMA_LIKE,
    "data2vec-text": BERT_LIKE,
    "deepseek_v3": {
        **LLAMA_LIKE,
        "num_key_value_heads": 4,
        "moe_intermediate_size": 32,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "kv_lora_rank": 16,
        "q_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
        "first_k_dense_replace": 1,
    },
    "diffllama": LLAMA_LIKE,
    "doge": MANY,
    "electra": {**BERT_LIKE, "embedding_size": 32},
    "ernie": BERT_LIKE,
    "ernie4_5": {**LLAMA_LIKE, "head_dim": 8},
    "ernie4_5_moe": MANY,
    "exaone4": {**LLAMA_LIKE, **WINDOW},
    "exaone_moe": MANY,
    "falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    "falcon_mamba": {"hidden_size": 32, "num_hidden_layers": 2},
    "flex_olmo": {**LLAMA_LIKE, "num_experts": 4, "num_experts_per_tok": 2},
    "flint": LLAMA_LIKE,
    "gemma": {**LLAMA_LIKE, "head_dim": 8},
    "gemma2": {**LLAMA_LIKE, **WINDOW, "head_dim": 8, "final_logit_softcapping": 5.0},
    "gemma3_text": {**LLAMA_LIKE, **WINDOW, "head_dim": 8},
    "glm": {**LLAMA_LIKE, "head_dim": 8},
    "glm4": {**LLAMA_LIKE, "head_dim": 8},
    "glm4_moe": MANY,
    "gpt2": {**GPT_LIKE, "n_positions": 128},
    "gpt_bigcode": {**GPT_LIKE, "n_positions": 128},
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 16,
    },
    "gpt_neox": {**LLAMA_LIKE, "rotary_pct": 0.5},
    "gpt_neox_japanese": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    "gpt_oss": {**MOE, **WINDOW, "head_dim": 8},
    "gptj": {**GPT_LIKE, "rotary_dim": 8, "n_positions": 128},
    "granite": {**LLAMA_LIKE, "logits_scaling": 3.0},
    "granitemoe": MOE,
    "helium": {**LLAMA_LIKE, "head_dim": 8},
    "hunyuan_v1_dense": {**LLAMA_LIKE, "head_dim": 8},
    "jetmoe": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "kv_channels": 8,
        "intermediate_size": 64,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
    },
    "lfm2": {**LLAMA_LIKE, "layer_types": ["conv", "full_attention"]},
    "llama": LLAMA_LIKE,
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2},
    "mamba2": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_heads": 8,
        "head_dim": 8,
        "n_groups": 1,
        "state_size": 16,
    },
    "ministral": {**LLAMA_LIKE, **WINDOW, "head_dim": 8},
    "mistral": {**LLAMA_LIKE, **WINDOW},
    "mixtral": MOE,
    "modernbert-decoder": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "local_attention": 16,
    },
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128},
    "nanochat": LLAMA_LIKE,
    "nemotron": LLAMA_LIKE,
    "olmo": LLAMA_LIKE,
    "olmo2": LLAMA_LIKE,
    "olmo3": {**LLAMA_LIKE, **WINDOW},
    "olmoe": {**LLAMA_LIKE, "num_experts": 4, "num_experts_per_tok": 2},
    "openai-gpt": {**GPT_LIKE, "n_positions": 128},
    "opt": {
        "hidden_size": 32,
        "ffn_dim": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "word_embed_proj_dim": 16,
    },
    "persimmon": LLAMA_LIKE,
    "phi": LLAMA_LIKE,
    "phi3": LLAMA_LIKE,
    "phimoe": MOE,
    "qwen2": {**LLAMA_LIKE, **WINDOW, "use_sliding_window": True, "max_window_layers": 1},
    "qwen2_moe": QWEN_MOE,
    "qwen3": {**LLAMA_LIKE, "head_dim": 8},
    "qwen3_moe": {**QWEN_MOE, "head_dim": 8},
    "recurrent_gemma": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "lru_width": 32,
        "attention_window_size": 16,
    },
    "roberta": BERT_LIKE,
    "rwkv": {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32, "intermediate_size": 64},
    "seed_oss": {**LLAMA_LIKE, "head_dim": 8},
    "smollm3": LLAMA_LIKE,
    "stablelm": LLAMA_LIKE,
    "starcoder2": {**LLAMA_LIKE, **WINDOW},
    "xglm": {"d_model": 32, "ffn_dim": 64, "num_layers": 2, "attention_heads": 4},
}
"""Model type: sizes."""

NOT_BUILT: Final[Mapping[str, tuple[str, ...]]] = {
    "pictures, sound or music: its tiny form needs a tower of another kind; audited by its words if it loads": (
        "dots3_note", "emu3", "fuyu", "gemma3", "gemma3n", "gemma4", "gemma4_unified", "git", "got_ocr2", "llama4",
        "mllama", "moshi", "moss_transcribe_diarize", "musicgen", "musicgen_melody", "phi4_multimodal", "qwen3_5",
        "qwen3_5_moe", "qwen4_exp", "trocr", "whisper",
    ),
    "the words of a model of the kind above, with sizes that depend on its tower": (
        "dots3_note_text", "gemma3n_text", "gemma4_assistant", "gemma4_text", "gemma4_unified_assistant",
        "inkling2_text", "inkling_text", "llama4_text", "minimax_m3_vl_text",
    ),
    "the decoder of an encoder-decoder, as bart's, which is built": (
        "bigbird_pegasus", "blenderbot", "blenderbot-small", "marian", "mbart", "mvp", "pegasus", "plbart",
        "prophetnet",
    ),
    "an encoder with is_decoder, as bert's and roberta's, which are built": (
        "megatron-bert", "rembert", "roberta-prelayernorm", "roc_bert", "roformer", "xlm-roberta", "xlm-roberta-xl",
        "xmod",
    ),
    "not read from left to right: refused when it is loaded": (
        "cpmant", "xlm", "xlnet",
    ),
    "layers of several kinds, whose sizes depend on one another": (
        "bailing_hybrid", "bamba", "blt", "falcon_h1", "granitemoehybrid", "hrm_text", "jamba", "lfm2_moe", "lfm3",
        "nemotron_h", "olmo_hybrid", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next", "qwen4_exp_text", "xlstm",
        "zamba", "zamba2", "zaya",
    ),
    "another name, or another size, of one that is built": (
        "gpt-sw3", "granite_swa", "granitemoe_swa", "granitemoeshared", "internlm3", "iquestcoder", "ministral3",
        "vaultgemma",
    ),
    "no tiny form was written for it yet": (
        "cohere_compass_text", "dbrx", "dots1", "hunyuan_v1_moe", "hy_v3", "hy_v4", "hyperclovax", "jais2",
        "kolibri1", "laguna", "mellum", "mimo_v2_flash", "minicpm3", "minimax", "minimax_m2", "solar_open", "youtu",
    ),
    "many experts, whose tiny form was not worked out": (
        "axk1", "axk2", "deepseek_v2", "deepseek_v32", "glm4_moe_lite", "glm_moe_dsa", "kimi_linear",
        "longcat_flash",
    ),
    "rounding grows in random tiny forms: 1.2e-5 to 6e-5 nats from one plain forward where 1e-5 is asked": (
        "beam", "deepseek_v4", "gemma4_unified_text", "reformer",
    ),
}  # fmt: skip
"""Why a model type is not built here: its name."""

_WITHOUT_LENGTH: Final = {"bloom", "mamba", "mamba2", "falcon", "recurrent_gemma", "rwkv", "mpt", "xlnet"}


def save_architecture(folder: Path, kind: str, sizes: Mapping[str, Any], *, seed: int = 0) -> Path:
    """Save a tiny random model of an architecture, with a tokenizer of bytes; positions from 0 to 127."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    n_words = save_tokenizer(folder, chat_template=None)
    known = {"vocab_size": n_words, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "initializer_range": 0.2}
    if "n_positions" not in sizes and kind not in _WITHOUT_LENGTH:
        known["max_position_embeddings"] = 130
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, **{**known, **sizes})
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def perturb(folder: Path, target: Path, *, seed: int = 5) -> Path:
    """Save the model of `folder` with other weights of the same names, as tuning leaves them."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, target)
    draw = torch.Generator().manual_seed(seed)
    changed = {
        name: tensor + 0.05 * torch.randn(tensor.shape, generator=draw) if tensor.is_floating_point() else tensor
        for name, tensor in load_file(target / "model.safetensors").items()
    }
    save_file(changed, target / "model.safetensors", metadata={"format": "pt"})
    return target
