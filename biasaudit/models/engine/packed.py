"""Packs of a prefix tree through a causal model: no padding, and nothing computed twice.

A pack runs as one row. Explicit positions, and attention in blocks or a mask shaped like the tree,
make each node see the path above it and nothing else. Not every architecture computes that
correctly, so a model is checked, packed against plain, before packs of it are believed: see
:mod:`biasaudit.models.engine.check_packs`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from biasaudit.models.engine.output_layer import OutputLayer
from biasaudit.models.engine.products import faster_linear_layers
from biasaudit.models.engine.tree import Pack
from biasaudit.models.engine.tree_attention import BLOCK, block_groups, tree_attention, window_tag

if TYPE_CHECKING:
    from torch import Tensor


Attention = Literal["blocks", "masked"]
MaskForm = Literal["by layer type", "one"]

ATTENTIONS: Final[tuple[Attention, ...]] = ("blocks", "masked")
"""Tried in this order: blocks take less time and memory."""

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
