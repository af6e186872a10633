"""A checksum of a model notices what a library may do to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biasaudit.models.local.trace import trace_of
from tests.models.adapter_kinds import fresh

Q = "model.layers.0.self_attn.q_proj"


def of_one_weight(model: Any) -> None:
    model.get_submodule(Q).weight.data[3, 4] += 1e-6


def past_the_counter(model: Any) -> None:
    """As PiSSA does it: nothing counts a change of what lies behind a tensor."""
    model.get_submodule(Q).weight.data.view(-1)[-1:].zero_()


def of_rows(model: Any) -> None:
    weight = model.get_input_embeddings().weight.data
    weight.copy_(weight.flip(0).clone())


def of_a_buffer(model: Any) -> None:
    model.model.rotary_emb.inv_freq[1] += 1e-3


def of_a_module(model: Any) -> None:
    import torch

    model.get_submodule("model.layers.0.self_attn").q_proj = torch.nn.Sequential(model.get_submodule(Q))


def of_a_hook(model: Any) -> None:
    model.get_submodule(Q).register_forward_hook(lambda *_: None)


def of_a_tie(model: Any) -> None:
    model.lm_head.weight = model.get_input_embeddings().weight


def of_the_configuration(model: Any) -> None:
    model.config.tie_word_embeddings = True


@pytest.mark.parametrize(
    "change",
    [of_one_weight, past_the_counter, of_rows, of_a_buffer, of_a_module, of_a_hook, of_a_tie, of_the_configuration],
)
def test_a_change_is_noticed(models: Path, change: Callable[[Any], None]) -> None:
    model = fresh(models / "base")
    before = trace_of(model)
    change(model)
    assert trace_of(model) != before


def test_two_loads_of_one_model_are_equal(models: Path) -> None:
    assert trace_of(fresh(models / "base")) == trace_of(fresh(models / "base"))
    assert trace_of(fresh(models / "base")) != trace_of(fresh(models / "tuned"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "bool"])
def test_every_place_of_a_tensor_counts(dtype: str) -> None:
    """Of tensors shorter and longer than a block, in whatever type, and where bytes are left over."""
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self, length: int) -> None:
            super().__init__()
            self.register_buffer("values", torch.zeros(length, dtype=getattr(torch, dtype)))
            self.config = type("Config", (), {"to_json_string": lambda _: "{}"})()

    for length in (1, 7, 9, 40_000):
        empty = trace_of(Model(length))
        for place in {0, length // 2, length - 1}:
            model: Any = Model(length)
            model.values[place] = 1
            assert trace_of(model) != empty
