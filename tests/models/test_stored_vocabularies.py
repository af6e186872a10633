"""Output layers and vocabularies as checkpoints store them: tied with and without a copy, padded, extended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit.models import locate, parse_reference
from biasaudit.models.backend import Settings
from biasaudit.models.backends import local
from biasaudit.models.likelihood import score
from biasaudit.models.local.loading import ModelShelf
from biasaudit.types import Scored
from tests.models.test_quantized import REQUESTS
from tests.tiny import save_tokenizer


def saved(folder: Path, *, tied: bool, copy: bool = False, padding: int = 0, shards: bool = False) -> Path:
    """Save a tiny Llama, whose output layer is its embeddings or its own, and which may have more rows than words."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True)
    n_words = save_tokenizer(folder, chat_template=None)
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=n_words, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=128, bos_token_id=0, eos_token_id=1, initializer_range=0.4, tie_word_embeddings=tied,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    if padding:
        model.resize_token_embeddings(n_words + padding, mean_resizing=False)
    model.save_pretrained(folder, max_shard_size="40KB" if shards else "5GB")
    if copy:
        tensors = load_file(folder / "model.safetensors")
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def nats(folder: Path, **settings: Any) -> list[float]:  # Any: fields of a shelf
    loaded = ModelShelf(**{"device": "cpu", "dtype": "float32", **settings}).open(locate(parse_reference(str(folder))))
    return [sum(one.token_logprobs_nats) for one in score(loaded, REQUESTS) if isinstance(one, Scored)]


def test_a_tied_model_gives_the_same_numbers_with_a_copy_of_its_output_layer_and_in_shards(tmp_path: Path) -> None:
    """Both layouts are on the hub; the copy is of no effect where the configuration ties it."""
    without = nats(saved(tmp_path / "a", tied=True))
    assert len(without) == len(REQUESTS)
    assert nats(saved(tmp_path / "b", tied=True, copy=True)) == pytest.approx(without, abs=1e-5)
    shards = saved(tmp_path / "c", tied=True, shards=True)
    assert len(list(shards.glob("model-*.safetensors"))) > 1
    assert nats(shards) == pytest.approx(without, abs=1e-5)
    assert nats(saved(tmp_path / "d", tied=False)) != pytest.approx(without, abs=1e-2)


@pytest.mark.parametrize("tied", [False, True])
def test_rows_without_a_word_are_told_and_are_part_of_every_probability(tmp_path: Path, *, tied: bool) -> None:
    """A padded checkpoint beside its base: what the rows take is taken from the words, as whoever uses it sees it."""
    plain, padded = saved(tmp_path / "a", tied=tied), saved(tmp_path / "b", tied=tied, padding=12)
    ready = local.made_ready(
        local.located_all({"base": str(plain), "tuned": str(padded)}, print), Settings(device="cpu")
    )
    assert "rows where the base has" in ready.relations["tuned"]
    assert all(after < before for before, after in zip(nats(plain), nats(padded), strict=True))


def test_bfloat16_on_a_processor_is_near_float32_and_recorded_as_what_it_is(tmp_path: Path) -> None:
    """Eight bits of a number: within the bound that the check of packs has for it, a token."""
    folder = saved(tmp_path / "a", tied=False)
    exact, coarse = nats(folder), nats(folder, dtype="bfloat16")
    tokens = [len(one.continuation) for one in REQUESTS]
    assert coarse != exact
    for before, after, n in zip(exact, coarse, tokens, strict=True):
        assert abs(before - after) <= 0.25 * n
    loaded = ModelShelf(device="cpu", dtype="bfloat16").open(locate(parse_reference(str(folder))))
    list(score(loaded, REQUESTS))
    assert loaded.fingerprint.dtype == "bfloat16"
    assert loaded.scoring is not None
    assert loaded.scoring.largest_difference_nats is not None


def test_out_of_memory_of_a_gpu_halves_packs_and_changes_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own error of an allocator, from inside the output layer, where the largest tensor is made."""
    import torch

    from biasaudit.models.engine.output_layer import OutputLayer

    folder = saved(tmp_path / "a", tied=False)
    expected = nats(folder)
    loaded = ModelShelf(device="cpu", dtype="float32").open(locate(parse_reference(str(folder))))
    whole, refused = OutputLayer.logprobs, []
    list(score(loaded, REQUESTS[:1]))  # checked by now

    def full(self: OutputLayer, hidden: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        if len(hidden) > 64:
            refused.append(len(hidden))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return whole(self, hidden, *rest)

    monkeypatch.setattr(OutputLayer, "logprobs", full)
    found = [sum(one.token_logprobs_nats) for one in score(loaded, REQUESTS) if isinstance(one, Scored)]
    assert refused
    assert found == pytest.approx(expected, abs=1e-4)
