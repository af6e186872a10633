"""Many cells at once: intervals are widened, and passes are harder to come by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from biasaudit import gate
from biasaudit.gate import GateDecision, Outcome
from tests.gate.rows import LEVEL, Row, change, judged, level

RULES: list[Row] = [{"id": "r", "max_index": 0.3}]


def decided(levels: Sequence[Row], family: str, rules: Sequence[Row] = RULES) -> GateDecision:
    return judged(rules, levels=levels, policy={"family": family})


def cells(number: int, low: float = -0.1, high: float = 0.1, **changes: object) -> list[Row]:
    return [level(low, high, probe=f"p{one:02d}", **changes) for one in range(number)]


def test_bonferroni_widens_by_the_ratio_of_t_quantiles() -> None:
    """Of 10 clusters and 4 cells: t at 1 - 0.05/8 over t at 1 - 0.05/2, both with 9 degrees of freedom."""
    found = decided(cells(4), "bonferroni").results[0]
    half = 0.1 * stats.t.ppf(1 - 0.05 / 8, 9) / stats.t.ppf(1 - 0.05 / 2, 9)
    assert [found.ci_low, found.ci_high] == pytest.approx([-half, half])
    assert [found.value, found.level] == pytest.approx([0.0, 1 - 0.05 / 4])


def test_the_level_of_the_audit_is_the_one_that_is_widened() -> None:
    rows = cells(2)
    policy = gate.Policy.model_validate({"version": 1, "family": "bonferroni", "rules": RULES})
    found = gate.decide(policy, estimates=rows, comparisons=[], level=0.9).results[0]
    half = 0.1 * stats.t.ppf(1 - 0.1 / 4, 9) / stats.t.ppf(1 - 0.1 / 2, 9)
    assert [found.ci_high, found.level] == pytest.approx([half, 0.95])


def test_an_interval_with_every_item_at_one_end_is_widened_by_clopper_pearson() -> None:
    """Value 0, low 0, high 1 - (a/2)^(1/k), as the audit makes them."""
    high = 1 - 0.025 ** (1 / 10)
    rows = [{**level(0.0, high, probe=name), "value": 0.0} for name in ("a", "b")]
    found = decided(rows, "bonferroni").results[0]
    assert [found.ci_low, found.ci_high] == pytest.approx([0.0, 1 - 0.0125 ** (1 / 10)])


def test_one_cell_is_no_family() -> None:
    for family in ("holm", "bonferroni"):
        assert decided(cells(1), family).results[0].ci_high == pytest.approx(0.1)
    assert decided(cells(3), "none").results[0].ci_high == 0.1


def test_holm_is_holm() -> None:
    """Against p-values: each cell's distance from its limit in standard errors, stepped down by hand."""
    highs = [0.05, 0.15, 0.2, 0.22, 0.24, 0.27, 0.29, 0.31]
    rows = [level(high - 0.2, high, probe=f"p{number}") for number, high in enumerate(highs)]
    decision = decided(rows, "holm")
    error = 0.1 / stats.t.ppf(0.975, 9)
    p_values = sorted(2 * stats.t.sf((0.3 - (high - 0.1)) / error, 9) for high in highs)
    passed = 0
    while passed < 8 and p_values[passed] <= 0.05 / (8 - passed):
        passed += 1
    assert 0 < passed < 7  # of seven that pass alone
    assert sum(one.outcome is Outcome.PASSED for one in decision.results) == passed
    assert sum(one.outcome is Outcome.PASSED for one in decided(rows, "bonferroni").results) <= passed
    assert sum(one.outcome is Outcome.PASSED for one in decided(rows, "none").results) == 7


def test_missing_evidence_does_not_narrow_the_others() -> None:
    """Else leaving a cell out of the audit would be a way to pass."""
    whole = decided(cells(4), "bonferroni").results[0]
    rows = [*cells(3), level(None, None, probe="p99", status="not measured")]
    assert decided(rows, "bonferroni").results[0].ci_high == whole.ci_high


def test_coverage_is_counted_and_in_no_family() -> None:
    rules: list[Row] = [{"id": "c", "min_coverage": 0.9}, *RULES]
    coverage, index = decided(cells(1), "holm", rules).results
    assert (coverage.ci_low, coverage.ci_high, coverage.level) == (0.9, 0.9, None)
    assert index.ci_high == pytest.approx(0.1)
    assert decided(cells(2), "holm", rules[:1]).exit_code == 0


@pytest.mark.parametrize("changes", [{"n_clusters": 1}, {"level": 1.0}, {"level": None}])
def test_an_interval_that_cannot_be_widened_decides_nothing(changes: Row) -> None:
    rows = [{**row, **changes} for row in cells(2)]
    policy = gate.Policy.model_validate({"version": 1, "family": "holm", "rules": RULES})
    decision = gate.decide(policy, estimates=rows, comparisons=[], level=LEVEL)
    assert decision.exit_code == 3
    assert "cannot be widened" in decision.results[0].reason
    assert decision.results[0].value is None


def test_a_widened_interval_stays_within_what_is_possible() -> None:
    """A limit of 1 allows everything, in a family too."""
    rules: list[Row] = [{"id": "r", "max_index": 1.0}]
    assert decided(cells(50, 0.7, 0.99), "bonferroni", rules).exit_code == 0


BOUNDS = st.tuples(st.floats(-1, 1), st.floats(0, 1), st.integers(5, 60))


@pytest.mark.slow
@settings(deadline=None)  # a loaded machine is no failure
@given(st.lists(BOUNDS, min_size=1, max_size=6), st.sampled_from(["holm", "bonferroni"]), st.floats(-1, 1))
def test_a_family_only_takes_decisions_away(cells: list[tuple[float, float, int]], family: str, limit: float) -> None:
    levels = [
        level(middle - half, middle + half, probe=f"p{number}", n_clusters=n)
        for number, (middle, half, n) in enumerate(cells)
    ]
    changes = [
        change(middle - half, middle + half, probe=f"p{number}", n_clusters=n)
        for number, (middle, half, n) in enumerate(cells)
    ]
    rules: list[Row] = [{"id": "a", "max_index": limit}, {"id": "b", "max_increase": abs(limit)}]
    alone = judged(rules, levels=levels, changes=changes)
    together = judged(rules, levels=levels, changes=changes, policy={"family": family})
    for before, after in zip(alone.results, together.results, strict=True):
        assert after.outcome in {before.outcome, Outcome.INCONCLUSIVE}
        assert after.ci_low is not None
        assert before.ci_low is not None
        assert after.ci_low <= before.ci_low
