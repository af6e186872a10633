"""What shards mean for time and memory, before anything runs: who ends when, of so many workers."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biasaudit.models.shards.cut import cut, n_nodes_of

if TYPE_CHECKING:
    from biasaudit.models.engine.tree import TokenSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOutlook:
    """What workers would be given of one checkpoint.

    Attributes
    ----------
    n_workers : int
    n_shards : int
        Of which something is left to compute.
    n_nodes : int
        Tokens that are computed, those that two shards share in both.
    duplicated_share : float
        Of the distinct tokens, those that are computed a second time because of borders, in [0, 1].
    largest_nodes : int
        Tokens of the largest shard: the most that the loss of a worker can cost.
    seconds : float
        About how long scoring takes, without loading.
    """

    n_workers: int
    n_shards: int
    n_nodes: int
    duplicated_share: float
    largest_nodes: int
    seconds: float


def outlook_of(
    sequences: Sequence[TokenSequence], pending: Collection[int], *, n_workers: int, tokens_per_second: float
) -> ShardOutlook:
    """Return what workers would be given.

    Parameters
    ----------
    sequences : sequence of TokenSequence
        All that are asked, kept ones too: they decide where shards are cut.
    pending : collection of int
        Positions of those that are left to compute.
    n_workers : int
    tokens_per_second : float
        Of one worker, while the others work too.
    """
    cutting = cut(sequences)
    left = ([sequences[place] for place in shard.members if place in pending] for shard in cutting.shards)
    nodes = [n_nodes_of(one) for one in left if one]
    return ShardOutlook(
        n_workers=n_workers,
        n_shards=len(nodes),
        n_nodes=sum(nodes),
        duplicated_share=cutting.duplicated_share,
        largest_nodes=max(nodes, default=0),
        seconds=makespan((n_nodes / tokens_per_second for n_nodes in nodes), n_workers),
    )


def makespan(seconds: Iterable[float], n_workers: int) -> float:
    """Return when the last of several workers ends, each of whom takes the next piece as soon as it is free.

    Parameters
    ----------
    seconds : iterable of float
        Of each piece, in the order in which they are given out.
    n_workers : int
        At least 1.

    References
    ----------
    Graham (1966), Bounds for certain multiprocessing anomalies, list scheduling: at most the mean load and one piece.

    Examples
    --------
    >>> makespan([3.0, 2.0, 2.0, 1.0], 2)
    4.0
    """
    free = [0.0] * n_workers
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free)
