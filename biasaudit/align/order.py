"""In which order a training sees its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_BATCHES_SORTED_TOGETHER: Final = 50


def training_order(
    lengths_tokens: Sequence[int], *, n_epochs: int, batch_size: int, rng: np.random.Generator
) -> list[int]:
    """Return the records of all updates, one after the other, with batches of records of like length.

    Each epoch is shuffled, cut into stretches of 50 batches, sorted by length within a stretch and
    cut into batches, whose order is shuffled again: what a batch pads is little, and long records
    do not all come first. Records that fill no batch wait for the next epoch.

    Parameters
    ----------
    lengths_tokens : sequence of int
        Of the records.
    n_epochs : int
    batch_size : int
        Records of one update.
    rng : numpy.random.Generator

    Returns
    -------
    list of int
        Positions in `lengths_tokens`, each `n_epochs` times. The k-th update takes those from
        ``k * batch_size`` on; the last may have fewer.

    Examples
    --------
    >>> order = training_order([5, 1, 5, 1], n_epochs=1, batch_size=2, rng=np.random.default_rng(0))
    >>> sorted(map(sorted, (order[:2], order[2:])))
    [[0, 2], [1, 3]]
    """
    order: list[int] = []
    waiting: list[int] = []
    for _ in range(n_epochs):
        pool = [*waiting, *rng.permutation(len(lengths_tokens)).tolist()]
        n_whole = len(pool) // batch_size * batch_size
        waiting = pool[n_whole:]
        order += _in_batches(pool[:n_whole], lengths_tokens, batch_size, rng)
    return order + waiting


def _in_batches(
    pool: Sequence[int], lengths_tokens: Sequence[int], batch_size: int, rng: np.random.Generator
) -> list[int]:
    stretch = batch_size * _BATCHES_SORTED_TOGETHER
    ordered: list[int] = []
    for start in range(0, len(pool), stretch):
        ordered += sorted(pool[start : start + stretch], key=lambda record: lengths_tokens[record])
    batches = [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]
    return [record for batch in rng.permutation(len(batches)) for record in batches[batch]]
