from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.models.engine.tree import Pack, TokenSequence, packs

SEQUENCES = st.lists(
    st.lists(st.integers(0, 3), min_size=2, max_size=9).flatmap(
        lambda tokens: st.builds(TokenSequence, st.just(tuple(tokens)), st.integers(1, len(tokens) - 1))
    ),
    min_size=1,
    max_size=30,
)


def spelled(pack: Pack, node: int) -> tuple[int, ...]:
    """Tokens from the root to `node`."""
    path: list[int] = []
    while node >= 0:
        path.append(int(pack.token_ids[node]))
        node = int(pack.parents[node])
    return tuple(path[::-1])


def asked(pack: Pack, sequences: Sequence[TokenSequence]) -> None:
    """Each edge of a member asks for the next token after exactly what stands before it."""
    for member, edges in zip(pack.members, pack.edges, strict=True):
        one = sequences[member]
        assert len(edges) == len(one.token_ids) - one.n_context
        for place, edge in enumerate(edges, start=one.n_context):
            assert spelled(pack, int(pack.read_nodes[edge])) == one.token_ids[:place]
            assert pack.read_tokens[edge] == one.token_ids[place]


def test_two_sequences_share_their_beginning() -> None:
    """0 5 6 7 and 0 5 8 7: the nodes are 0, 5, 6, 8; the last tokens are asked for, never computed."""
    [pack] = packs([TokenSequence((0, 5, 6, 7), 1), TokenSequence((0, 5, 8, 7), 2)], 100)
    assert pack.token_ids.tolist() == [0, 5, 6, 8]
    assert pack.depths.tolist() == [0, 1, 2, 2]
    assert pack.parents.tolist() == [-1, 0, 1, 1]
    assert pack.ancestors().astype(int).tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]]
    assert pack.ancestors(2).astype(int).tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
    # 5 after 0, 6 after 0 5, 7 after 0 5 6; then 8 after 0 5, 7 after 0 5 8.
    assert pack.read_nodes.tolist() == [0, 1, 2, 1, 3]
    assert pack.read_tokens.tolist() == [5, 6, 7, 8, 7]
    assert [edges.tolist() for edges in pack.edges] == [[0, 1, 2], [3, 4]]


def test_equal_questions_are_asked_once() -> None:
    [pack] = packs([TokenSequence((0, 5, 6), 1), TokenSequence((0, 5, 6), 2)], 100)
    assert len(pack.read_nodes) == 2


def test_two_trees_in_one_pack_do_not_see_each_other() -> None:
    [pack] = packs([TokenSequence((0, 1, 2), 1), TokenSequence((9, 1, 2), 1)], 100)
    assert pack.parents.tolist() == [-1, 0, -1, 2]
    assert not pack.ancestors()[2:, :2].any()


@given(SEQUENCES)
def test_one_pack_has_a_node_for_each_distinct_beginning(sequences: list[TokenSequence]) -> None:
    [pack] = packs(sequences, 10_000)
    beginnings = {one.token_ids[:end] for one in sequences for end in range(1, len(one.token_ids))}
    assert sorted(spelled(pack, node) for node in range(pack.n_nodes)) == sorted(beginnings)
    asked(pack, sequences)


@given(SEQUENCES, st.integers(1, 40))
def test_each_sequence_lies_whole_in_one_pack(sequences: list[TokenSequence], n_nodes: int) -> None:
    found = list(packs(sequences, n_nodes))
    assert sorted(member for pack in found for member in pack.members) == list(range(len(sequences)))
    for pack in found:
        assert pack.n_nodes <= n_nodes or len({sequences[member].token_ids for member in pack.members}) == 1
        asked(pack, sequences)


@given(SEQUENCES, st.integers(1, 40), st.randoms(use_true_random=False))
def test_packs_do_not_depend_on_the_order_of_requests(
    sequences: list[TokenSequence], n_nodes: int, shuffler: object
) -> None:
    unique = list({one.token_ids: one for one in sequences}.values())
    shuffled = list(unique)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]  # random.Random
    for ours, theirs in zip(packs(unique, n_nodes), packs(shuffled, n_nodes), strict=True):
        assert np.array_equal(ours.token_ids, theirs.token_ids)
        assert np.array_equal(ours.parents, theirs.parents)
        assert np.array_equal(ours.read_nodes, theirs.read_nodes)
