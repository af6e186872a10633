from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.models.engine.tree import Pack, TokenSequence, packs
from biasaudit.models.engine.tree_attention import BLOCK, COPIES, block_groups, tree_attention, window_tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOKENS = st.lists(st.integers(0, 2), min_size=2, max_size=70).map(tuple)


def seen(pack: Pack, width: int, window: int | None) -> NDArray[np.bool_]:
    """Which node sees which by the blocks' masks, put back into one square."""
    square = np.zeros((width, width), dtype=np.bool_)
    times = np.zeros(width, dtype=int)
    for group in block_groups(pack, width=width, window=window, like=torch.empty(0)):
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
    """A mask over all pairs of a thousand nodes would have a million entries."""
    draw = np.random.default_rng(1)
    sequences = [TokenSequence(tuple(draw.integers(0, 500, 16).tolist()), 1) for _ in range(64)]
    [pack] = packs(sequences, 10_000)
    width = -(-pack.n_nodes // BLOCK) * BLOCK
    entries = sum(group.mask.numel() for group in block_groups(pack, width=width, window=None, like=torch.empty(0)))
    assert entries < width * (BLOCK + 16)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masks_have_the_dtype_of_scores(dtype: str) -> None:
    [pack] = packs([TokenSequence((0, 1, 2), 1)], 10)
    [group] = block_groups(pack, width=BLOCK, window=None, like=torch.empty(0, dtype=getattr(torch, dtype)))
    assert group.mask.dtype is getattr(torch, dtype)
    assert group.mask.min() == torch.finfo(group.mask.dtype).min


@pytest.mark.parametrize("window", [None, 100])
def test_what_is_copied_at_once_is_bounded(window: int | None) -> None:
    """One text of 4,000 tokens: each of its blocks looks at all before it, or at its window."""
    [pack] = packs([TokenSequence(tuple(range(4000)), 1)], 10_000)
    width = -(-pack.n_nodes // BLOCK) * BLOCK
    groups = block_groups(pack, width=width, window=window, like=torch.empty(0))
    assert max(len(group.keys) for group in groups) <= COPIES * width
    if window is not None:
        assert max(group.mask.shape[-1] for group in groups) < window + BLOCK


@pytest.mark.parametrize("n_heads_of_keys", [1, 2, 4])
@pytest.mark.parametrize("softcap", [None, 3.0])
def test_what_a_block_finds_is_a_softmax_over_what_it_sees(n_heads_of_keys: int, softcap: float | None) -> None:
    draw = torch.Generator().manual_seed(2)
    tokens = np.random.default_rng(2).integers(0, 3, (12, 20))
    [pack] = packs([TokenSequence(tuple(row.tolist()), 1) for row in tokens], 10_000)
    width = -(-pack.n_nodes // BLOCK) * BLOCK
    query = torch.randn((width, 4, 8), generator=draw)
    key, value = (torch.randn((width, n_heads_of_keys, 8), generator=draw) for _ in range(2))
    found = torch.zeros_like(query)
    for group in block_groups(pack, width=width, window=None, like=query):
        found[group.queries] = group.attended(query, key, value, scale=0.3, softcap=softcap)
    for node in range(pack.n_nodes):
        sees = np.flatnonzero(pack.ancestors()[node])
        for head in range(4):
            of_keys = head * n_heads_of_keys // 4
            scores = 0.3 * key[sees, of_keys] @ query[node, head]
            if softcap is not None:
                scores = softcap * torch.tanh(scores / softcap)
            expected = torch.softmax(scores, 0) @ value[sees, of_keys]
            torch.testing.assert_close(found[node, head], expected, atol=1e-5, rtol=1e-5)


class Layered(torch.nn.Module):
    """A decoder with a configuration inside another, as models of text and images have."""

    config: Any

    def __init__(self) -> None:
        super().__init__()
        from transformers import Gemma3Config

        self.config = Gemma3Config()
        self.config._attn_implementation = {"text_config": "sdpa", "vision_config": "eager", "": "sdpa"}


@pytest.mark.parametrize("fails", [False, True])
def test_configurations_are_put_back_one_by_one(*, fails: bool) -> None:
    decoder = Layered()
    config = decoder.config
    before = [one._attn_implementation for one in (config, config.text_config, config.vision_config)]
    assert len(set(before)) == 2
    with contextlib.suppress(ZeroDivisionError), tree_attention(decoder, {}):
        assert config._attn_implementation == "biasaudit_tree"
        1 / (0 if fails else 1)
    assert [one._attn_implementation for one in (config, config.text_config, config.vision_config)] == before


@pytest.mark.parametrize("argument", ["s_aux", "position_bias", "indices", "something_new"])
def test_an_argument_that_may_change_the_result_is_refused(argument: str) -> None:
    from transformers import AttentionInterface

    [pack] = packs([TokenSequence((0, 1, 2), 1)], 10)
    heads = torch.ones(1, 2, BLOCK, 4)
    groups = {0: block_groups(pack, width=BLOCK, window=None, like=heads)}
    with tree_attention(torch.nn.Module(), groups):
        attend = AttentionInterface()["biasaudit_tree"]  # type: ignore[no-untyped-call]
        assert attend(None, heads, heads, heads, window_tag(None), dropout=0.0, position_ids=0)[0].shape == (
            1,
            BLOCK,
            2,
            4,
        )
        assert attend(None, heads, heads, heads, window_tag(None), **{argument: None})[0] is not None
        with pytest.raises(TypeError, match=argument):
            attend(None, heads, heads, heads, window_tag(None), **{argument: heads})
