"""Packs of a prefix tree through a causal model: no padding, and nothing computed twice.

A pack runs as one row. Explicit positions, and attention in blocks or a mask shaped like the tree,
make each node see the path above it and nothing else. Not every architecture computes that
correctly, so a model is checked, packed against plain, before packs of it are believed.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from biasaudit.models.output_layer import OutputLayer, output_layer
from biasaudit.models.products import faster_linear_layers
from biasaudit.models.schedule import is_out_of_memory
from biasaudit.models.tree import Pack, TokenSequence, packs
from biasaudit.models.tree_attention import BLOCK, block_groups, tree_attention, window_tag

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from biasaudit.models.loading import LoadedModel

Attention = Literal["blocks", "masked"]
MaskForm = Literal["by layer type", "one"]

ATTENTIONS: Final[tuple[Attention, ...]] = ("blocks", "masked")
"""Tried in this order: blocks take less time and memory."""

TOLERANCES_NATS: Final = {"float32": 2e-4, "bfloat16": 0.25, "float16": 0.05}
"""Largest difference between packed and plain that the arithmetic alone explains."""

_READ: Final = 8

_ONE_AT_A_TIME: Final = threading.RLock()
"""A model's layers are changed while a pack runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedModel:
    """A causal model taken apart: the decoder that runs packs, and the output layer.

    Attributes
    ----------
    decoder
        The model without its output layer.
    output : OutputLayer
    attention : {"blocks", "masked"}
        Blocks of nodes that look at the path above them, or all nodes of a pack at each other through a mask.
    form : {"by layer type", "one"}
        How the decoder takes masks.
    window : int or None
        How far sliding-window layers look back.
    """

    decoder: Any  # PreTrainedModel; torch types attributes of modules as Module
    output: OutputLayer
    attention: Attention
    form: MaskForm
    window: int | None

    def logprobs(self, batch: Sequence[Pack]) -> list[list[list[float]]]:
        """Return log-probabilities in nats: of each pack, of each member, of each continuation token.

        With attention in blocks a batch is one pack, as large as one likes.
        """
        import torch  # noqa: PLC0415

        device = self.decoder.device
        # Full blocks of attention; without oneDNN, widths that are no multiple of 16 took up to 1.4 times as long.
        width = -(-max(pack.n_nodes for pack in batch) // BLOCK) * BLOCK
        ids = torch.zeros((len(batch), width), dtype=torch.long)
        depths = torch.zeros((len(batch), width), dtype=torch.long)
        for row, pack in enumerate(batch):
            ids[row, : pack.n_nodes] = torch.from_numpy(pack.token_ids)
            depths[row, : pack.n_nodes] = torch.from_numpy(pack.depths)
        with torch.inference_mode():
            hidden = self._hidden(batch, ids.to(device), depths.to(device))
            places = np.concatenate([row * width + pack.read_nodes for row, pack in enumerate(batch)])
            read, rows = np.unique(places, return_inverse=True)
            tokens = np.concatenate([pack.read_tokens for pack in batch])
            found = self.output.logprobs(
                hidden.flatten(0, 1)[torch.from_numpy(read).to(device)],
                torch.from_numpy(rows).to(device),
                torch.from_numpy(tokens).to(device),
            )
        values = found.numpy()
        starts = np.cumsum([0, *(len(pack.read_nodes) for pack in batch)])
        return [
            [values[start + edges].tolist() for edges in pack.edges] for start, pack in zip(starts, batch, strict=False)
        ]

    def _hidden(self, batch: Sequence[Pack], ids: Tensor, depths: Tensor) -> Tensor:
        """Return the last hidden states, shape (n_packs, n_nodes, n_hidden)."""
        import torch  # noqa: PLC0415

        width = ids.shape[1]
        windows = {"full_attention": None, "sliding_attention": self.window}
        if self.form == "one":
            windows = {"every layer": self.window}
        with _ONE_AT_A_TIME, ExitStack() as stack:
            stack.enter_context(faster_linear_layers(self.decoder))
            if self.attention == "blocks":
                [pack] = batch
                like = torch.empty(0, dtype=self.decoder.dtype, device=self.decoder.device)
                groups = {
                    window or 0: block_groups(pack, width=width, window=window, like=like)
                    for window in set(windows.values())
                }
                stack.enter_context(tree_attention(self.decoder, groups))
                masks = {layers: window_tag(window) for layers, window in windows.items()}
            else:
                masks = {layers: self._mask(batch, width, window) for layers, window in windows.items()}
            hidden: Tensor = self.decoder(
                input_ids=ids,
                position_ids=depths,
                attention_mask=masks.get("every layer", masks),
                use_cache=False,
            ).last_hidden_state
        return hidden

    def _mask(self, batch: Sequence[Pack], width: int, window: int | None) -> Tensor:
        """Return what is added to attention scores: 0 where a node is seen, the lowest number elsewhere."""
        import torch  # noqa: PLC0415

        # Padding sees itself: a row that sees nothing would give NaN.
        seen = np.zeros((len(batch), width, width), dtype=np.bool_)
        seen[:, np.arange(width), np.arange(width)] = True
        for row, pack in enumerate(batch):
            seen[row, : pack.n_nodes, : pack.n_nodes] = pack.ancestors(window)
        dtype = self.decoder.dtype
        mask = torch.full(seen.shape, torch.finfo(dtype).min, dtype=dtype)
        mask.masked_fill_(torch.from_numpy(seen), 0.0)
        return mask[:, None].to(self.decoder.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Outcome of the check of packed against plain.

    Attributes
    ----------
    packed : PackedModel or None
        None where packs of this model are not to be believed.
    longest : int
        Length of the longest sequence that was checked.
    largest_difference_nats : float or None
    reason : str
        Why packs are used, or not.
    padded : bool
        Whether rows side by side, filled up on the right, give what each gives alone. Asked where packs are not used.
    """

    packed: PackedModel | None
    longest: int
    largest_difference_nats: float | None
    reason: str
    padded: bool = True


def checked(loaded: LoadedModel, longest: int) -> Checked:
    """Score a few sequences packed and plain, and return how to go on.

    Parameters
    ----------
    loaded : LoadedModel
    longest : int
        Length of the longest sequence that will be asked for: masks that are wrong only beyond a
        window are wrong only there.
    """
    model = loaded.causal_model
    decoder, output = model.base_model, output_layer(model)
    if decoder is model or output is None:
        return _without_packs(loaded, longest)
    sequences = _check_sequences(output.weight.shape[0], longest)
    rows = [(one.token_ids[: one.n_context], one.token_ids[one.n_context :]) for one in sequences]
    # One at a time: rows side by side share their earliest read position, and with a vocabulary of 262,144 words the
    # logits from there on were the peak of a whole run's memory.
    plain = [values for row in rows for values in loaded.continuation_logprobs([row])]
    tolerance = TOLERANCES_NATS[loaded.fingerprint.dtype]
    reason, smallest = "the model does not take a mask of four dimensions", None
    for attention, form in itertools.product(ATTENTIONS, _forms(model)):
        candidate = PackedModel(decoder=decoder, output=output, attention=attention, form=form, window=_window(model))
        try:
            difference = _difference(candidate, sequences, plain)
        except (MemoryError, RuntimeError):  # out of memory; all else was a refusal
            if attention != ATTENTIONS[-1]:
                continue
            raise
        if difference is None:
            continue
        if difference <= tolerance:
            reason = "packed and plain agree" if attention == "blocks" else "packed, through a mask, and plain agree"
            return Checked(packed=candidate, longest=longest, largest_difference_nats=difference, reason=reason)
        if smallest is None or difference < smallest:
            smallest, reason = difference, "packed and plain differ"
    padded = _padded_agrees(loaded, rows, plain, tolerance)
    if not padded:
        reason += "; padded and plain differ: one text at a time"
    return Checked(packed=None, longest=longest, largest_difference_nats=smallest, reason=reason, padded=padded)


def _without_packs(loaded: LoadedModel, longest: int) -> Checked:
    sequences = _check_sequences(loaded.vocabulary_size, min(longest, 16))
    rows = [(one.token_ids[: one.n_context], one.token_ids[one.n_context :]) for one in sequences]
    plain = [values for row in rows for values in loaded.continuation_logprobs([row])]
    padded = _padded_agrees(loaded, rows, plain, TOLERANCES_NATS[loaded.fingerprint.dtype])
    reason = "no separable output layer" + ("" if padded else "; padded and plain differ: one text at a time")
    return Checked(packed=None, longest=longest, largest_difference_nats=None, reason=reason, padded=padded)


def _padded_agrees(
    loaded: LoadedModel,
    rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    plain: Sequence[Sequence[float]],
    tolerance: float,
) -> bool:
    """Tell whether short rows are scored beside longer ones as they are alone; not beside the longest, for memory."""
    few = range(len(rows) - 1)
    together = loaded.continuation_logprobs([rows[place] for place in few])
    differences = [
        abs(ours - theirs)
        for place, found in zip(few, together, strict=True)
        for ours, theirs in zip(found, plain[place], strict=True)
    ]
    return bool(float(np.max(differences)) <= tolerance)  # NaN is not


def _difference(
    candidate: PackedModel, sequences: Sequence[TokenSequence], plain: Sequence[Sequence[float]]
) -> float | None:
    [pack] = packs(sequences, sum(len(one.token_ids) for one in sequences))
    try:
        [found] = candidate.logprobs([pack])
    # Each architecture refuses in its own words what it does not take.
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as exc:
        if is_out_of_memory(exc):
            raise
        return None
    differences = [
        abs(ours - theirs)
        for member, values in zip(pack.members, found, strict=True)
        for ours, theirs in zip(values, plain[member], strict=True)
    ]
    largest = float(np.max(differences))  # NaN stays NaN, and is not within any tolerance
    return largest if np.isfinite(largest) else None


def _check_sequences(n_words: int, longest: int) -> list[TokenSequence]:
    """Return branches at several depths of two trees, and one sequence as long as the longest."""
    draw = np.random.default_rng(0)

    def tokens(number: int) -> tuple[int, ...]:
        return tuple(draw.integers(0, n_words, number).tolist())

    limit = max(longest, 2)
    root, branch, other = tokens(4), tokens(5), tokens(3)
    wholes = [
        (*root, *branch, *tokens(6)),
        (*root, *branch, *tokens(3)),
        (*root, *branch[:3], *tokens(7)),
        (*root, *tokens(2)),
        (*other, *tokens(9)),
        (*other, *tokens(4)),
        (*root, *branch, *tokens(max(0, limit - 9))),
    ]
    cut = [whole[:limit] for whole in wholes]
    return [TokenSequence(whole, max(1, len(whole) - _READ)) for whole in cut]


def _forms(model: PreTrainedModel) -> Iterator[MaskForm]:
    if getattr(model.config.get_text_config(), "layer_types", None):
        yield "by layer type"
    yield "one"


def _window(model: PreTrainedModel) -> int | None:
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    # An architecture without windows keeps whatever its configuration says there.
    return window if type(window) is int and window > 0 and getattr(config, "use_sliding_window", True) else None
