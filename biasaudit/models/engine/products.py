"""Linear layers by the faster of the two libraries for matrix products that torch brings for processors.

In float32 torch asks MKL. Products as a language model has them took 0.80 to 0.92 of that time with oneDNN, which torch
uses itself for other types and for compiled models.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor

X86: Final = frozenset({"x86_64", "AMD64"})
"""What systems call the processors on which torch brings both libraries."""


def linear(hidden: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``hidden @ weight.T + bias``.

    Parameters
    ----------
    hidden : Tensor, shape (..., n_in)
    weight : Tensor, shape (n_out, n_in)
    bias : Tensor, shape (n_out,), optional

    Returns
    -------
    Tensor, shape (..., n_out)

    Examples
    --------
    >>> import torch
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([0.5])).tolist()
    [[11.5]]
    """
    import torch  # noqa: PLC0415

    if (
        hidden.dtype == weight.dtype == torch.float32
        and hidden.device.type == weight.device.type == "cpu"
        and type(weight) in {torch.Tensor, torch.nn.Parameter}  # not a quantised one
        and torch.backends.mkldnn.enabled
        and _is_there()
    ):
        product: Tensor = torch.ops.mkldnn._linear_pointwise(hidden, weight, bias, "none", [], "")  # noqa: SLF001  # has no public name
        return product
    return torch.nn.functional.linear(hidden, weight, bias)


@contextmanager
def faster_linear_layers(decoder: Any) -> Iterator[None]:  # torch types attributes of modules as Module
    """Let the linear layers of a decoder use :func:`linear`, and what they used before afterwards."""
    from torch import nn  # noqa: PLC0415
    from transformers.pytorch_utils import Conv1D  # noqa: PLC0415

    changed = [
        (module, _of_linear if type(module) is nn.Linear else _of_conv1d)
        for module in decoder.modules()
        if type(module) in {nn.Linear, Conv1D} and "forward" not in vars(module)
    ]
    try:
        for module, forward in changed:
            module.forward = partial(forward, module)
        yield
    finally:
        for module, _ in changed:
            vars(module).pop("forward", None)


def _of_linear(layer: Any, hidden: Tensor) -> Tensor:
    return linear(hidden, layer.weight, layer.bias)


def _of_conv1d(layer: Any, hidden: Tensor) -> Tensor:
    """GPT-2's layers keep their weights the other way round."""
    return linear(hidden, layer.weight.t(), layer.bias)


@cache
def _is_there() -> bool:
    """Tell whether torch has the operator, and the processor what makes it fast: else MKL took half its time."""
    import torch  # noqa: PLC0415

    if torch.backends.cpu.get_cpu_capability() not in {"AVX2", "AVX512"} or platform.machine() not in X86:
        return False
    try:
        [[product]] = torch.ops.mkldnn._linear_pointwise(torch.ones(1, 2), torch.ones(1, 2), None, "none", [], "")  # noqa: SLF001
    # The operator is torch's own affair: another version may lack it or want other arguments.
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return bool(product == 2)
