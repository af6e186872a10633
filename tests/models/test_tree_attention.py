from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.models.tree import Pack, TokenSequence, packs
from biasaudit.models.tree_attention import BLOCK, block_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOKENS = st.lists(st.integers(0, 2), min_size=2, max_size=70).map(tuple)


def seen(pack: Pack, width: int, window: int | None) -> NDArray[np.bool_]:
    """Which node sees which by the blocks' masks, put back into one square."""
    import torch

    square = np.zeros((width, width), dtype=np.bool_)
    times = np.zeros(width, dtype=int)
    for group in block_groups(pack, width, window, like=torch.empty(0)):
        n_blocks, _, n_queries, n_keys = group.mask.shape
        queries = group.queries.numpy().reshape(n_blocks, n_queries)
        keys = group.keys.numpy().reshape(n_blocks, n_keys)
        for block in range(n_blocks):
            np.add.at(times, queries[block], 1)
            for row, query in enumerate(queries[block]):
                looked_at = keys[block][group.mask[block, 0, row].numpy() == 0]
                assert len(set(looked_at)) == len(looked_at), "a key counted twice weighs double"
                square[query, looked_at] = True
    assert (times == 1).all(), "each node is computed once"
    return square


@settings(deadline=None, max_examples=60)
@given(st.lists(TOKENS, min_size=1, max_size=25), st.sampled_from([None, 1, 4, 40]))
def test_blocks_see_what_the_tree_says(texts: list[tuple[int, ...]], window: int | None) -> None:
    [pack] = packs([TokenSequence(tokens, 1) for tokens in texts], 10_000)
    width = -(-pack.n_nodes // BLOCK) * BLOCK
    expected = np.eye(width, dtype=np.bool_)  # what is filled up sees itself: nothing seen would give NaN
    expected[: pack.n_nodes, : pack.n_nodes] = pack.ancestors(window)
    assert np.array_equal(seen(pack, width, window), expected)


def test_blocks_are_small_where_paths_are_short() -> None:
    """Ten thousand pairs of nodes would be looked at by a mask over all of them: 1,024 squared."""
    import torch

    draw = np.random.default_rng(1)
    sequences = [TokenSequence(tuple(draw.integers(0, 500, 16).tolist()), 1) for _ in range(64)]
    [pack] = packs(sequences, 10_000)
    width = -(-pack.n_nodes // BLOCK) * BLOCK
    entries = sum(group.mask.numel() for group in block_groups(pack, width, None, like=torch.empty(0)))
    assert entries < width * (BLOCK + 16)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masks_have_the_dtype_of_scores(dtype: str) -> None:
    import torch

    [pack] = packs([TokenSequence((0, 1, 2), 1)], 10)
    [group] = block_groups(pack, BLOCK, None, like=torch.empty(0, dtype=getattr(torch, dtype)))
    assert group.mask.dtype is getattr(torch, dtype)
    assert group.mask.min() == torch.finfo(group.mask.dtype).min
