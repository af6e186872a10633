from __future__ import annotations

import math

import numpy as np
import pytest

from biasaudit import stats
from biasaudit.types import ClusterDesign


def test_the_smallest_detectable_change_by_hand() -> None:
    """Ten clusters, sd s: (t(.975, 9) + t(.80, 9)) * s / sqrt(10) = (2.262 + 0.883) * s / 3.162."""
    sample = stats.clustered([0.0, 1.0] * 5, range(10))
    expected = (2.2622 + 0.8834) * np.std([0, 1] * 5, ddof=1) / math.sqrt(10)
    assert stats.smallest_detectable_change(sample, ClusterDesign.DESIGNED) == pytest.approx(expected, abs=1e-3)


def test_power_by_hand() -> None:
    """No change is found at the level; with many clusters 1.96 standard errors are found half the time."""
    assert stats.power_of_change(0.0, 0.1, 12, alpha=0.05) == pytest.approx(0.05)
    assert stats.power_of_change(1.96, 1.0, 10_000) == pytest.approx(0.5, abs=1e-3)
    assert stats.power_of_change(5.0, 1.0, 20) == pytest.approx(stats.power_of_change(-5.0, 1.0, 20))
    assert stats.power_of_change(5.0, 1.0, 20) > 0.99


def test_power_agrees_with_statsmodels() -> None:
    """20 clusters, effect of 0.5 standard deviations: the error is sd / sqrt(20)."""
    from statsmodels.stats.power import TTestPower

    theirs = TTestPower().power(effect_size=0.5, nobs=20, alpha=0.05)
    assert stats.power_of_change(0.5, 1 / math.sqrt(20), 20) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(("error", "drawn"), [(0.02, 0.554885), (0.015, 0.88315), (0.0178, 0.71293)])
def test_the_power_of_equivalence_is_what_200_000_draws_gave(error: float, drawn: float) -> None:
    assert stats.power_of_equivalence(0.05, error, 20) == pytest.approx(drawn, abs=0.005)


def test_an_error_as_wide_as_the_margin_can_never_show_no_change() -> None:
    assert stats.power_of_equivalence(0.05, 0.2, 20) < 0.01
    assert stats.power_of_equivalence(0.05, 0.001, 20) == pytest.approx(1.0)


@pytest.mark.parametrize("error", [0.0, -1.0, float("nan")])
def test_power_without_an_error_is_refused(error: float) -> None:
    with pytest.raises(ValueError, match="error above 0"):
        stats.power_of_change(0.1, error, 10)
    with pytest.raises(ValueError, match="error above 0"):
        stats.power_of_equivalence(0.1, error, 10)
    with pytest.raises(ValueError, match="2 clusters"):
        stats.power_of_change(0.1, 0.1, 1)


def test_the_planned_error_knows_clusters() -> None:
    """100 items that change by 0.2: 0.2 / 10 = 0.02 alone, times sqrt(1 + 9 * 0.1) = 1.378 in 10 clusters."""
    assert stats.planned_error(100, 100, spread=0.2) == pytest.approx(0.02)
    assert stats.planned_error(100, 10, spread=0.2, correlation=0.1) == pytest.approx(0.02757, abs=1e-5)


def test_the_prospect_of_published_sizes() -> None:
    """docs/methods.md, section 10.2. n = 1,508, a tenth discordant: 0.046; 1,371 items reach "unchanged" at 80 %."""
    tenth = 2 * math.sqrt(0.1)
    assert stats.prospect(1508, 1508, spread=tenth).smallest_detectable_change == pytest.approx(0.046, abs=5e-4)
    assert stats.prospect(1371, 1371, spread=tenth).power_unchanged == pytest.approx(0.80, abs=0.01)
    few = stats.prospect(100, 4, spread=tenth)
    assert (few.smallest_detectable_change, few.power_unchanged) == (None, None)


@pytest.mark.parametrize(
    ("n_clusters", "n_cells", "can"), [(5, 1, False), (6, 1, True), (6, 2, False), (10, 25, True), (10, 26, False)]
)
def test_where_signs_cannot_be_flipped_often_enough_no_change_is_promised(
    *, n_clusters: int, n_cells: int, can: bool
) -> None:
    """2^(1 - K) against 0.05 / m: 0.0625, 0.0313 against 0.05 and 0.025, 0.00195 against 0.002 and 0.00192."""
    assert stats.can_show_a_change(n_clusters, n_cells=n_cells) is can
    planned = stats.prospect(1000, n_clusters, spread=0.2, n_cells=n_cells)
    assert (planned.smallest_detectable_change is not None) is can
    assert planned.power_unchanged is not None
    sample = stats.clustered([0.0, 1.0, 0.5] * n_clusters, [f"c{n // 3}" for n in range(3 * n_clusters)])
    varied = sample.with_values(sample.values + np.arange(3 * n_clusters) / 7)
    found = stats.smallest_detectable_change(varied, ClusterDesign.DESIGNED, n_cells=n_cells)
    assert (found is not None) is can


@pytest.mark.parametrize("n_clusters", [5, 6])
def test_five_clusters_that_all_fall_are_no_claim(n_clusters: int) -> None:
    """The test itself: five means of one sign have p = 2 / 2^5."""
    sample = stats.clustered(np.linspace(0.5, 0.9, n_clusters), range(n_clusters))
    found = stats.sign_flip(sample, ClusterDesign.DESIGNED, rng=np.random.default_rng(0))
    assert found.p_value == pytest.approx(2 / 2**n_clusters)
    assert (found.p_value <= 0.05) is stats.can_show_a_change(n_clusters)
