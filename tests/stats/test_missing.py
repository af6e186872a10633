from __future__ import annotations

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import ClusterDesign, Status

DESIGNED = ClusterDesign.DESIGNED
NAMES = list("abcdefghij")


def test_bounds_without_missing_items_are_the_reduction() -> None:
    first, second = np.full(10, 0.5), np.linspace(0.0, 0.2, 10)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.all_counter.value == pytest.approx(0.4)
    assert bounds.all_stereotype.value == pytest.approx(0.4)
    assert bounds.still_reduced


def test_refusals_of_one_arm_move_the_bounds_apart() -> None:
    """Two of ten are missing in the second arm; the rest fall from 0.5 to 0: (4 + 2 * 1.5) / 10 and (4 - 1) / 10."""
    first = np.full(10, 0.5)
    second = np.array([0.0] * 8 + [np.nan] * 2)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.all_counter.value == pytest.approx(0.7)
    assert bounds.all_stereotype.value == pytest.approx(0.3)


def test_what_is_missing_in_both_arms_changes_nothing() -> None:
    """The same value is put in for both."""
    first = np.array([0.5] * 8 + [np.nan] * 2)
    second = np.array([0.0] * 8 + [np.nan] * 2)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.all_counter.value == pytest.approx(0.4)
    assert bounds.all_stereotype.value == pytest.approx(0.4)


def test_a_reduction_made_of_refusals_does_not_survive() -> None:
    first = np.full(10, 0.5)
    second = np.array([0.45] * 7 + [np.nan] * 3)
    bounds = stats.missing_bounds(first, second, NAMES, DESIGNED)
    assert bounds.all_counter.value == pytest.approx(0.485)
    assert not bounds.still_reduced


def test_bounds_need_clusters_too() -> None:
    bounds = stats.missing_bounds(np.ones(4), np.zeros(4), NAMES[:4], DESIGNED)
    assert bounds.all_counter.status is Status.TOO_FEW_CLUSTERS
    assert not bounds.still_reduced
