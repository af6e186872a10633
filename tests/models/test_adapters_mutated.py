"""Mutated adapters: one message, or the numbers that a freshly loaded model gives."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biasaudit.errors import BiasauditError
from biasaudit.models import ModelShelf
from biasaudit.models.text import patterns
from tests.models.adapter_kinds import by_hand, fresh, opened, save_kind, scored
from tests.tiny import save_tokenizer

FIELDS = (
    "alpha_pattern", "arrow_config", "auto_mapping", "base_model_name_or_path", "bias", "corda_config",
    "ensure_weight_tying", "eva_config", "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights",
    "kasa_config", "layer_replication", "layers_pattern", "layers_to_transform", "loftq_config", "lora_alpha",
    "lora_bias", "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "modules_to_save",
    "monteclora_config", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision",
    "runtime_config", "something_else", "target_modules", "target_parameters", "task_type",
    "trainable_token_indices", "use_bdlora", "use_dora", "use_qalora", "use_rslora", "velora_config",
)  # fmt: skip
WORDS = (
    "", "all", "lora_only", "none", "all-linear", "q_proj", "v_proj", "lm_head", "embed_tokens", "self_attn", "pissa",
    "olora", "gaussian", "eva", "corda", "loftq", "LORA", "IA3", "CAUSAL_LM", "SEQ_CLS", ".*", "(.*.*)*x", ".*proj",
    "[", "\0", "../..", "\ud83d\ude00", "x" * 5000,
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 3, 4, 7, 259, 260, 65_536, 10**6, 10**12, 10**30]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(WORDS),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS[:-1]), inner, max_size=2)
    ),
    max_leaves=4,
)
CHANGES = st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=2)
N_CONFIGURATIONS = 150
N_FILES = 110


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A llama of one layer and an adapter on it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("made")
    (folder / "base").mkdir()
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=save_tokenizer(folder / "base", chat_template=None), hidden_size=16, intermediate_size=16,
        num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=128, bos_token_id=0, eos_token_id=1,
        initializer_range=0.4,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    save_kind("LORA", folder / "base", folder / "adapter", r=2, target_modules=["q_proj", "v_proj"])
    return folder / "base", folder / "adapter"


def outcome(base: Path, adapter: Path) -> str:
    """Open a mutated adapter; where that gives numbers, they must be a fresh model's, and the base must stay."""
    began = time.monotonic()
    shelf = ModelShelf()
    try:
        loaded = opened(shelf, base, adapter)
    except BiasauditError:
        return "refused"
    finally:
        assert time.monotonic() - began < 60
    expected = by_hand(fresh(base, adapter))
    if all(abs(value) < 1e4 for value in expected):
        assert scored(loaded, plain=True) == pytest.approx(expected, abs=1e-5, rel=1e-5)
    return "scored"


@pytest.mark.slow
def test_a_mutated_configuration_is_refused_or_scored_as_a_fresh_model(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns.refusal, "__kwdefaults__", {"limit_seconds": 0.5})
    base, good = made
    config = json.loads((good / "adapter_config.json").read_text(encoding="utf-8"))
    adapter = Path(shutil.copytree(good, tmp_path / "adapter"))
    seen: Counter[str] = Counter()

    @settings(
        max_examples=N_CONFIGURATIONS,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(CHANGES)
    def check(changes: dict[str, object]) -> None:
        (adapter / "adapter_config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
        seen[outcome(base, adapter)] += 1

    check()
    assert seen["refused"] > 50
    assert seen["scored"] > 20


@pytest.mark.slow
def test_a_mutated_file_of_weights_is_refused_or_scored_as_a_fresh_model(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    """A bit turned over in the header or the weights, bytes cut out, put in, or cut off."""
    base, good = made
    content = (good / "adapter_model.safetensors").read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    adapter = Path(shutil.copytree(good, tmp_path / "adapter"))
    draw = random.Random(0)
    seen: Counter[str] = Counter()
    for number in range(N_FILES):
        mutated = bytearray(content)
        place = draw.randrange(header if number % 3 else len(content))
        kind = number % 5
        if kind < 2:
            mutated[place] ^= 1 << draw.randrange(8)
        elif kind == 2:
            mutated[place] = draw.randrange(256)
        elif kind == 3:
            del mutated[place : place + draw.randrange(1, 9)]
        else:
            mutated = (
                mutated[: draw.randrange(len(content))] if number % 2 else mutated[:place] + b"0" + mutated[place:]
            )
        (adapter / "adapter_model.safetensors").write_bytes(bytes(mutated))
        seen[outcome(base, adapter)] += 1
    assert seen["refused"] > 50
    assert seen["scored"] > 5
