"""Damaged and hostile files of models: one message each, or the numbers of a fresh load; never anything else."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import BiasauditError
from biasaudit.models import LoadedModel, ModelShelf, locate, parse_reference, score
from biasaudit.models.local.checkpoint import INDEX
from biasaudit.types import Scored
from tests.models.test_checkpoint import sharded
from tests.models.test_engine import TEXTS, request
from tests.models.tiny_gguf import save_gguf

ASKED = [request("", "she said"), *TEXTS[2:4]]

VALUES: list[Any] = [
    None, True, -1, 0, 1, 3, 2**31, 2**63, 10**40, 0.5, -1e308, "", "x", "float16", "../../x", "/etc/passwd", [], [1],
    {}, {"a": {"b": {}}}, ["LlamaForCausalLM"], "llama", "gpt2", "bert", "\x00", "\x1b[31m",
]  # fmt: skip


def flip(raw: bytes, draw: random.Random, limit: int) -> bytes:
    """Flip bits, cut, double or overwrite a piece of the first `limit` bytes."""
    content = bytearray(raw)
    place = draw.randrange(min(len(content), limit))
    way = draw.randrange(5)
    if way == 0:
        content[place] ^= 1 << draw.randrange(8)
    elif way == 1:
        for _ in range(20):
            content[draw.randrange(min(len(content), limit))] = draw.randrange(256)
    elif way == 2:
        del content[place:]
    elif way == 3:
        content[place:place] = content[place : place + 64]
    else:
        content[place : place + 8] = draw.choice([b"\xff" * 8, b"\0" * 8, (2**40).to_bytes(8, "little")])
    return bytes(content)


def other_json(raw: bytes, draw: random.Random) -> bytes:
    """Give one value of a JSON object another content, or drop it, or add one."""
    content = json.loads(raw)
    part = content
    while True:
        name = draw.choice(sorted(part)) if part else "x"
        if isinstance(part.get(name), dict) and part[name] and draw.random() < 0.7:
            part = part[name]
            continue
        break
    way = draw.randrange(3)
    if way == 0:
        part.pop(name, None)
    else:
        part[name if way == 1 else draw.choice(_KEYS)] = draw.choice(VALUES)
    return json.dumps(content).encode()


_KEYS = [
    "auto_map", "quantization_config", "architectures", "transformers_weights", "num_hidden_layers", "is_decoder",
    "text_config", "rope_parameters", "layer_types", "num_experts", "dtype", "head_dim", "pruned_heads", "weight_map",
    "tie_word_embeddings", "sliding_window", "vocab_size", "model_type", "is_encoder_decoder", "attn_implementation",
]  # fmt: skip


def by_fresh_model(loaded: LoadedModel, folder: Path) -> list[float]:
    """The numbers of a load by transformers alone, of whatever lies there now."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found = []
    for one in ASKED:
        context = loaded.tokenizer(one.context)["input_ids"] if one.context else [loaded.tokenizer.bos_token_id]
        whole = [*context, *loaded.tokenizer(one.continuation)["input_ids"]]
        with torch.inference_mode():
            logprobs = model(input_ids=torch.tensor([whole]), use_cache=False).logits[0].double().log_softmax(-1)
        found.append(sum(float(logprobs[place - 1, whole[place]]) for place in range(len(context), len(whole))))
    return found


def outcome(reference: Path, path: Path, spoilt: bytes) -> str:
    """Spoil a file, try to score, and compare with a fresh load; "refused", "no number" or "right"."""
    path.write_bytes(spoilt)
    try:
        located = locate(parse_reference(str(reference)))
        loaded = ModelShelf(dtype="float32").open(located)
        found = list(score(loaded, ASKED))
    except BiasauditError as exc:
        said = exc
    else:
        if not all(isinstance(one, Scored) for one in found):
            return "no number"
        numbers = [one.logprob_nats for one in found if isinstance(one, Scored)]
        assert numbers == pytest.approx(by_fresh_model(loaded, located.folder), abs=1e-4, rel=1e-6)
        return "right"
    assert 0 < len(said.message) < 1500
    assert said.exit_code == 2
    return "refused"


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """Libraries may warn of what they read; what counts here is what comes out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


TARGETS = (
    "config.json",
    INDEX,
    "generation_config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_damaged_folders_give_one_message_or_the_numbers_of_a_fresh_load(
    models: Path, tmp_path: Path, seed: int
) -> None:
    """Thirty files a seed: bits flipped, cut, doubled; values of JSON exchanged, also for hostile ones."""
    draw = random.Random(seed)
    whole = sharded(models, tmp_path / "whole")
    seen: Counter[str] = Counter()
    for number in range(30):
        folder = shutil.copytree(whole, tmp_path / f"m{number}")
        path = folder / TARGETS[number % len(TARGETS)]
        raw = path.read_bytes()
        if path.suffix == ".json" and draw.random() < 0.7:
            spoilt = other_json(raw, draw)
        else:
            # Half of the flips hit the header, which is small beside the weights.
            spoilt = flip(raw, draw, len(raw) if draw.random() < 0.5 else 1500)
        seen[outcome(folder, path, spoilt)] += 1
        shutil.rmtree(folder)
    assert seen["refused"] > 10
    assert sum(seen.values()) == 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_damaged_gguf_files_give_one_message_or_the_numbers_of_their_conversion(tmp_path: Path, seed: int) -> None:
    """Ten files a seed; most flips hit the head, where names, counts and lengths stand."""
    draw = random.Random(1000 + seed)
    save_gguf(tmp_path / "m.gguf")
    raw = (tmp_path / "m.gguf").read_bytes()
    seen: Counter[str] = Counter()
    for number in range(10):
        path = tmp_path / f"m{number}.gguf"
        spoilt = flip(raw, draw, len(raw) if draw.random() < 0.3 else 9000)
        seen[outcome(path, path, spoilt)] += 1
    assert seen["refused"] >= 3
    assert sum(seen.values()) == 10
