"""A rise of |B|: bounded by the intervals of D and S, in every sign, for missing items, and in a family."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from biasaudit.gate.lean import Interval, rise_of_lean
from tests.gate.rows import Row, baseline_row, change, judged, lean, level

LIMIT: list[Row] = [{"id": "r", "max_increase": 0.05}]
INDEX = st.floats(-1, 1)
HALF = st.floats(0, 1)


@pytest.mark.parametrize(
    ("base", "tuned", "outcome"),
    [
        (0.3, 0.05, "passed"),
        (-0.49, 0.0, "passed"),
        (-0.3, -0.05, "passed"),
        (0.5, -0.1, "passed"),  # to the other side, and nearer to parity
        (0.07, -0.9, "violated"),
        (0.0, -0.62, "violated"),
        (0.0, 0.62, "violated"),
        (-0.1, -0.4, "violated"),
        (0.4, -0.4, "inconclusive"),  # as far on the other side: nothing rose, and 0.05 is no more than the interval
        (0.0, 0.0, "passed"),
    ],
)
def test_a_rise_is_of_the_size_of_the_lean(base: float, tuned: float, outcome: str) -> None:
    """A lean against the stereotype that appears is a regression; one that shrinks is none. Intervals are of 0.05."""
    wide = 0.06 if (base, tuned) == (0.4, -0.4) else 0.05
    assert judged(LIMIT, changes=[lean(base, tuned, wide)]).outcome.value == outcome


def test_the_reduction_alone_does_not_decide() -> None:
    """D = 0.62 is less stereotype, and was let through; |B| rises by it all the same."""
    found = judged(LIMIT, changes=[lean(0.0, -0.62, 0.05)]).results[0]
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.62, 0.57, 0.67))


@given(INDEX, INDEX)
def test_the_value_is_what_it_is_called(base: float, tuned: float) -> None:
    found = rise_of_lean(*(Interval(one, one, one) for one in (base - tuned, base + tuned)))
    assert found.value == pytest.approx(abs(tuned) - abs(base), abs=1e-12)
    assert found.low == found.value == found.high


@given(INDEX, INDEX, HALF, HALF, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=20))
def test_no_pair_within_both_intervals_lies_outside(
    d: float, s: float, of_d: float, of_s: float, points: list[tuple[float, float]]
) -> None:
    """The upper bound is reached in a corner: it is no wider than need be."""
    found = rise_of_lean(Interval(d, d - of_d, d + of_d), Interval(s, s - of_s, s + of_s))
    corners = list(itertools.product((0.0, 1.0), repeat=2))
    rises = []
    for one, other in [*corners, *points]:
        reduction, total = d - of_d + 2 * of_d * one, s - of_s + 2 * of_s * other
        rises.append(abs((total - reduction) / 2) - abs((total + reduction) / 2))
    assert found.low - 1e-9 <= min(rises)
    assert max(rises) <= found.high + 1e-9
    assert max(rises[:4]) == pytest.approx(found.high, abs=1e-9)


@given(INDEX, INDEX, HALF, HALF, st.floats(0, 1))
def test_a_limit_is_held_as_the_rule_is_written(d: float, s: float, of_d: float, of_s: float, limit: float) -> None:
    """The interval against the limit is the rule in D and S, word for word."""
    reduction, total = Interval(d, d - of_d, d + of_d), Interval(s, s - of_s, s + of_s)
    rise = rise_of_lean(reduction, total)
    passes = (reduction.high <= limit or total.low >= -limit) and (reduction.low >= -limit or total.high <= limit)
    breaks = (reduction.low > limit and total.high < -limit) or (reduction.high < -limit and total.low > limit)
    assert (rise.high <= limit, rise.low > limit) == (passes, breaks)


def test_a_family_widens_what_the_rise_is_made_of() -> None:
    """-0.2 to -0.1 of 10 clusters, two cells: D and S each by the ratio of t quantiles; D bounds one end, S the other.

    D is -0.1 +- 0.05 and S -0.3 +- 0.08: the rise lies between min(D.low, -S.high) and min(D.high, -S.low).
    """
    cells = [lean(-0.2, -0.1, 0.05, probe=probe, total_ci_low=-0.38, total_ci_high=-0.22) for probe in ("a", "b")]
    found = judged([{"id": "r", "max_increase": 0}], changes=cells, policy={"family": "bonferroni"}).results[0]
    factor = stats.t.ppf(1 - 0.05 / 4, 9) / stats.t.ppf(1 - 0.05 / 2, 9)
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.1 - 0.05 * factor, -0.1 + 0.05 * factor))


def test_more_than_two_percent_missing_must_not_matter() -> None:
    """What is missing could have had any value: of 5 % in both arms, D moves by 0.1 either way, and S too."""
    missing = {"missing_low": 0.2, "missing_high": 0.4, "total_missing_low": 0.2, "total_missing_high": 0.4}
    row = lean(0.3, 0.0, 0.05, **missing)  # D = S = 0.3
    few = judged(LIMIT, changes=[{**row, "coverage_first": 0.98, "coverage_second": 0.98}]).results[0]
    many = judged(LIMIT, changes=[{**row, "coverage_first": 0.95, "coverage_second": 0.95}]).results[0]
    assert (few.ci_low, few.ci_high) == pytest.approx((-0.35, -0.25))
    assert (many.ci_low, many.ci_high) == pytest.approx((-0.45, -0.15))
    assert ("missing" in few.method, "missing" in many.method) == (False, True)


def test_missing_items_of_which_nothing_is_known_decide_nothing() -> None:
    """Equal coverage of 0.70 on both sides, not at random, made a fall out of nothing."""
    found = judged(LIMIT, changes=[lean(0.3, 0.0, coverage_first=0.7, coverage_second=0.7)])
    assert (found.exit_code, found.results[0].value) == (3, None)
    assert "items are missing" in found.results[0].reason


@pytest.mark.parametrize("lacking", ["total", "total_ci_low", "total_ci_high"])
def test_without_the_sum_nothing_is_decided(lacking: str) -> None:
    assert judged(LIMIT, changes=[change(**{lacking: None})]).results[0].reason == "no usable interval"


def test_a_rise_over_a_baseline_is_of_the_size_of_the_lean_too() -> None:
    rules: list[Row] = [{"id": "r", "max_increase_over_baseline": 0.05}]
    appears = {"total": -0.62, "total_ci_low": -0.67, "total_ci_high": -0.57}
    found = judged(rules, levels=[level()], baseline=[baseline_row(0.57, 0.67, **appears)])
    assert found.exit_code == 1
    assert found.results[0].ci_low == pytest.approx(0.57)
