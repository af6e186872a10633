"""Adapters of every kind are scored as a freshly loaded model scores, and leave the base as it was."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from biasaudit.models import ModelShelf
from biasaudit.models.local.adapter_config import AUDITED, REFUSED
from tests.models.adapter_kinds import (
    CONV1D,
    LORA,
    OTHERS,
    by_hand,
    fresh,
    opened,
    save_kind,
    scored,
    settings_of,
)
from tests.tiny import save_model, save_tokenizer

EVERYDAY = ("ADALORA", "IA3", "LOHA", "LOKR", "OFT", "VERA", "LN_TUNING", "TRAINABLE_TOKENS")


def save_gpt2(folder: Path) -> Path:
    """Save a tiny GPT-2: Conv1D layers with biases, and an output layer tied to the embeddings."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    folder.mkdir(parents=True, exist_ok=True)
    n_words = save_tokenizer(folder, chat_template=None)
    torch.manual_seed(5)
    config = GPT2Config(
        vocab_size=n_words, n_embd=32, n_layer=2, n_head=4, n_positions=128, initializer_range=0.3,
        bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            weight.data.normal_(std=0.3)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    save_model(folder / "llama", seed=1)
    return {"llama": folder / "llama", "gpt2": save_gpt2(folder / "gpt2")}


CASES = [
    *(
        pytest.param(base, "LORA", extra, id=f"{base}, LoRA, {name}")
        for base in ("llama", "gpt2")
        for name, extra in LORA.items()
    ),
    pytest.param("llama", "LORA", {"init_lora_weights": "olora", "lora_alpha": 2}, id="llama, LoRA, OLoRA"),
    *(
        pytest.param(base, kind, extra, id=f"{base}, {kind}", marks=() if kind in EVERYDAY else pytest.mark.slow)
        for base in ("llama", "gpt2")
        for kind, extra in OTHERS.items()
        if base == "llama" or kind in CONV1D
    ),
]


@pytest.mark.parametrize(("base", "kind", "extra"), CASES)
def test_base_tuned_and_base_again_score_as_freshly_loaded_models(
    bases: dict[str, Path], tmp_path: Path, base: str, kind: str, extra: dict[str, object]
) -> None:
    """To 1e-5 nats, packed and plain, on one shelf; and the adapter does change the model."""
    adapter = save_kind(kind, bases[base], tmp_path / "adapter", **settings_of(kind, base, extra))
    assert_all_fresh(bases[base], adapter)


@functools.cache
def bare_by_hand(base: Path) -> list[float]:
    """Return what a freshly loaded base gives, once for all adapters on it."""
    return by_hand(fresh(base))


def assert_all_fresh(base: Path, adapter: Path) -> None:
    """Open base, tuned and base on one shelf, and compare each with a model of its own."""
    bare, tuned = bare_by_hand(base), by_hand(fresh(base, adapter))
    shelf = ModelShelf()
    assert max(abs(one - other) for one, other in zip(bare, tuned, strict=True)) > 0.01
    for place, expected in ((None, bare), (adapter, tuned), (None, bare)):
        loaded = opened(shelf, base, place)
        assert scored(loaded) == pytest.approx(expected, abs=1e-5)
        assert scored(loaded, plain=True) == pytest.approx(expected, abs=1e-5)


def test_every_kind_that_peft_knows_is_audited_by_a_test_or_refused_with_a_reason() -> None:
    """A kind that a new version of peft brings is refused until somebody writes its case above."""
    from peft import PeftType

    assert sorted([*AUDITED, *REFUSED]) == sorted(one.value for one in PeftType)
    assert {"LORA", *OTHERS} == set(AUDITED)


@pytest.mark.slow
def test_adapters_on_experts_score_as_freshly_loaded_models(tmp_path: Path) -> None:
    """A mixture keeps all of its experts in one parameter, which is no module: peft changes it in place."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    base = tmp_path / "base"
    n_words = save_tokenizer(base, chat_template=None)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "qwen3_moe", vocab_size=n_words, hidden_size=32, intermediate_size=32, moe_intermediate_size=16,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, num_experts=4,
        num_experts_per_tok=2, max_position_embeddings=128, bos_token_id=0, eos_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(base)  # type: ignore[no-untyped-call]
    folder = tmp_path / "adapter"
    experts = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    adapter = save_kind("LORA", base, folder, r=2, target_modules=["q_proj"], target_parameters=experts)
    assert_all_fresh(base, adapter)
