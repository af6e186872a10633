"""What another word before a text would do to what is scored after it, to first order: one pass back, no search."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.models.text.encoding import Encoded, encode_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch
    from numpy.typing import NDArray

    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.types import Request
    from biasaudit.types.search import Word

_ROWS: Final = 32
"""Texts of one pass."""


def word_slopes(
    loaded: LoadedModel,
    requests: Sequence[Request],
    weights: Mapping[str, float],
    *,
    prefix: Sequence[Word],
    words: Sequence[Word],
) -> NDArray[np.float64] | None:
    """Return what a weighted sum of log-probabilities would gain by other words in the place of a prefix's.

    Parameters
    ----------
    loaded : LoadedModel
    requests : sequence of Request
        In plain framing; each context begins with the words of the prefix, a space after each.
    weights : mapping
        Key of a request -> weight of its log-probability.
    prefix : sequence of Word
    words : sequence of Word
        The candidates.

    Returns
    -------
    array of float, shape (n_prefix, n_words), or None
        In the unit of the weighted nats. None where the prefix does not stand in the texts as one token a word.

    References
    ----------
    Ebrahimi et al. (2018), HotFlip, equation 10: the gradient with respect to a token's embedding, times the
    difference of the embeddings.
    """
    import torch  # noqa: PLC0415

    asked = list({request.key: request for request in requests}.values())
    encoded = list(encode_all(loaded.tokenizer, asked, beginning=loaded.beginning).values())
    asked_of = [one for one in encoded if isinstance(one, Encoded) and weights.get(one.key)]
    ids = (prefix[0].first_id, *(word.later_id for word in prefix[1:]))
    starts = {_place(one.context_ids, ids) for one in asked_of}
    if len(starts) != 1 or None in starts:
        return None
    (start,) = starts
    layer = loaded.causal_model.get_input_embeddings()
    with torch.no_grad():
        current = _embedded(layer, ids, loaded)
    shift = torch.zeros_like(current, requires_grad=True)
    slope = torch.zeros_like(current)
    handle = layer.register_forward_hook(lambda _, __, out: out + _spread(shift, out, int(start or 0)))
    try:
        for rows in _batches(_rows(asked_of, weights)):
            slope += torch.autograd.grad(_weighted(loaded, rows), shift)[0].detach()
    finally:
        handle.remove()
    with torch.no_grad():
        first = _embedded(layer, [word.first_id for word in words], loaded)
        later = first if len(prefix) == 1 else _embedded(layer, [word.later_id for word in words], loaded)
        gains = [((first if place == 0 else later) - current[place]) @ slope[place] for place in range(len(prefix))]
        return np.asarray(torch.stack(gains).float().cpu().double().numpy(), dtype=np.float64)


def nearest_words(loaded: LoadedModel, words: Sequence[Word], to: Sequence[Word], *, each: int) -> frozenset[str]:
    """Return the words whose embeddings lie nearest to each of some others, by cosine after the mean is taken off.

    Parameters
    ----------
    loaded : LoadedModel
    words, to : sequence of Word
    each : int
        So many of each of `to`.
    """
    import torch  # noqa: PLC0415

    if not each or not to:
        return frozenset()
    layer = loaded.causal_model.get_input_embeddings()
    with torch.no_grad():
        all_words, others = (_embedded(layer, [word.later_id for word in some], loaded).float() for some in (words, to))
        mean = all_words.mean(dim=0)
        sides = [torch.nn.functional.normalize(some - mean, dim=1) for some in (all_words, others)]
        near = (sides[1] @ sides[0].T).topk(min(each, len(words)), dim=1).indices.flatten().tolist()
    return frozenset(words[at].text for at in near)


def _place(context: Sequence[int], ids: Sequence[int]) -> int | None:
    """Return where a prefix stands: after no more than what a tokenizer puts before a text."""
    width = len(ids)
    return next((at for at in range(3) if tuple(context[at : at + width]) == tuple(ids)), None)


def _embedded(layer: Any, ids: Sequence[int], loaded: LoadedModel) -> torch.Tensor:  # Any: a module of torch
    import torch  # noqa: PLC0415

    found: torch.Tensor = layer(torch.tensor([list(ids)], device=loaded.model.device))[0]
    return found.detach()


def _spread(shift: torch.Tensor, out: torch.Tensor, start: int) -> torch.Tensor:
    """Return the shift of the prefix's embeddings at their places in a whole batch."""
    import torch  # noqa: PLC0415

    return torch.nn.functional.pad(shift, (0, 0, start, out.shape[1] - start - shift.shape[0])).unsqueeze(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What one pass reads, and what of it counts.

    Attributes
    ----------
    ids : tuple of int
        All but the last token of a text: nothing is asked after that.
    wanted : list of (int, int, float)
        Place, the token that follows it, and the weight of its log-probability.
    """

    ids: tuple[int, ...]
    wanted: list[tuple[int, int, float]] = field(default_factory=list)


def _rows(encoded: Sequence[Encoded], weights: Mapping[str, float]) -> list[_Row]:
    """Return texts to read, those that differ in their last token once; in the order in which they go together."""
    found: dict[tuple[int, ...], _Row] = {}
    for one in encoded:
        whole = (*one.context_ids, *one.continuation_ids)
        row = found.setdefault(whole[:-1], _Row(ids=whole[:-1]))
        row.wanted.extend((at - 1, whole[at], weights[one.key]) for at in range(len(one.context_ids), len(whole)))
    return sorted(found.values(), key=lambda row: (min(row.wanted)[0], len(row.ids), row.ids))


def _batches(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Yield rows that are asked after the same places: the output layer runs there alone, and it is the larger part."""
    for _, same in itertools.groupby(rows, key=lambda row: (min(row.wanted)[0], len(row.ids))):
        several = list(same)
        yield from (several[at : at + _ROWS] for at in range(0, len(several), _ROWS))


def _weighted(loaded: LoadedModel, rows: Sequence[_Row]) -> torch.Tensor:
    """Return the weighted sum of the log-probabilities of some texts of one length."""
    import torch  # noqa: PLC0415

    device = loaded.model.device
    places = sorted({at for row in rows for at, _, _ in row.wanted})
    ids = torch.tensor([row.ids for row in rows], device=device)
    keep = torch.tensor(places, device=device)
    logits = loaded.model(input_ids=ids, logits_to_keep=keep, use_cache=False).logits.float()
    picked = [(row, places.index(at), token, value) for row, one in enumerate(rows) for at, token, value in one.wanted]
    row_of, place_of, token_of = (
        torch.tensor(column, device=device) for column in zip(*(one[:3] for one in picked), strict=True)
    )
    weight = torch.tensor([one[3] for one in picked], device=device, dtype=logits.dtype)
    logprobs = logits[row_of, place_of, token_of] - torch.logsumexp(logits, dim=2)[row_of, place_of]
    total: torch.Tensor = (logprobs * weight).sum()
    return total
