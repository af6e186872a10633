from __future__ import annotations

import numpy as np
import pytest

from biasaudit import stats


def test_item_flows_count_every_item_once() -> None:
    nan = float("nan")
    flows = stats.item_flows(np.array([1, 1, -1, 0, nan, 1]), np.array([1, 0, 1, -1, 1, nan]))
    assert (flows.inherited, flows.removed, flows.introduced, flows.never, flows.missing) == (1, 1, 1, 1, 2)


def test_the_matrix_has_every_state_before_and_after() -> None:
    """One item of each of the 16 ways; named counts are sums of its fields."""
    nan = float("nan")
    values = [1.0, 0.0, -1.0, nan]
    first = np.repeat(values, 4)
    second = np.tile(values, 4)
    flows = stats.item_flows(first, second)
    assert flows.matrix == ((1, 1, 1, 1),) * 4
    assert (flows.inherited, flows.removed, flows.turned, flows.introduced, flows.never, flows.missing) == (
        1,
        2,
        1,
        2,
        4,
        7,
    )
    assert flows.churn == pytest.approx(4 / 9)
    assert flows.count(stats.ItemState.STEREOTYPE, stats.ItemState.COUNTER) == 1


def test_without_items_there_is_no_churn() -> None:
    nothing = np.array([])
    assert stats.item_flows(nothing, nothing).churn is None
    assert stats.item_flows(np.array([np.nan]), np.array([1.0])).churn is None
    assert stats.null_churn([]) is None
    assert stats.null_churn([np.array([1.0])]) is None
    assert stats.null_churn([np.array([np.nan]), np.array([1.0])]) is None


def test_null_churn_is_the_mean_over_pairs_of_wordings() -> None:
    """Between 1 and 2 half of the items turn, between 1 and 3 none, between 2 and 3 half: a third."""
    one, two = np.array([1.0, 1.0]), np.array([1.0, -1.0])
    assert stats.null_churn([one, two, one]) == pytest.approx(1 / 3)


def test_swapping_the_arms_swaps_what_was_removed_and_introduced() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.choice([-1.0, 0.0, 1.0, np.nan], size=(2, 200))
    forward, backward = stats.item_flows(first, second), stats.item_flows(second, first)
    assert (forward.removed, forward.introduced) == (backward.introduced, backward.removed)
    assert forward.inherited + forward.removed + forward.introduced + forward.never + forward.missing == 200
