from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biasaudit.errors import OutOfMemoryError
from biasaudit.framing import request_key
from biasaudit.models import LoadedModel, ModelShelf, ResponseCache, locate, parse_reference, score
from biasaudit.models.engine.check_packs import checked
from biasaudit.models.engine.memory import is_out_of_memory
from biasaudit.models.engine.packed import PackedModel
from biasaudit.models.engine.padded import run_padded
from biasaudit.models.engine.schedule import calibrated_size, run_packs
from biasaudit.models.engine.tree import Pack, TokenSequence
from biasaudit.types import Request, Scored
from tests.tiny import save_tokenizer

LLAMA_LIKE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
GPT_LIKE: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4}
WINDOW = {"sliding_window": 16}

FAMILIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "gpt2": ("gpt2", {**GPT_LIKE, "n_positions": 128}, "packed"),
    "gptj": ("gptj", {**GPT_LIKE, "rotary_dim": 8, "n_positions": 128}, "packed"),
    "llama": ("llama", LLAMA_LIKE, "packed"),
    "qwen2": ("qwen2", LLAMA_LIKE, "packed"),
    "qwen2 with windows": (
        "qwen2",
        {**LLAMA_LIKE, **WINDOW, "use_sliding_window": True, "max_window_layers": 1},
        "packed",
    ),
    "qwen3": ("qwen3", {**LLAMA_LIKE, "head_dim": 8}, "packed"),
    "phi": ("phi", LLAMA_LIKE, "packed"),
    "phi3": ("phi3", LLAMA_LIKE, "packed"),
    "olmo2": ("olmo2", LLAMA_LIKE, "packed"),
    "olmo3": ("olmo3", {**LLAMA_LIKE, **WINDOW}, "packed"),
    "gpt_neox": ("gpt_neox", {**LLAMA_LIKE, "rotary_pct": 0.5}, "packed"),
    "opt": (
        "opt",
        {
            "hidden_size": 32,
            "ffn_dim": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "word_embed_proj_dim": 16,
        },
        "packed",
    ),
    "falcon": ("falcon", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}, "packed"),
    "smollm3": ("smollm3", LLAMA_LIKE, "packed"),
    "granite": ("granite", {**LLAMA_LIKE, "logits_scaling": 3.0}, "packed"),
    "cohere": ("cohere", {**LLAMA_LIKE, "logit_scale": 0.5}, "packed"),
    "stablelm": ("stablelm", LLAMA_LIKE, "packed"),
    "gemma2": ("gemma2", {**LLAMA_LIKE, **WINDOW, "head_dim": 8, "final_logit_softcapping": 5.0}, "packed"),
    "gemma3": ("gemma3_text", {**LLAMA_LIKE, **WINDOW, "head_dim": 8}, "packed"),
    "mistral": ("mistral", {**LLAMA_LIKE, **WINDOW}, "packed"),
    "gpt_neo": (
        "gpt_neo",
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 16,
        },
        "padded",
    ),
    "lfm2": ("lfm2", {**LLAMA_LIKE, "layer_types": ["conv", "full_attention", "conv"]}, "padded"),
    "bloom": ("bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "padded"),
    "mamba": ("mamba", {"hidden_size": 32, "num_hidden_layers": 2}, "padded"),
}


