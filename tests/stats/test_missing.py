from __future__ import annotations

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import ClusterDesign, Status

DESIGNED = ClusterDesign.DESIGNED
NAMES = list("abcdefghij")


def test_bounds_without_missing_items_are_the_comparison_itself() -> None:
    first, second = np.full(10, 0.5), np.linspace(0.0, 0.2, 10)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.lowest.value == bounds.highest.value == pytest.approx(0.4)
    assert bounds.lowest_total.value == bounds.highest_total.value == pytest.approx(0.6)
    assert bounds.first[0].value == bounds.first[1].value == pytest.approx(0.5)
    assert (bounds.moved, bounds.size_told, bounds.sides_told) == (True, True, True)


def test_refusals_of_one_arm_move_the_bounds_apart() -> None:
    """Two of ten are missing in the second arm; the rest fall from 0.5 to 0: (4 - 1) / 10 and (4 + 2 * 1.5) / 10."""
    first = np.full(10, 0.5)
    second = np.array([0.0] * 8 + [np.nan] * 2)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.lowest.value == pytest.approx(0.3)
    assert bounds.highest.value == pytest.approx(0.7)
    assert (bounds.lowest_total.value, bounds.highest_total.value) == pytest.approx((0.3, 0.7))
    assert [one.value for one in bounds.second] == [pytest.approx(-0.2), pytest.approx(0.2)]


def test_what_is_missing_in_both_arms_may_lie_at_either_end_of_each() -> None:
    """Two of ten are missing in both: (8 * 0.5 - 2 * 2) / 10 and (8 * 0.5 + 2 * 2) / 10, S from 0 to 0.8."""
    first = np.array([0.5] * 8 + [np.nan] * 2)
    second = np.array([0.0] * 8 + [np.nan] * 2)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert (bounds.lowest.value, bounds.highest.value) == pytest.approx((0.0, 0.8))
    assert (bounds.lowest_total.value, bounds.highest_total.value) == pytest.approx((0.0, 0.8))
    assert not bounds.moved


def test_a_reduction_made_of_refusals_does_not_survive() -> None:
    first = np.full(10, 0.5)
    second = np.array([0.45] * 7 + [np.nan] * 3)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.lowest.value == pytest.approx((7 * 0.05 - 3 * 0.5) / 10)
    assert bounds.highest.value == pytest.approx(0.485)
    assert not bounds.size_told


def test_no_change_holds_where_no_filling_leaves_the_margin() -> None:
    """One of a hundred is missing in one arm: D lies between -0.015 and 0.005."""
    first = np.full(100, 0.5)
    second = np.array([0.5] * 99 + [np.nan])
    bounds = stats.missing_bounds(first, second, list(range(100)), DESIGNED)
    assert bounds.lowest.value == pytest.approx(-0.005)
    assert bounds.within(0.05)
    assert not bounds.within(0.01)


def test_bounds_need_clusters_too() -> None:
    bounds = stats.missing_bounds(np.ones(4), np.zeros(4), NAMES[:4], DESIGNED)
    assert bounds.lowest.status is Status.TOO_FEW_CLUSTERS
    assert not bounds.size_told
    assert not bounds.within(1.0)
