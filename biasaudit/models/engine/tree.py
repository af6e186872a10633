"""Requests as a prefix tree, cut into packs: tokens that requests share are in a pack once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """Tokens of a request.

    Attributes
    ----------
    token_ids : tuple of int
        Context and continuation.
    n_context : int
        Tokens of the context, at least 1 and fewer than all.
    """

    token_ids: tuple[int, ...]
    n_context: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A piece of the tree that runs as one row.

    Attributes
    ----------
    members : tuple of int
        Positions of its sequences among all.
    token_ids, depths, parents : array of int, shape (n_nodes,)
        Nodes in depth-first order. The depth counts from 0; the parent of a root is -1.
    read_nodes : array of int, shape (n_edges,)
        Node whose next token is asked for.
    read_tokens : array of int, shape (n_edges,)
        The next token.
    edges : tuple of array of int
        For each member, its edges in the order of the continuation.
    """

    members: tuple[int, ...]
    token_ids: NDArray[np.int64]
    depths: NDArray[np.int64]
    parents: NDArray[np.int64]
    read_nodes: NDArray[np.int64]
    read_tokens: NDArray[np.int64]
    edges: tuple[NDArray[np.int64], ...]

    @property
    def n_nodes(self) -> int:
        """Tokens that are computed."""
        return len(self.token_ids)

    def subtree_ends(self) -> NDArray[np.int64]:
        """Return the number that follows the last node below each node; a leaf's is the one after it.

        Examples
        --------
        >>> [pack] = packs([TokenSequence((0, 5, 6, 7), 1), TokenSequence((0, 5, 8, 7), 1)], 100)
        >>> pack.subtree_ends().tolist()
        [4, 4, 3, 4]
        """
        ends = np.arange(self.n_nodes) + 1
        for node in range(self.n_nodes - 1, -1, -1):
            if (parent := self.parents[node]) >= 0:
                ends[parent] = max(ends[parent], ends[node])
        return ends

    def ancestors(self, window: int | None = None) -> NDArray[np.bool_]:
        """Return which node sees which: itself and the path above it.

        Parameters
        ----------
        window : int, optional
            Only this many tokens back, the node itself counted, as sliding-window layers look.

        Returns
        -------
        array of bool, shape (n_nodes, n_nodes)
        """
        seen = np.zeros((self.n_nodes, self.n_nodes), dtype=np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] = seen[parent]
            seen[node, node] = True
        if window is not None:
            seen &= self.depths[:, None] - self.depths[None, :] < window
        return seen


@dataclass(slots=True)
class _Growing:
    """A pack while sequences are added to it in sorted order."""

    members: list[int] = field(default_factory=list)
    token_ids: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    reads: dict[tuple[int, int], int] = field(default_factory=dict)
    edges: list[list[int]] = field(default_factory=list)
    path: list[int] = field(default_factory=list)
    tokens: tuple[int, ...] = ()

    def shared(self, tokens: tuple[int, ...]) -> int:
        """Return how many tokens `tokens` shares with the last path; in sorted order no path shares more."""
        n_shared = 0
        for ours, theirs in zip(tokens, self.tokens, strict=False):
            if ours != theirs:
                break
            n_shared += 1
        return n_shared

    def add(self, position: int, sequence: TokenSequence, nodes: tuple[int, ...], n_shared: int) -> None:
        del self.path[n_shared:]
        for depth in range(n_shared, len(nodes)):
            self.parents.append(self.path[-1] if self.path else -1)
            self.path.append(len(self.token_ids))
            self.token_ids.append(nodes[depth])
            self.depths.append(depth)
        self.tokens = nodes
        self.members.append(position)
        self.edges.append(
            [
                self.reads.setdefault((self.path[place - 1], sequence.token_ids[place]), len(self.reads))
                for place in range(sequence.n_context, len(sequence.token_ids))
            ]
        )

    def finished(self) -> Pack:
        return Pack(
            members=tuple(self.members),
            token_ids=np.array(self.token_ids, dtype=np.int64),
            depths=np.array(self.depths, dtype=np.int64),
            parents=np.array(self.parents, dtype=np.int64),
            read_nodes=np.array([node for node, _ in self.reads], dtype=np.int64),
            read_tokens=np.array([token for _, token in self.reads], dtype=np.int64),
            edges=tuple(np.array(places, dtype=np.int64) for places in self.edges),
        )


def packs(sequences: Sequence[TokenSequence], n_nodes: int) -> Iterator[Pack]:
    """Cut the prefix tree of `sequences` into packs of at most `n_nodes` nodes.

    A sequence lies in one pack as a whole; the last token of a sequence is asked for and never
    computed. A sequence longer than `n_nodes` makes a pack of its own. What two packs share is
    computed in both: at most one path.

    Parameters
    ----------
    sequences : sequence of TokenSequence
    n_nodes : int

    Yields
    ------
    Pack
        In an order that depends on the content alone.

    Examples
    --------
    >>> [pack] = packs([TokenSequence((0, 5, 6, 7), 1), TokenSequence((0, 5, 8, 7), 1)], 100)
    >>> pack.n_nodes  # 0, 5, 6 and 8: the beginning once, the last tokens not at all
    4
    >>> pack.parents.tolist()
    [-1, 0, 1, 1]
    """
    order = sorted(range(len(sequences)), key=lambda position: (sequences[position].token_ids, position))
    growing = _Growing()
    for position in order:
        sequence = sequences[position]
        nodes = sequence.token_ids[:-1]
        n_shared = growing.shared(nodes)
        if growing.members and len(growing.token_ids) + len(nodes) - n_shared > n_nodes:
            yield growing.finished()
            growing, n_shared = _Growing(), 0
        growing.add(position, sequence, nodes, n_shared)
    if growing.members:
        yield growing.finished()
