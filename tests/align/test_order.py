from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.align.order import training_order


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=60),
    n_epochs=st.integers(1, 3),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_each_record_is_seen_once_an_epoch(lengths: list[int], n_epochs: int, batch_size: int, seed: int) -> None:
    order = training_order(lengths, n_epochs=n_epochs, batch_size=batch_size, rng=np.random.default_rng(seed))
    assert Counter(order) == dict.fromkeys(range(len(lengths)), n_epochs)


def test_the_order_is_that_of_its_seed() -> None:
    first, again, other = (
        training_order(range(100), n_epochs=2, batch_size=8, rng=np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def padded_share(lengths: list[int], order: list[int], batch_size: int) -> float:
    batches = [[lengths[record] for record in order[at : at + batch_size]] for at in range(0, len(order), batch_size)]
    return 1 - sum(map(sum, batches)) / sum(max(batch) * len(batch) for batch in batches)


def test_batches_hold_records_of_like_length_and_long_ones_do_not_come_first() -> None:
    """800 lengths from 1 to 100: a batch of 8 at random pads 43 %."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 101, size=800).tolist()
    order = training_order(lengths, n_epochs=1, batch_size=8, rng=rng)
    assert padded_share(lengths, order, 8) < 0.05
    assert padded_share(lengths, rng.permutation(800).tolist(), 8) > 0.35
    halves = np.mean([lengths[record] for record in order[:400]]), np.mean([lengths[record] for record in order[400:]])
    assert halves[0] == pytest.approx(halves[1], abs=10)
