"""States of the layers where a continuation begins, and what a model's own final norm and head make of a state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.errors import PartsError
from biasaudit.models.hybrids.parts import parts_of
from biasaudit.models.insides.places import Place, places_of
from biasaudit.types.insides import LayerStates

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from biasaudit.models.insides.places import Table
    from biasaudit.models.local.loaded import LoadedModel

_ROWS: Final = 32
"""Texts of one pass."""
_STATES: Final = 256
"""States that go through the head at once."""


def layer_states(loaded: LoadedModel, tables: Sequence[Table]) -> LayerStates:
    """Read the layers where the continuations of each table part.

    That is the last token of the context or, where both continuations begin alike (``a nurse``, ``a pilot``), the last
    one that they share.

    Parameters
    ----------
    loaded : LoadedModel
    tables : sequence of sequence of Request
        First and second continuation after context A, then both after context B.

    Raises
    ------
    PartsError
        If the parts of the model cannot be told apart.
    """
    places = places_of(loaded, tables)
    read = [(number, place) for number, place in enumerate(places) if isinstance(place, Place)]
    parts = parts_of(loaded.causal_model, loaded.fingerprint.reference)[:-1]
    wanted = {(row, place.targets) for _, place in read for row in place.rows}
    states, log_odds = _read(loaded, [part.modules[0] for part in parts[1:]], wanted)
    width = next(iter(states.values())).shape[1] if states else 0
    found = np.zeros((len(parts), 2, len(read), width), dtype=np.float32)
    said = np.zeros((2, len(read)))
    for at, (_, place) in enumerate(read):
        for side, row in enumerate(place.rows):
            found[:, side, at], said[side, at] = states[row], log_odds[row, place.targets]
    return LayerStates(
        names=tuple(part.name for part in parts),
        states=found,
        targets=np.asarray([place.targets for _, place in read], dtype=np.int64).reshape(len(read), 2),
        log_odds=said,
        read=tuple(number for number, _ in read),
        left_out=tuple(place for place in places if isinstance(place, str)),
    )


def lens_log_odds(loaded: LoadedModel, states: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what a model's final norm and head make of states, whichever layer or model these are of.

    No cap or scale that the model puts on its logits after the head is applied: of the last layer, hold the result
    against what the model itself says.

    Parameters
    ----------
    loaded : LoadedModel
    states : array of float, shape (n_layers, 2, n_items, width)
    targets : array of int, shape (n_items, 2)

    Returns
    -------
    array of float, shape (n_layers, 2, n_items)
        Logit of the first target less that of the second, in nats.

    Raises
    ------
    PartsError
        If what runs after the last block does not run by itself.

    References
    ----------
    nostalgebraist (2020), interpreting GPT: the logit lens.
    """
    import torch  # noqa: PLC0415

    if not states.size:
        return np.zeros(states.shape[:-1])
    reference = loaded.fingerprint.reference
    modules = [loaded.causal_model.get_submodule(name) for name in parts_of(loaded.causal_model, reference)[-1].modules]
    weight = next(loaded.causal_model.parameters())
    flat = states.reshape(-1, states.shape[-1])
    tokens = np.broadcast_to(targets, (*states.shape[:-1], 2)).reshape(-1, 2)
    found = []
    try:
        with torch.inference_mode():
            for start in range(0, len(flat), _STATES):
                state = torch.from_numpy(flat[start : start + _STATES]).to(weight.device, weight.dtype)
                wanted = torch.from_numpy(np.ascontiguousarray(tokens[start : start + _STATES])).to(weight.device)
                pairs = _logits(modules, state.unsqueeze(1), wanted).float()
                found.append((pairs[:, 0] - pairs[:, 1]).cpu().double().numpy())
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as exc:
        raise PartsError(
            f"the final norm and head of {reference!r} do not run by themselves: {exc}.",
            fix="Leave the lens out for this architecture.",
        ) from exc
    return np.concatenate(found).reshape(states.shape[:-1])


def _logits(modules: Sequence[Any], state: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:  # modules are untyped
    """Return the logits of two tokens each, shape (n_states, 2); of a linear head, no other is computed."""
    import torch  # noqa: PLC0415

    *before, head = modules
    for module in before:
        state = module(state)
    state = state[:, 0]
    if type(head) is not torch.nn.Linear:
        return head(state.unsqueeze(1))[:, 0].gather(1, wanted)  # type: ignore[no-any-return]  # as above
    found = torch.einsum("nw,ntw->nt", state, head.weight[wanted])
    return found if head.bias is None else found + head.bias[wanted]


def _read(
    loaded: LoadedModel, blocks: Sequence[str], wanted: set[tuple[tuple[int, ...], tuple[int, int]]]
) -> tuple[dict[tuple[int, ...], NDArray[np.float32]], dict[tuple[tuple[int, ...], tuple[int, int]], float]]:
    """Return the states of each text, shape (n_layers, width), and the log odds of each text and pair of tokens."""
    import torch  # noqa: PLC0415

    asked: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for row, targets in wanted:
        asked.setdefault(row, []).append(targets)
    states: dict[tuple[int, ...], NDArray[np.float32]] = {}
    log_odds: dict[tuple[tuple[int, ...], tuple[int, int]], float] = {}
    with torch.inference_mode(), _kept(loaded, blocks) as kept:
        for rows in _batches(sorted(asked, key=lambda row: (len(row), row))):
            kept.clear()
            ids = torch.tensor(rows, device=loaded.model.device)
            logits = loaded.model(input_ids=ids, logits_to_keep=1, use_cache=False).logits[:, -1].float().cpu()
            layers = torch.stack(kept).cpu().numpy()
            for at, row in enumerate(rows):
                states[row] = layers[:, at]
                for one, other in asked[row]:
                    log_odds[row, (one, other)] = float(logits[at, one] - logits[at, other])
    return states, log_odds


def _batches(rows: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """Yield texts of one length each time."""
    start = 0
    while start < len(rows):
        several = [row for row in rows[start : start + _ROWS] if len(row) == len(rows[start])]
        yield several
        start += len(several)


@contextmanager
def _kept(loaded: LoadedModel, blocks: Sequence[str]) -> Iterator[list[torch.Tensor]]:
    """Keep what goes into the first block and what comes out of each, at the last token."""
    kept: list[torch.Tensor] = []

    def before(_: object, given: tuple[Any, ...], named: dict[str, Any]) -> None:  # Any: what a block is given
        kept.append((given[0] if given else named["hidden_states"])[:, -1].float())

    def after(_: object, __: object, out: Any) -> None:  # Any: a tensor, or several
        kept.append((out[0] if isinstance(out, tuple) else out)[:, -1].float())

    modules = [loaded.causal_model.get_submodule(name) for name in blocks]
    handles = [modules[0].register_forward_pre_hook(before, with_kwargs=True)]
    try:
        handles += [module.register_forward_hook(after) for module in modules]
        yield kept
    finally:
        for handle in handles:
            handle.remove()
