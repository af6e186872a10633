"""Where the heads and the MLP of every block write: found by structure, held against a forward."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import PartsError
from biasaudit.models.hybrids.parts import parts_of, tried_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ATTENTION: Final = re.compile(r"attn|attention")
_MLP: Final = re.compile(r"mlp|feed_forward|ffn")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSites:
    """The modules of one block at which activations are read and put in.

    Attributes
    ----------
    heads : str
        Dotted name of the projection behind the heads: its input holds what each head gives, one after another.
    n_heads, head_size : int
    mlp : str
        Dotted name of the module whose output the MLP adds.
    """

    heads: str
    n_heads: int
    head_size: int
    mlp: str


def sites_of(model: PreTrainedModel, reference: str) -> tuple[BlockSites, ...]:
    """Return the sites of every block, the first block first.

    Parameters
    ----------
    model : PreTrainedModel
        The causal model itself, in evaluation mode; the layers of an adapter may be in it.
    reference : str
        For the message.

    Raises
    ------
    PartsError
        If a block has not exactly one attention and one MLP, or if heads cannot be told apart in what comes before the
        attention's last projection.
    """
    blocks = [part.modules[0] for part in parts_of(model, reference)[1:-1]]
    found = [(block, _attention(model, block, reference), _mlp(model, block, reference)) for block in blocks]
    projections = {attention: _weighty(model, attention) for _, attention, _ in found}
    names = [name for several in projections.values() for name in several]
    order, widths = _seen(model, names, [mlp for _, _, mlp in found], reference)
    n_heads = int(model.config.get_text_config().num_attention_heads)
    sites = []
    for _, attention, mlp in found:
        ran = [name for name in order if name in projections[attention]]
        width = widths[ran[-1]] if ran else 0
        if not width or width % n_heads:
            raise _refused(
                model, reference, f"what goes into the last projection of {attention!r} is not {n_heads} heads"
            )
        sites.append(BlockSites(heads=ran[-1], n_heads=n_heads, head_size=width // n_heads, mlp=mlp))
    return tuple(sites)


def _children(model: PreTrainedModel, block: str, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{block}.{name}"
        for name, module in model.get_submodule(block).named_children()
        if pattern.search(name.lower()) and any(weight.ndim > 1 for weight in module.parameters())
    ]


def _attention(model: PreTrainedModel, block: str, reference: str) -> str:
    return _only(model, block, _children(model, block, _ATTENTION), "attention", reference)


def _mlp(model: PreTrainedModel, block: str, reference: str) -> str:
    return _only(model, block, _children(model, block, _MLP), "MLP", reference)


def _only(model: PreTrainedModel, block: str, found: list[str], what: str, reference: str) -> str:
    if len(found) != 1:
        raise _refused(model, reference, f"{block!r} has {len(found) or 'no'} modules that are its {what}, not one")
    return found[0]


def _weighty(model: PreTrainedModel, attention: str) -> list[str]:
    """Return the projections of an attention; an adapter's layers are inside of them."""
    return [
        f"{attention}.{name}"
        for name, module in model.get_submodule(attention).named_children()
        if any(weight.ndim > 1 for weight in module.parameters())
    ]


def _seen(
    model: PreTrainedModel, projections: list[str], mlps: list[str], reference: str
) -> tuple[list[str], dict[str, int]]:
    """Return the projections in the order in which they run, and how wide what goes into each is."""
    import torch  # noqa: PLC0415

    order: list[str] = []
    widths: dict[str, int] = {}
    plain: set[str] = set()

    def before(name: str, inputs: tuple[Any, ...]) -> None:
        order.append(name)
        if inputs and isinstance(inputs[0], torch.Tensor) and inputs[0].ndim == 3:  # (rows, tokens, width)
            widths[name] = inputs[0].shape[-1]

    def after(name: str, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 3:  # as above
            plain.add(name)

    handles = [
        model.get_submodule(name).register_forward_pre_hook(lambda _, inputs, name=name: before(name, inputs))
        for name in projections
    ]
    handles += [
        model.get_submodule(name).register_forward_hook(lambda _, __, output, name=name: after(name, output))
        for name in mlps
    ]
    try:
        with torch.inference_mode():
            model(input_ids=tried_ids(model), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    odd = [name for name in mlps if name not in plain]
    if odd:
        raise _refused(model, reference, f"{odd[0]!r} gives more than one tensor")
    if len(order) != len(set(order)):
        raise _refused(model, reference, "a projection of an attention runs more than once")
    return order, widths


def _refused(model: PreTrainedModel, reference: str, why: str) -> PartsError:
    return PartsError(
        f"heads and MLPs of {reference!r} ({type(model).__name__}) cannot be told apart: {why}.",
        fix="Explain another architecture; gemma 3, gpt2, llama, mistral, phi 3 and qwen 3 are known to work.",
    )
