"""A GGUF file of a tiny Llama, written as llama.cpp's converter writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MERGES = ("n u", "r s", "nu rs", "nurs e", "1 2", "12 3", "Ġ 1", "Ġ Ġ")
"""Merges that would join digits and spaces, where a rule lets them."""


def save_gguf(
    path: Path, *, pre: str | None = "smollm", kind: str = "gpt2", more: dict[str, Any] | None = None, seed: int = 3
) -> Any:
    """Save a GGUF file, and return the model of transformers whose weights it holds.

    Parameters
    ----------
    pre : str or None
        The rule that its vocabulary names.
    kind : str
        Of the vocabulary.
    more : dict, optional
        Tensors that it holds in addition.
    """
    import gguf
    import torch
    from tokenizers import pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = ["<unk>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokens += ["".join(merge.split(" ")) for merge in MERGES]
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        rms_norm_eps=1e-5,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
    )
    model: Any = LlamaForCausalLM(config)
    model.eval()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(8)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model(kind)
    if pre is not None:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3, *[1] * (len(tokens) - 3)])
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, tensor in {**_tensors(model), **(more or {})}.items():
        writer.add_tensor(name, tensor.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _tensors(model: Any) -> dict[str, Any]:
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    parts = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    names.update({f"model.layers.{n}.{ours}": f"blk.{n}.{theirs}" for n in range(2) for ours, theirs in parts.items()})
    found = {}
    for name, parameter in model.named_parameters():
        target = names[name.removesuffix(".weight")]
        heads = 4 if "attn_q" in target else 2 if "attn_k" in target else None
        tensor = parameter.data
        if heads:  # rotary halves lie interleaved in the file
            tensor = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(tensor.shape)
        found[f"{target}.weight"] = tensor.contiguous()
    return found
