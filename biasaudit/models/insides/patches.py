"""Activations of one text put into the forward of another, and what the odds become: exactly, and to first order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.errors import PartsError
from biasaudit.models.engine.one_pass import one_pass
from biasaudit.models.insides.replacing import (
    Rewrite,
    Site,
    chosen_of,
    hooked,
    mask_of,
    precise,
    replacing,
    rewriting,
    rewritten,
    slice_of,
    turned,
    written,
)
from biasaudit.models.insides.rows import Row, rows_of
from biasaudit.models.insides.sites import sites_of
from biasaudit.types.components import Component, ComponentKind, Patch, Place, Swap

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from biasaudit.models.local.loaded import LoadedModel

_TOKENS: Final = 1024
"""Of one forward, with padding."""
_LOGITS: Final = 2**24
"""Numbers of the output layer in one forward: 64 places of a vocabulary of 262,144 words."""
_APART_NATS: Final = 5e-3
"""By so much at most the odds with everything put in may differ from those after the donor itself."""


def _unheard(_: int) -> None:
    """Tell nobody."""


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
        self._embeddings = Site(name=names[id(embeddings)], before=False)

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
                if number == 0 and not self._between:
                    self._hold_against_donor(rows, several, own, other)
                for place, patch in enumerate(patches):
                    with self._put(several, patch, own, other, seed=(seed, number, place)):
                        np.add.at(found[place], at, self._read(rows).cpu().double().numpy())
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
            width = max(len(one.to) for one in several)
            gains = self._gains(
                {site: slopes[site][:, :width] for site in sites},
                {site: seen[site].detach()[:, :width] for site in sites},
                {site: other[site].clone() for site in sites},
            )
            np.add.at(found, [row.swap for row in rows], self._by_component(several, gains))
            advance(len(rows))
        return found

    def _gains(
        self,
        slopes: Mapping[Site, torch.Tensor],
        own: Mapping[Site, torch.Tensor],
        other: Mapping[Site, torch.Tensor],
    ) -> dict[tuple[int, ComponentKind, int], torch.Tensor]:
        """Return (block, kind, head) -> slope times how far the donor is away, shape (n_swaps, n_tokens)."""
        import torch  # noqa: PLC0415

        found = {}
        for component in self.components:
            key = (component.block, component.kind, component.head)
            if key in found:
                continue
            site, part = self._site(component)
            if site.before and self._between:
                chosen = torch.zeros_like(own[site], dtype=torch.bool)
                chosen[:, :, part] = True
                with torch.no_grad():
                    away = self._written(site, other, chosen, donor=True) - self._written(site, own, chosen)
                gain = slopes[_behind(site)] * away
            else:
                gain = slopes[site][:, :, part] * (other[site][:, :, part] - own[site][:, :, part])
            found[key] = precise(gain).sum(dim=2)
        return found

    def _written(
        self, site: Site, held: Mapping[Site, torch.Tensor], chosen: torch.Tensor, *, donor: bool = False
    ) -> torch.Tensor:
        """Return what chosen heads write through the projection of the one checkpoint or the other."""
        of = self._donor if donor else self.loaded
        return written(of.causal_model.get_submodule(site.name), held[site], chosen)

    def _by_component(
        self, swaps: Sequence[Swap], gains: Mapping[tuple[int, ComponentKind, int], torch.Tensor]
    ) -> NDArray[np.float64]:
        import torch  # noqa: PLC0415

        device = next(iter(gains.values())).device
        masks = {place: mask_of(swaps, place, device=device).float() for place in Place}
        columns = [
            (gains[component.block, component.kind, component.head] * masks[component.place]).sum(dim=1)
            for component in self.components
        ]
        return np.asarray(torch.stack(columns, dim=1).cpu().double().numpy(), dtype=np.float64)

    def _site(self, component: Component) -> tuple[Site, slice]:
        if component.kind is ComponentKind.EMBEDDINGS:
            return self._embeddings, slice(None)
        block = self._sites[component.block]
        if component.kind is ComponentKind.MLP:
            return Site(name=block.mlp, before=False), slice(None)
        return Site(name=block.heads, before=True), slice_of(block, component.head)

    def _all_sites(self) -> list[Site]:
        return [
            self._embeddings,
            *(
                site
                for block in self._sites
                for site in (Site(name=block.heads, before=True), Site(name=block.mlp, before=False))
            ),
            *(_behind(Site(name=block.heads, before=True)) for block in self._sites if self._between),
        ]

    @property
    def _between(self) -> bool:
        """Whether activations are another checkpoint's: heads then write through a projection of its own."""
        return self._donor is not self.loaded

    def _batches(self, swaps: Sequence[Swap]) -> Iterator[list[Row]]:
        """Yield rows of like length, so many that neither tokens nor places of the output layer are too many."""
        rows = [row for number, swap in enumerate(swaps) for row in rows_of(number, swap)]
        most_read = max(1, _LOGITS // self.loaded.vocabulary_size)
        batch: list[Row] = []
        for row in sorted(rows, key=lambda row: (len(swaps[row.swap].to), len(row.ids))):
            n_read = sum(len(one.wanted) for one in (*batch, row))
            if batch and ((len(batch) + 1) * len(row.ids) > _TOKENS or n_read > most_read):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _read(self, rows: Sequence[Row]) -> torch.Tensor:
        """Return the weighted log-probabilities of each row, shape (n_rows,)."""
        import torch  # noqa: PLC0415

        wanted = [(number, *one) for number, row in enumerate(rows) for one in row.wanted]
        places = [(number, at) for number, at, _, _ in wanted]
        logits = one_pass(self.loaded.model, self._model, [row.ids for row in rows], places)
        tokens, owners = (torch.tensor([one[at] for one in wanted], device=logits.device) for at in (2, 0))
        weights = torch.tensor([one[3] for one in wanted], device=logits.device, dtype=logits.dtype)
        logprobs = logits.gather(1, tokens[:, None])[:, 0] - torch.logsumexp(logits, dim=1)
        zeros = torch.zeros(len(rows), device=logits.device, dtype=logits.dtype)
        return zeros.index_add(0, owners, weights * logprobs)

    def _activations(self, of: LoadedModel, contexts: Sequence[tuple[int, ...]]) -> dict[Site, torch.Tensor]:
        """Return what every site holds while contexts are read, shape (n_contexts, n_tokens, width); padded."""
        import torch  # noqa: PLC0415

        distinct = list(dict.fromkeys(contexts))
        with self._seen(of, follow=False) as seen:
            one_pass(of.model, of.causal_model, distinct, [(0, 0)])
        rows = torch.tensor([distinct.index(one) for one in contexts], device=of.model.device)
        return {site: found[rows] for site, found in seen.items()}

    @contextmanager
    def _seen(self, of: LoadedModel, *, follow: bool) -> Iterator[dict[Site, torch.Tensor]]:
        """Collect what every site holds in the forwards within; `follow` lets gradients reach them."""
        seen: dict[Site, torch.Tensor] = {}

        def take(site: Site) -> Callable[[torch.Tensor], torch.Tensor]:
            def taken(found: torch.Tensor) -> torch.Tensor:
                if follow and site == self._embeddings:
                    found = found.detach().requires_grad_()
                seen[site] = found
                return found

            return taken

        with hooked(of, {site: take(site) for site in self._all_sites()}):
            yield seen

    @contextmanager
    def _put(
        self,
        swaps: Sequence[Swap],
        patch: Patch,
        own: Mapping[Site, torch.Tensor],
        other: Mapping[Site, torch.Tensor],
        *,
        seed: tuple[int, ...],
    ) -> Iterator[None]:
        """Replace what the components of a patch write, at their places of the contexts."""
        import torch  # noqa: PLC0415

        draws = np.random.default_rng(seed)
        grouped: dict[Site, list[tuple[slice, Place]]] = defaultdict(list)
        for component in sorted(patch.components, key=lambda one: one.name):
            site, part = self._site(component)
            grouped[site].append((part, component.place))
        replaced: dict[Site, Callable[[torch.Tensor], torch.Tensor]] = {}
        rewrites: dict[str, Rewrite] = {}
        for site, several in grouped.items():
            if site.before and self._between:
                chosen = chosen_of(several, swaps, own[site])
                new = self._written(site, other, chosen, donor=True)
                if patch.random:
                    new = turned(self._written(site, own, chosen), new, draws)
                rewrites[site.name] = rewriting(chosen, new)
                continue
            wanted = own[site].clone()
            for part, place in several:
                mask = mask_of(swaps, place, device=wanted.device)
                new = other[site][:, :, part]
                if patch.random:
                    new = turned(own[site][:, :, part], new, draws)
                wanted[:, :, part] = torch.where(mask.unsqueeze(2), new, wanted[:, :, part])
            replaced[site] = replacing(several, swaps, wanted)
        with hooked(self.loaded, replaced), rewritten(self.loaded, rewrites):
            yield

    def _hold_against_donor(
        self,
        rows: Sequence[Row],
        swaps: Sequence[Swap],
        own: Mapping[Site, torch.Tensor],
        other: Mapping[Site, torch.Tensor],
    ) -> None:
        with self._put(swaps, Patch(components=frozenset(self.components)), own, other, seed=(0,)):
            found = self._read(rows)
        there = [
            Row(swap=row.swap, ids=(*swap.donor, *row.ids[len(swap.donor) :]), wanted=row.wanted)
            for row, swap in zip(rows, swaps, strict=True)
        ]
        apart = float((found - self._read(there)).abs().max())
        if not apart <= _APART_NATS:
            raise PartsError(
                f"{self.loaded.fingerprint.reference!r} with every activation of another text put in does not give "
                f"the odds of that text (off by up to {apart:.3g} nats): something else carries what the text says.",
                fix="Explain another architecture; gemma 3, gpt2, llama, mistral, phi 3 and qwen 3 are known to work.",
            )


def _behind(site: Site) -> Site:
    """Return what comes out of a module of which a site is what goes in."""
    return replace(site, before=False)
