"""Modules whose inputs or outputs are replaced at some places of some texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from biasaudit.types.components import Place, Swap

if TYPE_CHECKING:
    import numpy as np
    import torch

    from biasaudit.models.insides.sites import BlockSites
    from biasaudit.models.local.loaded import LoadedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A module whose input or output is read and replaced.

    Attributes
    ----------
    name : str
        Its dotted name in the causal model.
    before : bool
        Whether it is the first input; else the output.
    """

    name: str
    before: bool


@contextmanager
def hooked(of: LoadedModel, changes: Mapping[Site, Callable[[torch.Tensor], torch.Tensor]]) -> Iterator[None]:
    """Change what sites of a model hold, in the forwards within."""
    handles = []
    try:
        for site, change in changes.items():
            module = of.causal_model.get_submodule(site.name)
            if site.before:
                handles.append(module.register_forward_pre_hook(_changing_input(change)))
            else:
                handles.append(module.register_forward_hook(_changing_output(change)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def mask_of(swaps: Sequence[Swap], place: Place, *, device: torch.device) -> torch.Tensor:
    """Return which tokens of the contexts are at a place, shape (n_swaps, n_tokens); padding is at none."""
    import torch  # noqa: PLC0415

    width = max(len(swap.to) for swap in swaps)
    rows = [[one == place for one in swap.places()] for swap in swaps]
    return torch.tensor([[*row, *[False] * (width - len(row))] for row in rows], device=device)


def precise(found: torch.Tensor) -> torch.Tensor:
    """Return the same in single precision at least."""
    import torch  # noqa: PLC0415

    return found.to(torch.promote_types(found.dtype, torch.float32))


Rewrite: TypeAlias = Callable[[Any, "torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""From a projection, what goes in and what comes out, to what is to come out."""


@contextmanager
def rewritten(of: LoadedModel, rewrites: Mapping[str, Rewrite]) -> Iterator[None]:
    """Change what projections of a model write, in the forwards within."""
    handles = []
    try:
        for name, rewrite in rewrites.items():
            module = of.causal_model.get_submodule(name)
            handles.append(
                module.register_forward_hook(
                    lambda module, inputs, output, rewrite=rewrite: rewrite(module, inputs[0], output)
                )
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


def rewriting(chosen: torch.Tensor, new: torch.Tensor) -> Rewrite:
    """Return what puts new writing of chosen heads in the place of theirs.

    Parameters
    ----------
    chosen : Tensor of bool, shape (n_texts, n_tokens, width)
        Of what goes into the projection.
    new : Tensor, shape (n_texts, n_tokens, width of the stream)
    """
    n_tokens = new.shape[1]

    def rewrite(module: Any, hidden: torch.Tensor, output: torch.Tensor) -> torch.Tensor:  # Any: a module of torch
        changed = output.clone()
        changed[:, :n_tokens] += new - written(module, hidden[:, :n_tokens], chosen)
        return changed

    return rewrite


def written(projection: Any, hidden: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:  # Any: a module of torch
    """Return what chosen heads write to the stream, without the projection's bias."""
    import torch  # noqa: PLC0415

    nothing = torch.zeros_like(hidden)
    # Not called as a module: it may be hooked just now.
    found: torch.Tensor = projection.forward(torch.where(chosen, hidden, nothing)) - projection.forward(nothing)
    return found


def chosen_of(several: Sequence[tuple[slice, Place]], swaps: Sequence[Swap], held: torch.Tensor) -> torch.Tensor:
    """Return which of what goes into a projection is of some heads at some places."""
    import torch  # noqa: PLC0415

    chosen = torch.zeros_like(held, dtype=torch.bool)
    for part, place in several:
        chosen[:, :, part] |= mask_of(swaps, place, device=held.device).unsqueeze(2)
    return chosen


def slice_of(block: BlockSites, head: int) -> slice:
    """Return where a head's values stand in what goes into the projection behind the heads."""
    return slice(head * block.head_size, (head + 1) * block.head_size)


def turned(own: torch.Tensor, other: torch.Tensor, draws: np.random.Generator) -> torch.Tensor:
    """Return own activations moved as far as the other's are away, in a random direction at each place."""
    import torch  # noqa: PLC0415

    direction = torch.from_numpy(draws.standard_normal(own.shape)).to(own.device, own.dtype)
    length = (other - own).norm(dim=2, keepdim=True)
    found: torch.Tensor = own + direction / direction.norm(dim=2, keepdim=True) * length
    return found


def replacing(
    several: Sequence[tuple[slice, Place]], swaps: Sequence[Swap], wanted: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that puts what is wanted into what a site holds, where it is wanted."""
    import torch  # noqa: PLC0415

    places = {place: mask_of(swaps, place, device=wanted.device) for place in {place for _, place in several}}
    n_tokens = wanted.shape[1]

    def replaced(found: torch.Tensor) -> torch.Tensor:
        changed = found.clone()
        for part, place in several:
            here = changed[:, :n_tokens, part]
            changed[:, :n_tokens, part] = torch.where(places[place].unsqueeze(2), wanted[:, :, part], here)
        return changed

    return replaced


def _changing_input(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:  # as hooks of torch are
    return lambda _, inputs: (change(inputs[0]), *inputs[1:])


def _changing_output(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:  # as above
    return lambda _, __, output: change(output)