def save_family(folder: Path, kind: str, sizes: dict[str, Any]) -> Path:
    """Save a tiny random model of an architecture, with a tokenizer of bytes."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    n_words = save_tokenizer(folder, chat_template=None)
    known = {"vocab_size": n_words, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "initializer_range": 0.3}
    if "n_positions" not in sizes and kind not in {"bloom", "mamba", "falcon"}:
        known["max_position_embeddings"] = 128
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **known, **sizes)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def opened(folder: Path | str) -> LoadedModel:
    return ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))


def request(context: str, continuation: str) -> Request:
    key = request_key(context, continuation, templated=False)
    return Request(
        key=key,
        context=context,
        continuation=continuation,
        templated=False,
        item_id="i",
        part="first",
        framing_id="plain",
    )


TEXTS = [
    request("", "the nurse said that she would come"),
    request("", "the nurse said that he would come"),
    request("the nurse", " said"),
    request("the nurse", " said that she would come"),
    request("", "a"),
    request("", "another text, and one that is longer than any window of these models, by some words"),
    request("another text, and one that is longer than any window", " of these models"),
]


def by_hand(model: LoadedModel, one: Request) -> float:
    """One text alone through the whole model, as the model's makers meant it."""
    import torch

    context = model.tokenizer(one.context, add_special_tokens=False)["input_ids"] if one.context else [0]
    whole = [*context, *model.tokenizer(one.continuation, add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        logprobs = model.model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return sum(float(logprobs[place - 1, whole[place]]) for place in range(len(context), len(whole)))


def values(model: LoadedModel, requests: Sequence[Request], **how: Any) -> list[float]:
    responses = list(score(model, requests, **how))
    assert all(isinstance(response, Scored) for response in responses)
    return [response.logprob_nats for response in responses if isinstance(response, Scored)]


THROUGH_A_MASK = {"falcon", "gptj"}
"""Families whose attention cannot be exchanged; all others that are packed attend in blocks."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_architecture_scores_as_one_text_alone_would(tmp_path: Path, family: str) -> None:
    """Shared beginnings and texts beyond the window of 16 included; the way that is wrong is not taken."""
    kind, sizes, path = FAMILIES[family]
    model = opened(save_family(tmp_path, kind, sizes))
    assert values(model, TEXTS) == pytest.approx([by_hand(model, one) for one in TEXTS], abs=1e-4)
    assert model.scoring is not None
    assert model.scoring.path == path
    if path == "packed":
        assert model.scoring.largest_difference_nats == pytest.approx(0, abs=1e-4)
        assert ("mask" in model.scoring.reason) == (family in THROUGH_A_MASK)


def test_a_mask_without_its_window_is_found_out(tmp_path: Path) -> None:
    """The check compares at the length that will be asked for; shorter than the window all masks are right."""
    model = opened(save_family(tmp_path, "mistral", {**LLAMA_LIKE, **WINDOW}))
    right = checked(model, 60).packed
    assert right is not None
    wrong = dataclasses.replace(right, window=None)
    sequence = TokenSequence(tuple(range(40)), 32)
    alone = model.continuation_logprobs([(sequence.token_ids[:32], sequence.token_ids[32:])])[0]
    [pack] = run_one(right, [sequence])
    [other] = run_one(wrong, [sequence])
    assert pack == pytest.approx(alone, abs=1e-4)
    assert other != pytest.approx(alone, abs=1e-2)


def run_one(packed: PackedModel, sequences: Sequence[TokenSequence], **how: Any) -> list[list[float]]:
    found = dict(
        pair for batch, _ in run_packs(packed.logprobs, sequences, **{"n_nodes": 512, **how}) for pair in batch
    )
    return [found[position] for position in range(len(sequences))]


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "gpt2", "llama", "mistral"])
def test_blocks_give_the_numbers_of_a_mask(tmp_path: Path, family: str) -> None:
    """Windows, capped scores and heads that share keys included; several hundred nodes, so many blocks."""
    kind, sizes, _ = FAMILIES[family]
    blocks = checked(opened(save_family(tmp_path, kind, sizes)), 60).packed
    assert blocks is not None
    assert blocks.attention == "blocks"
    draw = np.random.default_rng(8)
    stems = [tuple(draw.integers(0, 40, 30).tolist()) for _ in range(4)]
    sequences = [
        TokenSequence((*stems[number % 4][: 3 + number % 28], *draw.integers(0, 40, 9).tolist()), 2)
        for number in range(60)
    ]
    masked = run_one(dataclasses.replace(blocks, attention="masked"), sequences)
    for ours, theirs in zip(run_one(blocks, sequences), masked, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_a_model_is_left_as_it_was(models: Path) -> None:
    """Whoever holds the model may go on with it, whether it scored or failed to."""
    model = opened(models / "base")
    packed = checked(model, 20).packed
    assert packed is not None
    before = model.causal_model.config._attn_implementation
    sequence = TokenSequence((0, 1, 2, 3), 1)
    with pytest.raises(IndexError):
        run_one(packed, [TokenSequence((0, 10**6, 2, 3), 1)])
    run_one(packed, [sequence])
    assert model.causal_model.config._attn_implementation == before
    assert not [name for name, module in model.model.named_modules() if "forward" in vars(module)]
    assert values(model, TEXTS) == pytest.approx([by_hand(model, one) for one in TEXTS], abs=1e-4)


def test_several_packs_a_batch_give_the_numbers_of_one(models: Path) -> None:
    """Architectures that do not attend in blocks run packs side by side."""
    blocks = checked(opened(models / "base"), 20).packed
    assert blocks is not None
    packed = dataclasses.replace(blocks, attention="masked")
    draw = np.random.default_rng(3)
    sequences = [TokenSequence(tuple(draw.integers(0, 40, 12).tolist()), 3) for _ in range(20)]
    alone = run_one(packed, sequences, n_nodes=25)
    together = run_one(packed, sequences, n_nodes=25, n_packs=4)
    for ours, theirs in zip(together, alone, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.slow
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(TEXTS))), size=st.integers(1, 200), n_known=st.integers(0, len(TEXTS)))
def test_numbers_depend_on_neither_order_nor_size_nor_resume_point(
    models: Path, tmp_path_factory: pytest.TempPathFactory, order: list[int], size: int, n_known: int
) -> None:
    model = opened(models / "base")
    usual = values(model, TEXTS)
    shuffled = [TEXTS[place] for place in order]
    with ResponseCache(tmp_path_factory.mktemp("cache") / "responses.sqlite") as cache:
        values(model, shuffled[:n_known], cache=cache)
        found = values(model, shuffled, cache=cache, batch_tokens=size)
    assert found == pytest.approx([usual[place] for place in order], abs=1e-4)


def test_the_same_requests_give_the_same_bits(models: Path) -> None:
    assert values(opened(models / "base"), TEXTS) == values(opened(models / "base"), TEXTS)


def test_an_adapter_is_scored_in_packs_too(models: Path) -> None:
    model = opened(f"{models / 'base'}+{models / 'adapter'}")
    assert values(model, TEXTS) == pytest.approx([by_hand(model, one) for one in TEXTS], abs=1e-4)
    assert model.scoring is not None
    assert model.scoring.reason == "packed and plain agree"


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "llama"])
def test_blocks_take_bfloat16(tmp_path: Path, family: str) -> None:
    kind, sizes, _ = FAMILIES[family]
    folder = save_family(tmp_path, kind, sizes)
    model = ModelShelf(dtype="bfloat16").open(locate(parse_reference(str(folder))))
    found = values(model, TEXTS)
    assert model.scoring is not None
    assert model.scoring.reason == "packed and plain agree"
    assert found == pytest.approx(values(opened(folder), TEXTS), rel=0.02)


def test_sizes_that_do_not_fit_are_no_choice() -> None:
    """The usual size is not out of the question because a larger one was."""
    draw = np.random.default_rng(4)
    sequences = [TokenSequence(tuple(draw.integers(0, 40, 31).tolist()), 1) for _ in range(200)]

    @dataclasses.dataclass
    class Small:
        limit: int
        attention: str = "blocks"

        def logprobs(self, batch: Sequence[Pack]) -> None:
            if max(pack.n_nodes for pack in batch) > self.limit:
                raise MemoryError

    def chosen(limit: int) -> int:
        small: Any = Small(limit)
        return calibrated_size(small, sequences)

    assert chosen(600) == 512
    assert chosen(1100) in {512, 1024}
    assert chosen(0) == 512


def test_blocks_that_do_not_fit_give_way_to_a_mask(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened(models / "base")
    whole = PackedModel.logprobs

    def full(self: PackedModel, batch: Sequence[Pack]) -> list[list[list[float]]]:
        if self.attention == "blocks":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")
        return whole(self, batch)

    monkeypatch.setattr(PackedModel, "logprobs", full)
    assert values(model, TEXTS) == pytest.approx([by_hand(model, one) for one in TEXTS], abs=1e-4)
    assert model.scoring is not None
    assert model.scoring.reason == "packed, through a mask, and plain agree"


class StoppedError(Exception):
    pass


def test_an_interruption_loses_nothing_that_was_reported(models: Path, tmp_path: Path) -> None:
    """Each pack is kept before the next begins: what the third report told of is in the cache."""
    model = opened(models / "base")
    reported: list[int] = []

    def stop(n_requests: int, n_tokens: int) -> None:
        reported.append(n_requests)
        if n_tokens and len(reported) == 3:
            raise StoppedError

    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        with pytest.raises(StoppedError):
            list(score(model, TEXTS, cache=cache, batch_tokens=40, on_progress=stop))
        again: list[int] = []
        list(score(model, TEXTS, cache=cache, on_progress=lambda n_requests, _: again.append(n_requests)))
    assert 0 < sum(reported) < len(TEXTS)
    assert again[0] == sum(reported)


def fake_logprobs(batch: Sequence[Pack]) -> list[list[list[float]]]:
    """The sum of the tokens before, so that a value tells whose it is."""
    return [
        [[float(pack.token_ids[pack.read_nodes[edge]]) for edge in edges] for edges in pack.edges] for pack in batch
    ]


@pytest.mark.parametrize("words", ["DefaultCPUAllocator: can't allocate memory", "CUDA out of memory.", None])
@pytest.mark.parametrize("n_packs", [1, 4])
def test_out_of_memory_halves_the_work_and_goes_on(words: str | None, n_packs: int) -> None:
    sequences = [TokenSequence((number, 1, 2, 3, 4), 1) for number in range(40)]
    refused: list[int] = []

    def run(batch: Sequence[Pack]) -> list[list[list[float]]]:
        n_nodes = sum(pack.n_nodes for pack in batch)
        if n_nodes > 30:
            refused.append(n_nodes)
            raise MemoryError if words is None else RuntimeError(words)
        return fake_logprobs(batch)

    found = dict(pair for batch, _ in run_packs(run, sequences, n_nodes=100, n_packs=n_packs) for pair in batch)
    assert found == {number: [float(number), 1.0, 2.0, 3.0] for number in range(40)}
    assert 0 < len(refused) <= 4


def test_one_text_that_does_not_fit_is_said() -> None:
    def run(_: Sequence[Pack]) -> list[list[list[float]]]:
        raise MemoryError

    with pytest.raises(OutOfMemoryError, match="one text of 4 tokens"):
        list(run_packs(run, [TokenSequence((0, 1, 2, 3, 4), 1)] * 3, n_nodes=100))


def test_other_faults_are_not_taken_for_a_lack_of_memory() -> None:
    def run(_: Sequence[Pack]) -> list[list[list[float]]]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(run_packs(run, [TokenSequence((0, 1), 1)], n_nodes=100))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def test_the_padded_path_halves_its_batches_too() -> None:
    def continuation_logprobs(rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        if len(rows) > 2:
            raise MemoryError
        return [[float(token) for token in continuation] for _, continuation in rows]

    small: Any = SimpleNamespace(continuation_logprobs=continuation_logprobs, vocabulary_size=10)
    sequences = [TokenSequence((0, number), 1) for number in range(9)]
    found = dict(pair for batch in run_padded(small, sequences, 1000) for pair in batch)
    assert found == {number: [float(number)] for number in range(9)}

    def nothing(_: object) -> list[list[float]]:
        raise MemoryError

    with pytest.raises(OutOfMemoryError):
        list(run_padded(SimpleNamespace(continuation_logprobs=nothing, vocabulary_size=10), sequences, 1000))  # type: ignore[arg-type]  # too small a model


def test_the_size_of_packs_is_chosen_once_for_a_machine(tmp_path: Path) -> None:
    """A second calibration could choose otherwise, and move the last digits of the same requests."""
    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        assert cache.pack_size("a model here") is None
        cache.keep_pack_size("a model here", 256)
        cache.keep_pack_size("a model here", 512)
    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        assert cache.pack_size("a model here") == 256


@pytest.mark.slow
def test_much_work_is_calibrated(models: Path, tmp_path: Path) -> None:
    model = opened(models / "base")
    many = [request("", f"{number} apples and {number + 1} pears on table {number}") for number in range(2600)]
    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        values(model, many, cache=cache)
    assert model.scoring is not None
    chosen = model.scoring.pack_nodes
    assert chosen in {512, 1024, 2048}
    again = opened(models / "base")
    with ResponseCache(tmp_path / "responses.sqlite") as cache:
        values(again, [request("and ", one.continuation) for one in many], cache=cache)
    assert again.scoring is not None
    assert again.scoring.pack_nodes == chosen


def test_a_check_that_does_not_fit_is_said_as_such(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not taken for an architecture that refuses packs."""
    import torch

    model = opened(models / "base")

    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr(torch, "logsumexp", full)
    with pytest.raises(OutOfMemoryError, match="one text of"):
        values(model, TEXTS)
