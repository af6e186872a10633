"""Gradients over an adapter's weights: of an index, and of each record's loss along it. Imports torch.

The slope of each record's loss along some directions comes out of one pass forth and back, exactly and for a whole
batch: every layer of the adapter is moved along each direction by a number of the record's own, which is 0, and the
loss is differentiated by these numbers. No gradient of a single record is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from transformers.pytorch_utils import Conv1D

from biasaudit.errors import TrainingDataError
from biasaudit.models.engine.one_pass import Place, Row, one_pass

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from biasaudit.align.examples import Example
    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.models.text.encoding import Encoded

_ADAPTER: Final = "default"
_PASS_TOKENS: Final = 2048
_PASS_LOGITS: Final = 2**26
"""Numbers of the output layer in one pass: 256 places of a vocabulary of 262,144 words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What an association asks in one wording, as tokens.

    Attributes
    ----------
    cells : tuple of Encoded
        log p(1|A), log p(2|A), log p(1|B), log p(2|B), in this order.
    weights : mapping
        Number of a direction -> weight of the table's value in its mean.
    """

    cells: tuple[Encoded, Encoded, Encoded, Encoded]
    weights: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """Gradients of several means over the weights of one layer of the adapter.

    Attributes
    ----------
    a : Tensor, shape (n_directions, rank, n_in)
    b : Tensor, shape (n_directions, n_out, rank)
    """

    a: Tensor
    b: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """What moving the adapter does to every record.

    Attributes
    ----------
    slopes : array of float, shape (n_records, n_directions)
        Gradient of the record's loss, a mean over its tokens in nats, times each direction.
    loss_nats : array of float, shape (n_records,)
    """

    slopes: NDArray[np.float64]
    loss_nats: NDArray[np.float64]


class _RowsTogether(Exception):  # noqa: N818  # a signal, not a failure
    """Some layer sees the tokens of all rows as one list: which record a token is of cannot be told there."""


def lora_layers(loaded: LoadedModel) -> dict[str, Any]:  # Any: layers of peft
    """Return the layers that the adapter changes, by name.

    Raises
    ------
    TrainingDataError
        If it changes something else than linear layers, such as experts that are one tensor.
    """
    found = {
        name: module
        for name, module in loaded.model.named_modules()
        if _ADAPTER in getattr(module, "lora_A", ()) and _ADAPTER in getattr(module, "lora_B", ())
    }
    odd = [name for name, one in found.items() if not isinstance(one.get_base_layer(), (torch.nn.Linear, Conv1D))]
    if odd or not found:
        what = f"changes {odd[0]}, which is no linear layer" if odd else "changes no layer by LoRA"
        raise TrainingDataError(f"the adapter {what}: its records are not told apart here.")
    return found


def index_gradients(
    loaded: LoadedModel, tables: Sequence[Table], *, n_directions: int
) -> tuple[dict[str, Gradients], NDArray[np.float64]]:
    """Return the gradients of means of tanh(d / 4) over the adapter's weights, and the value of each table.

    Parameters
    ----------
    loaded : LoadedModel
        With an adapter by LoRA.
    tables : sequence of Table
    n_directions : int

    Returns
    -------
    dict of str to Gradients
        By layer, in float32.
    array of float, shape (n_tables,)
        tanh(d / 4), from -1 to 1, positive with the stereotype.
    """
    layers = lora_layers(loaded)
    weights = [(module.lora_A[_ADAPTER].weight, module.lora_B[_ADAPTER].weight) for module in layers.values()]
    flat = [one for pair in weights for one in pair]
    sums = [torch.zeros((n_directions, *one.shape), device=one.device) for one in flat]
    values = np.full(len(tables), np.nan)
    with _differentiable(flat):
        for batch in _table_batches(tables, _most_scored(loaded)):
            found = _values(loaded, [tables[number] for number in batch])
            values[batch] = found.detach().cpu().double().numpy()
            directions = sorted({one for number in batch for one in tables[number].weights})
            for place, direction in enumerate(directions):
                weight = torch.tensor([tables[number].weights.get(direction, 0.0) for number in batch])
                total = (found * weight.to(found)).sum()
                grads = torch.autograd.grad(total, flat, retain_graph=place + 1 < len(directions))
                for summed, grad in zip(sums, grads, strict=True):
                    summed[direction] += grad
    pairs = zip(sums[::2], sums[1::2], strict=True)
    return {name: Gradients(a=a, b=b) for name, (a, b) in zip(layers, pairs, strict=True)}, values


def record_slopes(
    loaded: LoadedModel,
    examples: Sequence[Example],
    directions: Mapping[str, Gradients],
    *,
    done: Callable[[int, int], None] = lambda _, __: None,
) -> Slopes:
    """Return the slope of every record's loss along some directions in the adapter's weights, exactly.

    Parameters
    ----------
    loaded : LoadedModel
    examples : sequence of Example
    directions : mapping
        By layer, from :func:`index_gradients`.
    done : callable
        Told the number of records and of their tokens, batch by batch.
    """
    n_directions = next(iter(directions.values())).a.shape[0]
    slopes, loss = np.full((len(examples), n_directions), np.nan), np.full(len(examples), np.nan)
    lengths = [len(one.token_ids) for one in examples]
    alone = False
    moves = _Moves(loaded.model.device)
    with _moved(loaded, directions, moves):
        for batch in _batched(lengths, [_n_scored(one) for one in examples], _most_scored(loaded)):
            try:
                parts = [[one] for one in batch] if alone else [batch]
                found = [_slopes(loaded, [examples[one] for one in part], moves, n_directions) for part in parts]
            except _RowsTogether:
                alone = True
                parts = [[one] for one in batch]
                found = [_slopes(loaded, [examples[one] for one in part], moves, n_directions) for part in parts]
            for part, (part_slopes, part_loss) in zip(parts, found, strict=True):
                slopes[part], loss[part] = part_slopes, part_loss
            done(len(batch), sum(lengths[one] for one in batch))
    return Slopes(slopes=slopes, loss_nats=loss)


class _Moves:
    """How far each record of a batch moves along each direction: 0, to be differentiated by."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.steps = torch.zeros((0, 0), device=device)

    def begin(self, n_records: int, n_directions: int) -> Tensor:
        self.steps = torch.zeros((n_records, n_directions), device=self._device, requires_grad=True)
        return self.steps

    def over(self, hidden: Tensor) -> Tensor:
        """Return the steps in the shape of a layer's input, with the directions last."""
        n_records, n_directions = self.steps.shape
        if n_records == 1:
            return self.steps.reshape(*(1 for _ in hidden.shape[:-1]), n_directions)
        if hidden.dim() < 3 or hidden.shape[0] != n_records:
            raise _RowsTogether
        return self.steps.reshape(n_records, *(1 for _ in hidden.shape[1:-1]), n_directions)


