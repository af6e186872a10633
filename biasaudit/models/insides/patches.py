"""Activations of one text put into the forward of another, and what the odds become: exactly, and to first order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.errors import PartsError
from biasaudit.models.insides.sites import BlockSites, sites_of
from biasaudit.types.components import Component, ComponentKind, Patch, Place, Swap

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from biasaudit.models.local.loaded import LoadedModel

_ROWS: Final = 32
"""Texts of one forward."""
_APART_NATS: Final = 5e-3
"""By so much at most the odds with everything put in may differ from those after the donor itself."""


def _unheard(_: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A module whose input or output is read and replaced."""

    name: str
    before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A text that is read, and which of its tokens' log-probabilities count.

    Attributes
    ----------
    swap : int
        Number of its swap.
    ids : tuple of int
        Context, and the continuation but for its last token.
    wanted : tuple of (int, int, float)
        Place, the token that follows it, and its weight.
    """

    swap: int
    ids: tuple[int, ...]
    wanted: tuple[tuple[int, int, float], ...]


class Patcher:
    """The components of a loaded checkpoint, and what comes of exchanging what they write.

    Parameters
    ----------
    loaded : LoadedModel
        Stays loaded. It is changed only while something is asked.
    donor : LoadedModel, optional
        Another checkpoint of the same architecture: activations are taken from it. None takes them from `loaded`.

    Raises
    ------
    PartsError
        If heads and MLPs cannot be told apart, or are not the same in both.
    """

    def __init__(self, loaded: LoadedModel, donor: LoadedModel | None = None) -> None:
        self.loaded, self._donor = loaded, donor or loaded
        self._model = loaded.causal_model
        self._sites = sites_of(self._model, loaded.fingerprint.reference)
        if donor is not None and sites_of(donor.causal_model, donor.fingerprint.reference) != self._sites:
            raise PartsError(
                f"heads and MLPs of {donor.fingerprint.reference!r} are not those of {loaded.fingerprint.reference!r}.",
                fix="Explain a checkpoint that was tuned from this base.",
            )
        embeddings = self._model.get_input_embeddings()
        names = {id(module): name for name, module in self._model.named_modules()}
        self._embeddings = _Site(name=names[id(embeddings)], before=False)

    @property
    def components(self) -> tuple[Component, ...]:
        """All of them, the embeddings first, then block by block."""
        found = [Component(kind=ComponentKind.EMBEDDINGS, place=place) for place in Place]
        for number, block in enumerate(self._sites):
            for place in Place:
                found += [
                    Component(kind=ComponentKind.HEAD, place=place, block=number, head=head)
                    for head in range(block.n_heads)
                ]
                found.append(Component(kind=ComponentKind.MLP, place=place, block=number))
        return tuple(found)

    def odds(
        self,
        swaps: Sequence[Swap],
        patches: Sequence[Patch],
        *,
        seed: int = 0,
        advance: Callable[[int], None] = _unheard,
    ) -> NDArray[np.float64]:
        """Return log p(first) - log p(second) after each context, with each of some patches.

        Parameters
        ----------
        swaps : sequence of Swap
        patches : sequence of Patch
        seed : int
            Of the random directions.
        advance : callable, optional
            Told how many texts were read since.

        Returns
        -------
        array of float, shape (n_patches, n_swaps)
            In nats.

        Raises
        ------
        PartsError
            If putting in everything does not give what is read after the donor.
        """
        import torch  # noqa: PLC0415

        found = np.zeros((len(patches), len(swaps)))
        with torch.inference_mode():
            for number, rows in enumerate(self._batches(swaps)):
                several = [swaps[row.swap] for row in rows]
                own = self._activations(self.loaded, [one.to for one in several])
                other = self._activations(self._donor, [one.donor for one in several])
                at = [row.swap for row in rows]
                if number == 0 and self._donor is self.loaded:
                    self._hold_against_donor(rows, several, own, other)
                for place, patch in enumerate(patches):
                    with self._put(several, patch, own, other, seed=(seed, number, place)):
                        np.add.at(found[place], at, self._read(rows).double().cpu().numpy())
                    advance(len(rows))
        return found

    def slopes(self, swaps: Sequence[Swap], *, advance: Callable[[int], None] = _unheard) -> NDArray[np.float64]:
        """Return what putting in each component alone would change, to first order.

        Parameters
        ----------
        swaps : sequence of Swap
        advance : callable, optional

        Returns
        -------
        array of float, shape (n_swaps, n_components)
            In nats, in the order of :attr:`components`.

        References
        ----------
        Nanda (2023), attribution patching: the gradient at a component times how far the donor's activation is away.
        """
        import torch  # noqa: PLC0415

        found = np.zeros((len(swaps), len(self.components)))
        for rows in self._batches(swaps):
            several = [swaps[row.swap] for row in rows]
            with torch.inference_mode():
                other = self._activations(self._donor, [one.donor for one in several])
            with self._seen(self.loaded, follow=True) as seen:
                total = self._read(rows).sum()
            sites = list(seen)
            slopes = dict(zip(sites, torch.autograd.grad(total, [seen[site] for site in sites]), strict=True))
            width = len(several[0].to)
            gains = {
                site: _precise(slope * (other[site].clone() - seen[site].detach()[:, :width]))
                for site, slope in ((one, slopes[one][:, :width]) for one in sites)
            }
            np.add.at(found, [row.swap for row in rows], self._by_component(several, gains))
            advance(len(rows))
        return found

    def _by_component(self, swaps: Sequence[Swap], gains: Mapping[_Site, torch.Tensor]) -> NDArray[np.float64]:
        import torch  # noqa: PLC0415

        device = next(iter(gains.values())).device
        masks = {
            place: torch.tensor([[one == place for one in swap.places()] for swap in swaps], device=device).float()
            for place in Place
        }
        columns = []
        for component in self.components:
            site, part = self._site(component)
            columns.append((gains[site][:, :, part].sum(dim=2) * masks[component.place]).sum(dim=1))
        return np.asarray(torch.stack(columns, dim=1).double().cpu().numpy(), dtype=np.float64)

    def _site(self, component: Component) -> tuple[_Site, slice]:
        if component.kind is ComponentKind.EMBEDDINGS:
            return self._embeddings, slice(None)
        block = self._sites[component.block]
        if component.kind is ComponentKind.MLP:
            return _Site(name=block.mlp, before=False), slice(None)
        return _Site(name=block.heads, before=True), _slice_of(block, component.head)

    def _all_sites(self) -> list[_Site]:
        return [
            self._embeddings,
            *(
                site
                for block in self._sites
                for site in (_Site(name=block.heads, before=True), _Site(name=block.mlp, before=False))
            ),
        ]

    def _batches(self, swaps: Sequence[Swap]) -> Iterator[list[_Row]]:
        """Yield rows of one length of context and of text."""
        found: dict[tuple[int, int], list[_Row]] = defaultdict(list)
        for number, swap in enumerate(swaps):
            for row in _rows(number, swap):
                found[len(swap.to), len(row.ids)].append(row)
        for _, rows in sorted(found.items()):
            yield from (rows[at : at + _ROWS] for at in range(0, len(rows), _ROWS))

    def _read(self, rows: Sequence[_Row]) -> torch.Tensor:
        """Return the weighted log-probabilities of each row, shape (n_rows,)."""
        import torch  # noqa: PLC0415

        device = self.loaded.model.device
        places = sorted({at for row in rows for at, _, _ in row.wanted})
        ids = torch.tensor([row.ids for row in rows], device=device)
        keep = torch.tensor(places, device=device)
        logits = _precise(self.loaded.model(input_ids=ids, logits_to_keep=keep, use_cache=False).logits)
        logprobs = logits - torch.logsumexp(logits, dim=2, keepdim=True)
        picked = [
            torch.stack([weight * logprobs[number, places.index(at), token] for at, token, weight in row.wanted]).sum()
            for number, row in enumerate(rows)
        ]
        return torch.stack(picked)

    def _activations(self, of: LoadedModel, contexts: Sequence[tuple[int, ...]]) -> dict[_Site, torch.Tensor]:
        """Return what every site holds while contexts of one length are read, shape (n_contexts, n_tokens, width)."""
        import torch  # noqa: PLC0415

        distinct = list(dict.fromkeys(contexts))
        ids = torch.tensor(distinct, device=of.model.device)
        with self._seen(of, follow=False) as seen:
            of.model(input_ids=ids, logits_to_keep=1, use_cache=False)
        rows = torch.tensor([distinct.index(one) for one in contexts], device=ids.device)
        return {site: found[rows] for site, found in seen.items()}

    @contextmanager
    def _seen(self, of: LoadedModel, *, follow: bool) -> Iterator[dict[_Site, torch.Tensor]]:
        """Collect what every site holds in the forwards within; `follow` lets gradients reach them."""
        seen: dict[_Site, torch.Tensor] = {}

        def take(site: _Site) -> Callable[[torch.Tensor], torch.Tensor]:
            def taken(found: torch.Tensor) -> torch.Tensor:
                if follow and site == self._embeddings:
                    found = found.detach().requires_grad_()
                seen[site] = found
                return found

            return taken

        with _hooked(of, {site: take(site) for site in self._all_sites()}):
            yield seen

    @contextmanager
    def _put(
        self,
        swaps: Sequence[Swap],
        patch: Patch,
        own: Mapping[_Site, torch.Tensor],
        other: Mapping[_Site, torch.Tensor],
        *,
        seed: tuple[int, ...],
    ) -> Iterator[None]:
        """Replace what the components of a patch write, at their places of the contexts."""
        import torch  # noqa: PLC0415

        draws = np.random.default_rng(seed)
        grouped: dict[_Site, list[tuple[slice, Place]]] = defaultdict(list)
        for component in sorted(patch.components, key=lambda one: one.name):
            site, part = self._site(component)
            grouped[site].append((part, component.place))
        replaced: dict[_Site, Callable[[torch.Tensor], torch.Tensor]] = {}
        for site, several in grouped.items():
            wanted = own[site].clone()
            for part, place in several:
                mask = torch.tensor([[one == place for one in swap.places()] for swap in swaps], device=wanted.device)
                new = other[site][:, :, part]
                if patch.random:
                    new = _turned(own[site][:, :, part], new, draws)
                wanted[:, :, part] = torch.where(mask.unsqueeze(2), new, wanted[:, :, part])
            replaced[site] = _replacing(several, swaps, wanted)
        with _hooked(self.loaded, replaced):
            yield

    def _hold_against_donor(
        self,
        rows: Sequence[_Row],
        swaps: Sequence[Swap],
        own: Mapping[_Site, torch.Tensor],
        other: Mapping[_Site, torch.Tensor],
    ) -> None:
        with self._put(swaps, Patch(components=frozenset(self.components)), own, other, seed=(0,)):
            found = self._read(rows)
        there = [
            _Row(swap=row.swap, ids=(*swap.donor, *row.ids[len(swap.donor) :]), wanted=row.wanted)
            for row, swap in zip(rows, swaps, strict=True)
        ]
        apart = float((found - self._read(there)).abs().max())
        if not apart <= _APART_NATS:
            raise PartsError(
                f"{self.loaded.fingerprint.reference!r} with every activation of another text put in does not give "
                f"the odds of that text (off by up to {apart:.3g} nats): something else carries what the text says.",
                fix="Explain another architecture; gemma 3, gpt2, llama, mistral, phi 3 and qwen 3 are known to work.",
            )


@contextmanager
def _hooked(of: LoadedModel, changes: Mapping[_Site, Callable[[torch.Tensor], torch.Tensor]]) -> Iterator[None]:
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


def _rows(number: int, swap: Swap) -> Iterator[_Row]:
    """Yield the texts that are read for a swap: one where both continuations differ in their last token alone."""
    found: dict[tuple[int, ...], list[tuple[int, int, float]]] = defaultdict(list)
    for continuation, weight in ((swap.first, 1.0), (swap.second, -1.0)):
        whole = (*swap.to, *continuation)
        found[whole[:-1]] += [(at - 1, whole[at], weight) for at in range(len(swap.to), len(whole))]
    for ids, wanted in found.items():
        yield _Row(swap=number, ids=ids, wanted=tuple(wanted))


def _precise(found: torch.Tensor) -> torch.Tensor:
    """Return the same in single precision at least."""
    import torch  # noqa: PLC0415

    return found.to(torch.promote_types(found.dtype, torch.float32))


def _slice_of(block: BlockSites, head: int) -> slice:
    return slice(head * block.head_size, (head + 1) * block.head_size)


def _turned(own: torch.Tensor, other: torch.Tensor, draws: np.random.Generator) -> torch.Tensor:
    """Return own activations moved as far as the other's are away, in a random direction at each place."""
    import torch  # noqa: PLC0415

    direction = torch.from_numpy(draws.standard_normal(own.shape)).to(own.device, own.dtype)
    length = (other - own).norm(dim=2, keepdim=True)
    turned: torch.Tensor = own + direction / direction.norm(dim=2, keepdim=True) * length
    return turned


def _replacing(
    several: Sequence[tuple[slice, Place]], swaps: Sequence[Swap], wanted: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that puts what is wanted into what a site holds, where it is wanted."""
    import torch  # noqa: PLC0415

    places = {
        place: torch.tensor([[one == place for one in swap.places()] for swap in swaps], device=wanted.device)
        for place in {place for _, place in several}
    }
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
