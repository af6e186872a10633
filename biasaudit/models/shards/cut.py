"""The token tree of requests, cut into shards of about equal work.

A shard is a run of sequences in sorted order: whole subtrees, but for the two at its ends. What a shard shares with the
one before it is the path above their border, which is computed in both; borders lie where that path is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.models.engine.tree import TokenSequence

LARGEST: Final = 16_384
"""Nodes that a shard aims at where there is much work: 16 packs, so that a pack that is not full counts little."""

SMALLEST: Final = 2_048
"""Nodes that a shard aims at where there is little work: two packs."""

AIMED_AT: Final = 64
"""Shards that there are to be, between those two sizes: enough for ten workers to end together."""

SLACK: Final = 0.25
"""How far a shard may be from the size that is aimed at, as a share of it, so that a border finds a short path."""

MOST_DUPLICATED: Final = 0.02
"""Share of all distinct nodes that may be computed a second time because of borders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """What one worker scores at a time.

    Attributes
    ----------
    members : tuple of int
        Positions of its sequences among all, in sorted order.
    n_nodes : int
        Distinct nodes of its tree.
    n_duplicated : int
        Of these, the path that the shard before it has too.
    """

    members: tuple[int, ...]
    n_nodes: int
    n_duplicated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """All shards of one checkpoint.

    Attributes
    ----------
    shards : tuple of Shard
        Each sequence is in one of them.
    n_distinct : int
        Nodes of the whole tree: tokens that are computed if nothing is cut.
    """

    shards: tuple[Shard, ...]
    n_distinct: int

    @property
    def duplicated_share(self) -> float:
        """Nodes that are computed again because of borders, as a share of the distinct ones; 0 of no nodes."""
        return sum(shard.n_duplicated for shard in self.shards) / max(self.n_distinct, 1)


def cut(sequences: Sequence[TokenSequence], *, n_nodes: int | None = None) -> Cutting:
    """Cut the prefix tree of `sequences` into shards of about `n_nodes` nodes.

    Depends on the sequences alone and not on how many workers there are, so that a run that goes on cuts as the one
    before it did.

    Parameters
    ----------
    sequences : sequence of TokenSequence
    n_nodes : int, optional
        Size that is aimed at, at least 1; None takes :func:`size_aimed_at`. Doubled until at most 2 % of the distinct
        nodes are computed twice.

    Returns
    -------
    Cutting
        Every shard has at most 1.25 times the size, or one sequence.

    Examples
    --------
    >>> from biasaudit.models.engine.tree import TokenSequence
    >>> found = cut([TokenSequence((0, 5, 6, 7), 1), TokenSequence((0, 5, 8, 7), 1), TokenSequence((0, 9, 9, 7), 1)])
    >>> found.n_distinct, found.shards
    (6, (Shard(members=(0, 1, 2), n_nodes=6, n_duplicated=0),))
    """
    order = sorted(range(len(sequences)), key=lambda place: (sequences[place].token_ids, sequences[place].n_context))
    lengths = np.array([len(sequences[place].token_ids) - 1 for place in order], dtype=np.int64)
    shared = np.array(_shared(sequences, order), dtype=np.int64)
    n_distinct = int((lengths - shared).sum())
    size = size_aimed_at(n_distinct) if n_nodes is None else n_nodes
    borders = _borders(lengths, shared, size)
    while len(borders) > 1 and int(shared[borders[1:]].sum()) > MOST_DUPLICATED * n_distinct:
        size *= 2
        borders = _borders(lengths, shared, size)
    ends = [*borders, len(order)][1:]
    own = lengths - shared
    return Cutting(
        shards=tuple(
            Shard(
                members=tuple(order[start:end]),
                n_nodes=int(own[start:end].sum() + shared[start]),
                n_duplicated=int(shared[start]),
            )
            for start, end in zip(borders, ends, strict=True)
        ),
        n_distinct=n_distinct,
    )


def size_aimed_at(n_distinct: int) -> int:
    """Return the nodes that a shard aims at, of a tree of so many.

    Examples
    --------
    >>> size_aimed_at(1_000), size_aimed_at(640_000), size_aimed_at(10**9)
    (2048, 10000, 16384)
    """
    return min(LARGEST, max(SMALLEST, n_distinct // AIMED_AT))


def n_nodes_of(sequences: Sequence[TokenSequence]) -> int:
    """Return the distinct nodes of the tree of sequences that stand in sorted order."""
    shared = _shared(sequences, range(len(sequences)))
    return sum(len(one.token_ids) - 1 for one in sequences) - sum(shared)


def _shared(sequences: Sequence[TokenSequence], order: Sequence[int]) -> list[int]:
    """Return how many nodes each sequence shares with the one before it in sorted order; 0 for the first."""
    found = []
    before: tuple[int, ...] = ()
    for place in order:
        nodes = sequences[place].token_ids[:-1]
        n_shared = 0
        for ours, theirs in zip(nodes, before, strict=False):
            if ours != theirs:
                break
            n_shared += 1
        found.append(n_shared)
        before = nodes
    return found


def _borders(lengths: NDArray[np.int64], shared: NDArray[np.int64], size: int) -> list[int]:
    """Return where each shard begins in sorted order."""
    least, most = (1 - SLACK) * size, (1 + SLACK) * size
    n_own = np.concatenate([[0], np.cumsum(lengths - shared)])
    starts: list[int] = []
    start = 0
    while start < len(lengths):
        starts.append(start)
        # Nodes of the sequences from `start` to before `end` are n_own[end] - above.
        above = n_own[start] - shared[start]
        last = max(int(np.searchsorted(n_own, most + above, side="right")) - 1, start + 1)
        if last >= len(lengths):
            break
        first = min(max(int(np.searchsorted(n_own, least + above)), start + 1), last)
        start = first + _shortest(shared[first : last + 1], n_own[first : last + 1] - above - size)
    return starts


def _shortest(paths: NDArray[np.int64], away: NDArray[np.int64]) -> int:
    """Return which border has the shortest path above it; of several the one nearest to the size aimed at."""
    return int(np.lexsort((np.abs(away), paths))[0])
