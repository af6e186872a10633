from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.engine.check_packs import checked
from biasaudit.models.engine.engine import Engine
from biasaudit.models.engine.regime import longest_of_first_regime
from biasaudit.models.engine.tree import TokenSequence
from tests.models.architectures import LLAMA_LIKE, save_architecture

BORDER = 32
LONG_ROPE: dict[str, Any] = {
    "max_position_embeddings": 128,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "factor": 4.0,
        "short_factor": [1.0, 1.1, 1.2, 1.3],
        "long_factor": [3.0, 4.0, 5.0, 6.0],
        "original_max_position_embeddings": BORDER,
    },
    "original_max_position_embeddings": BORDER,
}
DYNAMIC: dict[str, Any] = {
    "max_position_embeddings": BORDER,
    "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 4.0},
}
LENGTHS = (5, 90, 31, 32, 33, 12, 60, 32, 40, 7)
"""Texts on both sides of the border and on it, a short one after a long one and the other way round."""


def sequences() -> list[TokenSequence]:
    stem = [3, 9, 27, 81, 243, 209, 107]
    return [TokenSequence(tuple((stem * 20)[number : number + length]), 2) for number, length in enumerate(LENGTHS)]


def run(folder: Path, wanted: Sequence[TokenSequence]) -> tuple[list[list[float]], Any]:
    model = ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))
    model.max_length = None  # texts beyond what dynamic scaling was trained on would be refused
    found = dict(pair for batch, _ in Engine(model, None).run(wanted, None) for pair in batch)
    return [found[place] for place in range(len(wanted))], model


def by_fresh_model(folder: Path, one: TokenSequence) -> list[float]:
    """One plain forward of a model that has seen no other text: dynamic scaling keeps what it has grown to."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        logprobs = model(torch.tensor([one.token_ids])).logits[0].double().log_softmax(-1)
    return [float(logprobs[place - 1, one.token_ids[place]]) for place in range(one.n_context, len(one.token_ids))]


@pytest.mark.parametrize(("kind", "rotary"), [("phi3", LONG_ROPE), ("llama", LONG_ROPE), ("llama", DYNAMIC)])
def test_texts_of_both_regimes_are_scored_as_alone(tmp_path: Path, kind: str, rotary: dict[str, Any]) -> None:
    """A text beside a longer one was turned by the factors of the longer one, and off by nats."""
    folder = save_architecture(tmp_path, kind, {**LLAMA_LIKE, **rotary})
    found, model = run(folder, sequences())
    for ours, one in zip(found, sequences(), strict=True):
        assert ours == pytest.approx(by_fresh_model(folder, one), abs=1e-5)
    assert model.scoring.path == "packed"
    assert "texts of more than" in model.scoring.reason


def test_the_order_of_texts_leaves_nothing_behind(tmp_path: Path) -> None:
    """Dynamic scaling remembers the longest text so far; a second run, in another order, gives the same bits."""
    folder = save_architecture(tmp_path, "llama", {**LLAMA_LIKE, **DYNAMIC})
    wanted = sequences()
    forwards, _ = run(folder, wanted)
    backwards, model = run(folder, wanted[::-1])
    for ours, theirs in zip(forwards, backwards[::-1], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    again = dict(pair for batch, _ in Engine(model, None).run(wanted, None) for pair in batch)
    assert [again[place] for place in range(len(wanted))] == [pytest.approx(one, abs=1e-5) for one in forwards]


def test_long_texts_alone_need_no_packs(tmp_path: Path) -> None:
    folder = save_architecture(tmp_path, "phi3", {**LLAMA_LIKE, **LONG_ROPE})
    long = [one for one in sequences() if len(one.token_ids) > BORDER]
    found, model = run(folder, long)
    for ours, one in zip(found, long, strict=True):
        assert ours == pytest.approx(by_fresh_model(folder, one), abs=1e-5)
    assert (model.scoring.path, model.scoring.batch_tokens) == ("padded", 1)


@pytest.mark.parametrize(
    ("kind", "rotary", "border"), [("phi3", LONG_ROPE, 32), ("llama", DYNAMIC, 31), ("llama", {}, None)]
)
def test_the_border_is_where_factors_change(
    tmp_path: Path, kind: str, rotary: dict[str, Any], border: int | None
) -> None:
    """LongRoPE changes beyond its length; dynamic scaling forgets only below its own, so that one is left out."""
    folder = save_architecture(tmp_path, kind, {**LLAMA_LIKE, **rotary})
    model = ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))
    assert longest_of_first_regime(model.causal_model) == border


def test_a_model_that_padding_moves_is_scored_one_text_at_a_time(tmp_path: Path) -> None:
    """Whatever the reason: here the mean over a row, padding included, is added to what the model says."""
    import torch

    folder = save_architecture(tmp_path, "bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4})
    model = ModelShelf(dtype="float32").open(locate(parse_reference(str(folder))))
    inner = model.causal_model.get_input_embeddings()
    inner.register_forward_hook(lambda *call: call[2] + call[2].mean(dim=1, keepdim=True))
    check = checked(model, 32)
    assert check.packed is None
    assert not check.padded
    wanted = [TokenSequence((0, 5, 9, 7)[:n], 1) for n in (2, 3, 4)]
    found = dict(pair for batch, _ in Engine(model, None).run(wanted, None) for pair in batch)
    for place, one in enumerate(wanted):
        ids = torch.tensor([one.token_ids])
        with torch.inference_mode():
            logprobs = model.model(ids).logits[0].double().log_softmax(-1)
        expected = [float(logprobs[n, one.token_ids[n + 1]]) for n in range(len(one.token_ids) - 1)]
        assert found[place] == pytest.approx(expected, abs=1e-5)
