from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from biasaudit.models.engine import products
from biasaudit.models.engine.output_layer import OutputLayer
from biasaudit.models.engine.products import faster_linear_layers, linear


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (1, 100, 7), (2, 33, 7)])
@pytest.mark.parametrize("n_biases", [0, 5])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 1e-5), (torch.float64, 1e-12), (torch.bfloat16, 0.1)])
def test_a_linear_layer_by_either_library_is_one(
    shape: tuple[int, ...], n_biases: int, dtype: torch.dtype, rounding: float
) -> None:
    draw = torch.Generator().manual_seed(4)
    hidden = torch.randn(shape, generator=draw).to(dtype)
    weight = torch.randn((5, shape[-1]), generator=draw).to(dtype)
    bias = torch.randn(n_biases, generator=draw).to(dtype) if n_biases else None
    expected = functional.linear(hidden, weight, bias)
    torch.testing.assert_close(linear(hidden, weight, bias), expected, rtol=0, atol=rounding)
    across = hidden.transpose(0, -1).contiguous().transpose(0, -1)  # as attention hands it over
    torch.testing.assert_close(linear(across, weight, bias), expected, rtol=0, atol=rounding)


def test_layers_are_changed_for_a_while_and_give_what_they_gave() -> None:
    torch.manual_seed(5)
    of_gpt2 = Conv1D(4, 8)  # type: ignore[no-untyped-call]
    layers = torch.nn.Sequential(torch.nn.Linear(6, 8), of_gpt2, torch.nn.Linear(4, 3, bias=False))
    hidden = torch.randn(2, 9, 6)
    with torch.inference_mode():
        before = layers(hidden)
        with faster_linear_layers(layers):
            assert all("forward" in vars(layer) for layer in layers)
            torch.testing.assert_close(layers(hidden), before)
        assert not any("forward" in vars(layer) for layer in layers)


def test_a_layer_that_somebody_changed_stays_as_it_is() -> None:
    layer = torch.nn.Linear(2, 2)
    vars(layer)["forward"] = lambda hidden: hidden + 1
    with faster_linear_layers(torch.nn.Sequential(layer)):
        assert layer(torch.zeros(1, 2)).tolist() == [[1.0, 1.0]]
    assert "forward" in vars(layer)


def test_another_version_of_the_operator_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_: object) -> None:
        raise TypeError("expected at most 3 arguments")

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", other)
    products._is_there.cache_clear()
    try:
        hidden, weight = torch.ones(2, 3), torch.ones(4, 3)
        assert linear(hidden, weight).tolist() == [[3.0] * 4] * 2
    finally:
        products._is_there.cache_clear()


def test_the_library_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_is_there", lambda: pytest.fail("asked for although it is turned off"))
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert linear(torch.ones(2, 3), torch.ones(4, 3)).tolist() == [[3.0] * 4] * 2


def test_words_that_cannot_come_have_no_probability() -> None:
    """Vocabularies are filled up with words of minus infinity, here by more than a slice."""
    draw = torch.Generator().manual_seed(6)
    weight = torch.randn((5000, 8), generator=draw)
    bias = torch.zeros(5000)
    bias[700:] = -torch.inf
    hidden = torch.randn((3, 8), generator=draw)
    found = OutputLayer(weight=weight, bias=bias).logprobs(hidden, torch.tensor([0, 2, 2]), torch.tensor([5, 699, 700]))
    expected = functional.linear(hidden, weight, bias).double().log_softmax(1)
    torch.testing.assert_close(found, expected[[0, 2, 2], [5, 699, 700]], atol=1e-5, rtol=0)
    assert found[2] == -torch.inf