def _slopes(
    loaded: LoadedModel, examples: Sequence[Example], moves: _Moves, n_directions: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = moves.begin(len(examples), n_directions)
    rows: list[Row] = [one.token_ids[:-1] for one in examples]
    places: list[Place] = []
    targets, owners = [], []
    for number, one in enumerate(examples):
        for at in range(one.n_prompt_tokens, len(one.token_ids)):
            places.append((number, at - 1))
            targets.append(one.token_ids[at])
            owners.append(number)
    nats = -_picked(loaded, rows, places, targets)
    owner = torch.tensor(owners, device=nats.device)
    losses = torch.zeros(len(examples), device=nats.device).index_add(0, owner, nats)
    losses = losses / torch.tensor([_n_scored(one) for one in examples], device=nats.device)
    (found,) = torch.autograd.grad(losses.sum(), steps)
    return found.cpu().double().numpy(), losses.detach().cpu().double().numpy()


def _n_scored(example: Example) -> int:
    return len(example.token_ids) - example.n_prompt_tokens


def _values(loaded: LoadedModel, tables: Sequence[Table]) -> Tensor:
    cells = [cell for table in tables for cell in table.cells]
    rows: list[Row] = [(*cell.context_ids, *cell.continuation_ids)[:-1] for cell in cells]
    places: list[Place] = []
    targets, owners = [], []
    for number, cell in enumerate(cells):
        for at, token in enumerate(cell.continuation_ids):
            places.append((number, len(cell.context_ids) - 1 + at))
            targets.append(token)
            owners.append(number)
    nats = _picked(loaded, rows, places, targets)
    owner = torch.tensor(owners, device=nats.device)
    logprobs = torch.zeros(len(cells), device=nats.device).index_add(0, owner, nats).reshape(-1, 4)
    return torch.tanh((logprobs[:, 0] - logprobs[:, 1] - logprobs[:, 2] + logprobs[:, 3]) / 4)


def _picked(loaded: LoadedModel, rows: Sequence[Row], places: Sequence[Place], targets: Sequence[int]) -> Tensor:
    """Return the log-probability of the token that follows each place, in nats."""
    logits = one_pass(loaded.model, loaded.causal_model, rows, places)
    wanted = torch.tensor(targets, device=logits.device)
    return logits.gather(1, wanted[:, None])[:, 0] - torch.logsumexp(logits, dim=1)


def _most_scored(loaded: LoadedModel) -> int:
    return max(1, _PASS_LOGITS // loaded.vocabulary_size)


def _table_batches(tables: Sequence[Table], most_scored: int) -> Iterator[list[int]]:
    """Yield which tables go through together: of the same directions, each of which takes a pass back."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for number, table in enumerate(tables):
        alike.setdefault(tuple(sorted(table.weights)), []).append(number)
    for numbers in alike.values():
        cells = [tables[number].cells for number in numbers]
        lengths = [len(some) * max(cell.n_tokens for cell in some) for some in cells]
        scored = [sum(len(cell.continuation_ids) for cell in some) for some in cells]
        for batch in _batched(lengths, scored, most_scored):
            yield [numbers[one] for one in batch]


def _batched(lengths: Sequence[int], n_scored: Sequence[int], most_scored: int) -> Iterator[list[int]]:
    """Yield which texts go through together: of like length, up to a number of tokens with padding, and of places."""
    batch: list[int] = []
    for one in sorted(range(len(lengths)), key=lambda number: lengths[number]):
        tokens = (len(batch) + 1) * lengths[one]
        if batch and (tokens > _PASS_TOKENS or sum(n_scored[other] for other in (*batch, one)) > most_scored):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


@contextmanager
def _differentiable(weights: Sequence[Tensor]) -> Iterator[None]:
    before = [one.requires_grad for one in weights]
    for one in weights:
        one.requires_grad_(True)
    try:
        yield
    finally:
        for one, kept in zip(weights, before, strict=True):
            one.requires_grad_(kept)


@contextmanager
def _moved(loaded: LoadedModel, directions: Mapping[str, Gradients], moves: _Moves) -> Iterator[None]:
    """Let every layer of the adapter be moved along the directions, record by record."""
    handles = []
    layers = lora_layers(loaded)
    weights = [layer.weight for one in layers.values() for layer in (one.lora_A[_ADAPTER], one.lora_B[_ADAPTER])]
    before = [one.requires_grad for one in weights]
    for one in weights:
        one.requires_grad_(False)
    try:
        for name, layer in layers.items():
            handles.append(layer.register_forward_hook(_moving(layer, directions[name], moves)))
        yield
    finally:
        for handle in handles:
            handle.remove()
        for one, kept in zip(weights, before, strict=True):
            one.requires_grad_(kept)


def _moving(layer: Any, along: Gradients, moves: _Moves) -> Callable[[Any, Any, Tensor], Tensor]:
    a, b, scaling = layer.lora_A[_ADAPTER].weight, layer.lora_B[_ADAPTER].weight, layer.scaling[_ADAPTER]
    linear = torch.nn.functional.linear
    moved_a = along.a.flatten(0, 1)
    moved_b = along.b.transpose(0, 1).flatten(1)
    rank = a.shape[0]

    def add(_: Any, given: Any, output: Tensor) -> Tensor:  # Any: of torch's hooks
        # What the steps do through this layer's input is done by the layer itself: theirs are 0.
        hidden = given[0].detach().to(a.dtype)
        steps = moves.over(hidden).unsqueeze(-1)
        by_a = (linear(hidden, moved_a).reshape(*hidden.shape[:-1], -1, rank) * steps).sum(-2)
        by_b = (linear(hidden, a).unsqueeze(-2) * steps).flatten(-2)
        moved: Tensor = scaling * (linear(by_a, b) + linear(by_b, moved_b))
        return output + moved.to(output.dtype)

    return add
