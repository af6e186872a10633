"""Shards: every request in one of them, what is computed twice counted by hand, sizes bounded."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.shards.cut import MOST_DUPLICATED, SLACK, Cutting, cut
from biasaudit.models.shards.outlook import makespan, outlook_of

SEQUENCES = st.lists(
    st.lists(st.integers(0, 3), min_size=2, max_size=9).map(lambda ids: TokenSequence((0, *ids), 1)), max_size=60
)


def nodes_of(sequences: list[TokenSequence]) -> set[tuple[int, ...]]:
    """Return every distinct beginning, which is what one token computes; the last token is not computed."""
    return {one.token_ids[:length] for one in sequences for length in range(1, len(one.token_ids))}


def contents(found: Cutting, sequences: list[TokenSequence]) -> list[list[TokenSequence]]:
    return [[sequences[place] for place in shard.members] for shard in found.shards]


def chain(number: int, length: int) -> TokenSequence:
    """Return a sequence that shares with others its first token alone."""
    return TokenSequence((0, *(1000 * number + place for place in range(1, length + 1))), 1)


def test_two_subtrees_are_cut_between_them_and_the_path_above_is_counted_in_both() -> None:
    """By hand: 0 | 5 6.. and 0 | 9 8..; each side has its 100 own nodes, the root is computed in both.

    Each sequence is 0 and 51 further tokens of which the last is not computed: 50 own nodes below the root.
    """
    left = [TokenSequence((0, 5, *range(100 + 60 * n, 150 + 60 * n)), 1) for n in range(2)]
    right = [TokenSequence((0, 9, *range(500 + 60 * n, 550 + 60 * n)), 1) for n in range(2)]
    found = cut([right[0], left[0], right[1], left[1]], n_nodes=100)
    # The root, two second tokens, four tails of 49.
    assert found.n_distinct == 1 + 2 + 4 * 49
    assert [shard.members for shard in found.shards] == [(1, 3), (0, 2)]
    assert [shard.n_nodes for shard in found.shards] == [100, 100]
    assert [shard.n_duplicated for shard in found.shards] == [0, 1]
    assert found.duplicated_share == 1 / 199


@given(SEQUENCES, st.integers(1, 40))
@settings(deadline=None)
def test_every_sequence_is_in_one_shard_and_nodes_are_those_of_the_shards_trees(
    sequences: list[TokenSequence], n_nodes: int
) -> None:
    found = cut(sequences, n_nodes=n_nodes)
    assert sorted(place for shard in found.shards for place in shard.members) == list(range(len(sequences)))
    assert found.n_distinct == len(nodes_of(sequences))
    for shard, content in zip(found.shards, contents(found, sequences), strict=True):
        assert shard.n_nodes == len(nodes_of(content))
    n_computed = sum(shard.n_nodes for shard in found.shards)
    assert n_computed - found.n_distinct == sum(shard.n_duplicated for shard in found.shards)


@given(SEQUENCES, st.integers(1, 40))
@settings(deadline=None)
def test_at_most_two_percent_are_computed_twice(sequences: list[TokenSequence], n_nodes: int) -> None:
    """Whatever the texts: where each border costs much, there are fewer."""
    assert cut(sequences, n_nodes=n_nodes).duplicated_share <= MOST_DUPLICATED


@given(SEQUENCES, st.integers(1, 40), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_requests_changes_no_shard(
    sequences: list[TokenSequence], n_nodes: int, random: st.DataObject
) -> None:
    shuffled = list(sequences)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random
    found, other = cut(sequences, n_nodes=n_nodes), cut(shuffled, n_nodes=n_nodes)
    assert contents(found, sequences) == contents(other, shuffled)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=80), st.integers(200, 600))
@settings(deadline=None)
def test_shards_are_near_the_size_aimed_at(lengths: list[int], n_nodes: int) -> None:
    """Of texts that are short beside a shard, and share one token: all but the last are within a quarter."""
    sequences = [chain(number, length) for number, length in enumerate(lengths)]
    found = cut(sequences, n_nodes=n_nodes)
    if len(found.shards) > 1:
        sizes = [shard.n_nodes for shard in found.shards]
        # The size is doubled where borders cost too much; one token of 120 nodes is under 2 %.
        assert max(sizes) <= (1 + SLACK) * n_nodes
        assert min(sizes[:-1]) >= (1 - SLACK) * n_nodes - max(lengths)


def test_nothing_is_no_shard() -> None:
    assert cut([]) == Cutting(shards=(), n_distinct=0)
    assert cut([]).duplicated_share == 0.0


def test_one_worker_takes_the_sum_and_many_the_longest_piece() -> None:
    assert makespan([3.0, 1.0, 2.0], 1) == 6.0
    assert makespan([3.0, 1.0, 2.0], 9) == 3.0
    assert makespan([], 2) == 0.0


def test_the_outlook_counts_what_is_computed_twice_and_divides_the_time() -> None:
    """Two equal shards of 2,000 nodes at 10 tokens a second: 200 s for two workers, 400 s for one."""
    sequences = [TokenSequence((0, side, *range(10_000 * side, 10_000 * side + 1999)), 1) for side in (5, 9)]
    alone, both = (outlook_of(sequences, {0, 1}, n_workers=n, tokens_per_second=10.0) for n in (1, 2))
    assert (both.n_shards, both.n_nodes, both.largest_nodes) == (2, 4000, 2000)
    assert (alone.seconds, both.seconds) == (400.0, 200.0)
    assert both.duplicated_share == 1 / 3999
    # What is kept is cut all the same, and costs nothing.
    rest = outlook_of(sequences, {1}, n_workers=2, tokens_per_second=10.0)
    assert (rest.n_shards, rest.n_nodes, rest.seconds) == (1, 2000, 200.0)
