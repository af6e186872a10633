"""Attention over a prefix tree in blocks of nodes: each looks at its own nodes and at the one path above them.

In depth-first order, all that the nodes of a block see outside it is the path above its first node. A mask over all
nodes of a pack would have the square of their number in entries, nearly all of them unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from biasaudit.models.engine.tree import Pack

NAME: Final = "biasaudit_tree"
"""Name of this attention among those of transformers."""

BLOCK: Final = 32
"""Nodes of a block: of 16 to 128 it took least time on a processor, with paths of 16 and of 96 nodes above."""

ALIKE: Final = 0.75
"""Blocks run side by side where the smallest looks at no less than this share of what the largest looks at."""

COPIES: Final = 8
"""Keys are copied for each block that looks at them: at most this many times a pack's at once, or for one block."""

HARMLESS: Final = frozenset(
    {
        *("dropout", "is_causal", "sliding_window", "position_ids", "cache_position", "past_key_values", "use_cache"),
        *("output_attentions", "output_hidden_states", "return_dict", "layer_idx", "target_dtype", "training"),
        *("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "num_items_in_batch", "logits_to_keep"),
    }
)
"""Arguments that do not change what a layer finds without a cache; windows are known from the tag."""

_running: ContextVar[Mapping[int, Sequence[BlockGroup]]] = ContextVar("tree_attention")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockGroup:
    """Blocks that run side by side.

    Attributes
    ----------
    queries : Tensor of int, shape (n_blocks * BLOCK,)
        The blocks' nodes.
    keys : Tensor of int, shape (n_blocks * n_keys,)
        What each block looks at, filled up with its last node.
    mask : Tensor, shape (n_blocks, 1, BLOCK, n_keys)
        What is added to scores: 0 where a node is seen, the lowest number elsewhere.
    """

    queries: Tensor
    keys: Tensor
    mask: Tensor

    def attended(self, query: Tensor, key: Tensor, value: Tensor, *, scale: float, softcap: float | None) -> Tensor:
        """Return what the blocks' nodes find.

        Parameters
        ----------
        query, key, value : Tensor, shape (n_nodes, n_heads, n_features)
            Keys and values may have fewer heads, each for several of the queries'.
        scale : float
            Scores are multiplied by it.
        softcap : float or None
            Then they become ``softcap * tanh(scores / softcap)``.

        Returns
        -------
        Tensor, shape (n_blocks * BLOCK, n_heads, n_features)
        """
        import torch  # noqa: PLC0415

        n_blocks = len(self.mask)
        queries, keys, values = (
            of_nodes.index_select(0, which).view(n_blocks, -1, *of_nodes.shape[1:]).transpose(1, 2)
            for of_nodes, which in ((query, self.queries), (key, self.keys), (value, self.keys))
        )
        n_sharing = queries.shape[1] // keys.shape[1]
        # Away from the processor, kernels that take a mask want as many heads of keys as of queries.
        if n_sharing > 1 and (softcap is not None or self.mask.device.type != "cpu"):
            keys, values = keys.repeat_interleave(n_sharing, 1), values.repeat_interleave(n_sharing, 1)
            n_sharing = 1
        if softcap is None:
            found = torch.nn.functional.scaled_dot_product_attention(
                queries, keys, values, attn_mask=self.mask, scale=scale, enable_gqa=n_sharing > 1
            )
        else:
            scores = softcap * torch.tanh(queries @ keys.transpose(2, 3) * (scale / softcap))
            found = torch.softmax(scores + self.mask, dim=-1, dtype=torch.float32).to(values.dtype) @ values
        return found.transpose(1, 2).flatten(0, 1)


def block_groups(pack: Pack, *, width: int, window: int | None, like: Tensor) -> tuple[BlockGroup, ...]:
    """Cut a pack into blocks, and sort those into groups that look at about as many nodes.

    Parameters
    ----------
    pack : Pack
    width : int
        Nodes and what they are filled up with, a multiple of :data:`BLOCK`.
    window : int or None
        How many tokens back a node looks, itself counted; all of them if None.
    like : Tensor
        Has the dtype and the device of the scores.
    """
    n_filled = width - pack.n_nodes
    ends = np.concatenate([pack.subtree_ends(), np.arange(pack.n_nodes, width) + 1])  # a filled place sees itself
    depths = np.concatenate([pack.depths, np.full(n_filled, pack.depths.max())])
    parents = np.concatenate([pack.parents, np.full(n_filled, -1)])
    looked_at = []
    for start in range(0, width, BLOCK):
        path = _path_above(parents, start)
        if window is not None:
            path = path[depths[path] > depths[start : start + BLOCK].min() - window]
        looked_at.append(np.concatenate([path, np.arange(start, start + BLOCK)]))
    groups: list[list[NDArray[np.int64]]] = []
    for nodes in sorted(looked_at, key=len, reverse=True):
        if (
            not groups
            or len(nodes) < ALIKE * (most := len(groups[-1][0]))
            or (len(groups[-1]) + 1) * most > COPIES * width
        ):
            groups.append([])
        groups[-1].append(nodes)
    return tuple(_group(group, ends=ends, depths=depths, window=window, like=like) for group in groups)


def _path_above(parents: NDArray[np.int64], node: int) -> NDArray[np.int64]:
    path: list[int] = []
    while (node := int(parents[node])) >= 0:
        path.append(node)
    return np.array(path[::-1], dtype=np.int64)


def _group(
    looked_at: list[NDArray[np.int64]],
    *,
    ends: NDArray[np.int64],
    depths: NDArray[np.int64],
    window: int | None,
    like: Tensor,
) -> BlockGroup:
    import torch  # noqa: PLC0415

    n_keys = len(looked_at[0])
    queries = np.stack([nodes[-BLOCK:] for nodes in looked_at])[:, :, None]
    keys = np.stack([np.pad(nodes, (0, n_keys - len(nodes)), mode="edge") for nodes in looked_at])[:, None, :]
    real = np.arange(n_keys) < np.array([len(nodes) for nodes in looked_at])[:, None, None]
    # In depth-first order a node and all below it are one stretch.
    seen = real & (keys <= queries) & (queries < ends[keys])
    if window is not None:
        seen &= depths[queries] - depths[keys] < window
    mask = torch.full(seen.shape, torch.finfo(like.dtype).min, dtype=like.dtype)
    mask.masked_fill_(torch.from_numpy(seen), 0.0)
    return BlockGroup(
        queries=torch.from_numpy(queries.ravel()).to(like.device),
        keys=torch.from_numpy(keys.ravel()).to(like.device),
        mask=mask[:, None].to(like.device),
    )


def window_tag(window: int | None) -> Tensor:
    """Return what a decoder takes for a mask, hands to its layers, and tells :func:`_attention` how far they look."""
    import torch  # noqa: PLC0415

    return torch.full((1, 1, 1, 1), window or 0)


@contextmanager
def tree_attention(
    decoder: Any,  # PreTrainedModel; torch types attributes of modules as Module
    groups: Mapping[int, Sequence[BlockGroup]],
) -> Iterator[None]:
    """Let the layers of a decoder attend in blocks, and as they did before afterwards; for one thread at a time.

    Parameters
    ----------
    decoder : PreTrainedModel
    groups : mapping
        How far a layer looks back, 0 for all the way -> the blocks.

    Yields
    ------
    None
    """
    from transformers import AttentionInterface  # noqa: PLC0415

    AttentionInterface.register(NAME, _attention)
    configs = {id(module.config): module.config for module in decoder.modules() if hasattr(module, "config")}
    # Set by the public name, a configuration sets those inside it too.
    before = [(config, config._attn_implementation_internal) for config in configs.values()]  # noqa: SLF001
    token = _running.set(groups)
    try:
        for config, _ in before:
            config._attn_implementation_internal = NAME  # noqa: SLF001
        yield
    finally:
        for config, name in before:
            config._attn_implementation_internal = name  # noqa: SLF001
        _running.reset(token)


def _attention(
    module: Any,  # noqa: ARG001  # the interface of transformers
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    **others: object,
) -> tuple[Tensor, None]:
    """Attend as transformers asks for it: (1, n_heads, n_nodes, n_features) each, and back with heads last but one."""
    import torch  # noqa: PLC0415

    if unknown := {name for name, value in others.items() if value is not None} - HARMLESS:
        raise TypeError(f"attention in blocks does not know {', '.join(sorted(unknown))}.")
    queries, keys, values = (of_heads[0].transpose(0, 1) for of_heads in (query, key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    found = torch.empty((*queries.shape[:2], value.shape[-1]), dtype=query.dtype, device=query.device)
    for group in _running.get()[int(attention_mask)]:
        found.index_copy_(0, group.queries, group.attended(queries, keys, values, scale=scale, softcap=softcap))
    return found[None], None
