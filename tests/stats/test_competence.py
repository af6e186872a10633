"""How much competence was lost: paired, and never too sure where hardly an answer changes."""

from __future__ import annotations

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import ClusterDesign, Status
from biasaudit.types.competence import competence_level, is_above_chance

CLUSTERS = [f"c{number % 12}" for number in range(96)]
RIGHT = stats.clustered([1.0] * 96, CLUSTERS)


def test_all_that_is_lost_is_half_of_the_scale() -> None:
    """From all right to a coin: 1 - 0.5. Each cluster of 8 has 4 wrong, so that they are alike."""
    coin = RIGHT.with_values(np.array([1.0 if number // 12 % 2 else -1.0 for number in range(96)]))
    found = stats.competence_loss(RIGHT, coin, ClusterDesign.DESIGNED)
    assert found.value == 0.5
    assert found.ci_low is not None
    assert 0.3 < found.ci_low < 0.5
    assert stats.competence_loss(coin, RIGHT, ClusterDesign.DESIGNED).value == -0.5


def test_an_answer_that_names_nobody_is_half_an_error() -> None:
    """From right to unknown in one of 96: 1/96 x 1/2."""
    unknown = RIGHT.with_values(np.array([0.0, *[1.0] * 95]))
    assert stats.competence_loss(RIGHT, unknown, ClusterDesign.DESIGNED).value == pytest.approx(1 / 192)


def test_no_change_has_an_interval() -> None:
    """96 / (1 + 7 x 0.2) = 40 items: 1 - 0.025^(1/40) = 0.088; each its own cluster: 1 - 0.025^(1/96) = 0.038."""
    found = stats.competence_loss(RIGHT, RIGHT, ClusterDesign.DESIGNED)
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.0, -0.0881, 0.0881), abs=1e-4)
    alone = stats.competence_loss(RIGHT, RIGHT, ClusterDesign.NONE)
    assert alone.ci_high == pytest.approx(0.0377, abs=1e-4)
    assert "no answer of as many had changed" in found.method


def test_one_change_makes_nothing_surer() -> None:
    """A t interval over eleven clusters of 0 and one of 1/8 reaches 0.033; none of 96 changed reaches 0.088."""
    one = RIGHT.with_values(np.array([-1.0, *[1.0] * 95]))
    none, found = (stats.competence_loss(RIGHT, other, ClusterDesign.DESIGNED) for other in (RIGHT, one))
    assert none.ci_high is not None
    assert found.ci_high is not None
    assert found.ci_high >= none.ci_high + 1 / 96 - 1e-12


def test_the_interval_ends_where_the_scale_does() -> None:
    wrong = RIGHT.with_values(-RIGHT.values)
    found = stats.competence_loss(RIGHT, wrong, ClusterDesign.DESIGNED)
    assert (found.value, found.ci_high) == (1.0, 1.0)
    assert stats.competence_loss(wrong, RIGHT, ClusterDesign.DESIGNED).ci_low == -1.0


@pytest.mark.parametrize(("n_clusters", "status"), [(0, Status.NOT_MEASURED), (4, Status.TOO_FEW_CLUSTERS)])
def test_without_clusters_there_is_no_number(n_clusters: int, status: Status) -> None:
    few = stats.clustered([1.0] * (2 * n_clusters), [number // 2 for number in range(2 * n_clusters)])
    found = stats.competence_loss(few, few, ClusterDesign.DESIGNED)
    assert (found.status, found.value, found.unit) == (status, None, "share difference")


@pytest.mark.parametrize("n_items", [5, 15])
def test_five_clusters_without_a_mistake_are_above_chance(n_items: int) -> None:
    """0.05^(1/5) = 0.549; two-sided, 0.025^(1/5) = 0.478 held chance, and perfect competence was called a guess."""
    sample = stats.clustered([1.0] * n_items, [number % 5 for number in range(n_items)])
    low = {
        level: stats.mean_estimate(sample, ClusterDesign.DESIGNED, level=level, unit="share").ci_low
        for level in (competence_level(0.95), 0.95)
    }
    assert low[competence_level(0.95)] == pytest.approx(0.549, abs=1e-3)
    assert low[0.95] == pytest.approx(0.478, abs=1e-3)
    assert [is_above_chance(one) for one in low.values()] == [True, False]
