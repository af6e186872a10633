"""Adapters of every kind are scored as a freshly loaded model scores, and leave the base as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.models import ModelShelf
from biasaudit.models.adapter_config import AUDITED, REFUSED
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
    bare, tuned = by_hand(fresh(bases[base])), by_hand(fresh(bases[base], adapter))
    shelf = ModelShelf()
    assert max(abs(one - other) for one, other in zip(bare, tuned, strict=True)) > 0.01
    for place, expected in ((None, bare), (adapter, tuned), (None, bare)):
        loaded = opened(shelf, bases[base], place)
        assert scored(loaded) == pytest.approx(expected, abs=1e-5)
        assert scored(loaded, plain=True) == pytest.approx(expected, abs=1e-5)


def test_every_kind_that_peft_knows_is_audited_by_a_test_or_refused_with_a_reason() -> None:
    """A kind that a new version of peft brings is refused until somebody writes its case above."""
    from peft import PeftType

    assert sorted([*AUDITED, *REFUSED]) == sorted(one.value for one in PeftType)
    assert {"LORA", *OTHERS} == set(AUDITED)
