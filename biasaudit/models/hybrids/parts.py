"""The parts of a causal model from its embeddings to its output layer: found by structure, held against a forward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import PartsError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EMBEDDINGS: Final = "embeddings"
HEAD: Final = "final norm and head"
BLOCK: Final = "block {}"
_TRIED: Final = 12
"""Tokens of the forward in which modules are seen at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is exchanged at once.

    Attributes
    ----------
    name : str
        ``embeddings``, ``block 0``, ... or ``final norm and head``.
    modules : tuple of str
        Their dotted names in the causal model.
    """

    name: str
    modules: tuple[str, ...]


def parts_of(model: PreTrainedModel, reference: str) -> tuple[Part, ...]:
    """Return the parts of a model, in the order in which a text goes through them.

    What has weights and runs before the first block is embeddings, what runs after the last is the head. What never
    runs when a text is read (a tower for pictures) is of no part.

    Parameters
    ----------
    model : PreTrainedModel
        The causal model itself, in evaluation mode.
    reference : str
        For the message.

    Raises
    ------
    PartsError
        If there is no one list of blocks that run once each, in order; if a module with weights runs between them or
        more than once; or if weights belong to the model itself and to no module that can be exchanged.
    """
    blocks = _block_list(model, reference)
    names = [f"{blocks}.{number}" for number in range(len(model.get_submodule(blocks)))]  # type: ignore[arg-type]
    above = {"", *(blocks.rsplit(".", dots)[0] for dots in range(1, blocks.count(".") + 1)), blocks}
    _refuse_own_weights(model, above, reference)
    others = [
        f"{place}.{name}" if place else name
        for place in sorted(above - {blocks})
        for name, module in model.get_submodule(place).named_children()
        if (f"{place}.{name}" if place else name) not in above and any(True for _ in module.parameters())
    ]
    order = _called(model, [*names, *others])
    if [one for one in order if one in set(names)] != names:
        raise _refused(model, reference, f"the blocks in {blocks!r} do not run once each, in their order")
    first, last = order.index(names[0]), order.index(names[-1])
    for name in others:
        places = [place for place, one in enumerate(order) if one == name]
        if len(places) > 1 or any(first < place < last for place in places):
            raise _refused(model, reference, f"{name!r} runs between the blocks, or more than once")
    _refuse_shared(model, names, others, reference)
    return (
        Part(name=EMBEDDINGS, modules=tuple(one for one in order[:first])),
        *(Part(name=BLOCK.format(number), modules=(name,)) for number, name in enumerate(names)),
        Part(name=HEAD, modules=tuple(one for one in order[last + 1 :])),
    )


def _block_list(model: PreTrainedModel, reference: str) -> str:
    """Return the dotted name of the list of blocks."""
    import torch  # noqa: PLC0415

    config = model.config.get_text_config()
    # A decoder that was taken out of an encoder-decoder calls the encoder's blocks by the common name.
    n_blocks = int(getattr(config, "decoder_layers", None) or config.num_hidden_layers)
    found = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_blocks and _heavy(module)
    ]
    outermost = [name for name in found if not any(name.startswith(f"{other}.") for other in found)]
    # Of a model for texts and pictures: the list whose blocks read texts.
    if len(outermost) > 1:
        outermost = [name for name in outermost if _called(model, [f"{name}.0"])]
    if len(outermost) != 1:
        what = "no list" if not outermost else f"{len(outermost)} lists ({', '.join(outermost)})"
        raise _refused(model, reference, f"it has {what} of {n_blocks} blocks, as many as its configuration says")
    return str(outermost[0])


def _heavy(module: Any) -> bool:  # torch types what is in a list as Module
    return all(any(True for _ in one.parameters()) for one in module)


def _refuse_own_weights(model: PreTrainedModel, above: set[str], reference: str) -> None:
    for place in sorted(above):
        own = [name for name, _ in model.get_submodule(place).named_parameters(recurse=False)]
        if own:
            where = f"{place!r}" if place else "the model itself"
            raise _refused(model, reference, f"the weights {', '.join(own)} of {where} are in no module of their own")


def _refuse_shared(model: PreTrainedModel, blocks: Sequence[str], others: Sequence[str], reference: str) -> None:
    """Refuse blocks that share weights; embeddings and head may: each model brings its own module of both."""
    owner: dict[int, str] = {}
    for name in (*blocks, *others):
        for weight in model.get_submodule(name).parameters():
            known = owner.setdefault(id(weight), name)
            if known != name and (known in blocks or name in blocks):
                raise _refused(model, reference, f"{known!r} and {name!r} share weights")


def _called(model: PreTrainedModel, names: Sequence[str]) -> list[str]:
    """Return the names of modules in the order in which they run when a text is read."""
    import torch  # noqa: PLC0415

    order: list[str] = []
    handles = [
        model.get_submodule(name).register_forward_pre_hook(lambda *_, name=name, **__: order.append(name))
        for name in names
    ]
    try:
        with torch.inference_mode():
            model(input_ids=tried_ids(model), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return order


def tried_ids(model: PreTrainedModel) -> Any:  # a tensor; torch is imported late
    """Return the tokens of a short text that means nothing, shape (2, 12)."""
    import torch  # noqa: PLC0415

    n_words = int(model.config.get_text_config().vocab_size)
    rows = [[(step * place + 3) % n_words for place in range(_TRIED)] for step in (7, 11)]
    return torch.tensor(rows, device=model.device)


def weights_of(model: PreTrainedModel, part: Part) -> Iterator[Any]:  # tensors
    """Yield the weights of a part."""
    for name in part.modules:
        yield from model.get_submodule(name).parameters()


def _refused(model: PreTrainedModel, reference: str, why: str) -> PartsError:
    return PartsError(
        f"the parts of {reference!r} ({type(model).__name__}) cannot be told apart: {why}.",
        fix="Explain another architecture; gemma 3, gpt2, llama, mistral, phi 3 and qwen 3 are known to work.",
    )
