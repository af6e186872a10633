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

    from biasaudit.models.tree import Pack

NAME: Final = "biasaudit_tree"
"""Name of this attention among those of transformers."""

BLOCK: Final = 32
"""Nodes of a block: of 16 to 128 it took least time on a processor, with paths of 16 and of 96 nodes above."""

ALIKE: Final = 0.75
"""Blocks run side by side where the smallest looks at no less than this share of what the largest looks at."""

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

    def attended(self, query: Tensor, key: Tensor, value: Tensor, scale: float, softcap: float | None) -> Tensor:
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


def block_groups(pack: Pack, width: int, window: int | None, *, like: Tensor) -> tuple[BlockGroup, ...]:
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
    depths = np.concatenate([pack.depths, np.zeros(n_filled, dtype=np.int64)])
    parents = np.concatenate([pack.parents, np.full(n_filled, -1)])
    looks = [np.array([*_path_above(parents, start), *range(start, start + BLOCK)]) for start in range(0, width, BLOCK)]
    groups: list[list[NDArray[np.int64]]] = []
    for look in sorted(looks, key=len, reverse=True):
        if not groups or len(look) < ALIKE * len(groups[-1][0]):
            groups.append([])
        groups[-1].append(look)
    return tuple(_group(group, ends, depths, window, like) for group in groups)


def _path_above(parents: NDArray[np.int64], node: int) -> list[int]:
    path: list[int] = []
    while (node := int(parents[node])) >= 0:
        path.append(node)
    return path[::-1]


def _group(
    looks: list[NDArray[np.int64]],
    ends: NDArray[np.int64],
    depths: NDArray[np.int64],
    window: int | None,
    like: Tensor,
) -> BlockGroup:
    import torch  # noqa: PLC0415

    n_keys = len(looks[0])
    queries = np.stack([look[-BLOCK:] for look in looks])[:, :, None]
    keys = np.stack([np.pad(look, (0, n_keys - len(look)), mode="edge") for look in looks])[:, None, :]
    real = np.arange(n_keys) < np.array([len(look) for look in looks])[:, None, None]
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
    decoder: Any, groups: Mapping[int, Sequence[BlockGroup]]
) -> Iterator[None]:  # torch types attributes of modules as Module
    """Let the layers of a decoder attend in blocks, and as they did before afterwards.

    Parameters
    ----------
    decoder : PreTrainedModel
    groups : mapping
        How far a layer looks back, 0 for all the way -> the blocks.
    """
    from transformers import AttentionInterface  # noqa: PLC0415

    AttentionInterface.register(NAME, _attention)
    configs = {id(module.config): module.config for module in decoder.modules() if hasattr(module, "config")}
    before = [(config, config._attn_implementation) for config in configs.values()]  # noqa: SLF001  # has no public name
    token = _running.set(groups)
    try:
        for config, _ in before:
            config._attn_implementation = NAME  # noqa: SLF001
        yield
    finally:
        for config, name in before:
            config._attn_implementation = name  # noqa: SLF001
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
    s_aux: Tensor | None = None,
    position_bias: Tensor | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attend as transformers asks for it: (1, n_heads, n_nodes, n_features) each, and back with heads last but one."""
    import torch  # noqa: PLC0415

    if s_aux is not None or position_bias is not None:
        raise TypeError("attention in blocks knows neither sinks nor biases of positions.")
    across, keys, values = (of_heads[0].transpose(0, 1) for of_heads in (query, key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    found = torch.empty((*across.shape[:2], value.shape[-1]), dtype=query.dtype, device=query.device)
    for group in _running.get()[int(attention_mask)]:
        found.index_copy_(0, group.queries, group.attended(across, keys, values, scale, softcap))
    return found[None], None
