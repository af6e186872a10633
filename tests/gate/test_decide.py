from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import gate
from biasaudit.gate import GateDecision, Outcome, RuleResult
from tests.gate.rows import LEVEL, Row, change, judged, level

BOUND = st.floats(-1, 1)
INDEX: Row = {"id": "r", "max_index": 0.3}
INCREASE: Row = {"id": "r", "max_increase": 0.02}
COVERAGE: Row = {"id": "r", "min_coverage": 0.9}


def pair(index: float, increase: float) -> list[Row]:
    return [{"id": "index", "max_index": index}, {"id": "increase", "max_increase": increase}]


@pytest.mark.parametrize(
    ("low", "high", "limit", "outcome"),
    [
        (-1.0, -1.0, -1.0, Outcome.PASSED),
        (-1.0, 1.0, 1.0, Outcome.PASSED),
        (-1.0, 1.0, -1.0, Outcome.INCONCLUSIVE),
        (1.0, 1.0, 0.99, Outcome.VIOLATED),
        (0.3, 0.3, 0.3, Outcome.PASSED),
        (0.3, 0.30000000001, 0.3, Outcome.INCONCLUSIVE),
    ],
)
def test_an_index_is_judged_on_its_whole_interval(low: float, high: float, limit: float, outcome: Outcome) -> None:
    """A value below the limit is no evidence while the interval reaches above it."""
    assert judged([{"id": "r", "max_index": limit}], levels=[level(low, high)]).outcome is outcome


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-2.0, -1.9, Outcome.VIOLATED),  # increase 1.9 to 2
        (-0.02, 0.5, Outcome.PASSED),  # increase -0.5 to 0.02, at the limit
        (-0.03, 0.5, Outcome.INCONCLUSIVE),  # increase -0.5 to 0.03
        (-0.5, -0.02, Outcome.INCONCLUSIVE),  # increase 0.02 to 0.5: its lower end keeps the limit
        (1.9, 2.0, Outcome.PASSED),
    ],
)
def test_an_increase_is_a_reduction_turned_round(low: float, high: float, outcome: Outcome) -> None:
    """Forgetting to swap the bounds would pass what rose."""
    decision = judged([INCREASE], changes=[change(low, high)])
    assert decision.outcome is outcome
    result = decision.results[0]
    assert (result.ci_low, result.ci_high) == (-high, -low)
    assert result.framing_or_contrast == "as deployed"


def test_no_change_is_not_shown_as_negative() -> None:
    """The negative of 0.0 is -0.0, which reads as a small fall."""
    result = judged([INCREASE], changes=[change(0.0, 0.0)]).results[0]
    assert [math.copysign(1, number or 0.0) for number in (result.value, result.ci_low, result.ci_high)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("scored", "asked", "outcome"),
    [
        (100, 100, Outcome.PASSED),
        (90, 100, Outcome.PASSED),
        (89, 100, Outcome.VIOLATED),
        (0, 100, Outcome.VIOLATED),
        (0, 0, Outcome.INCONCLUSIVE),
        (101, 100, Outcome.INCONCLUSIVE),
    ],
)
def test_coverage_is_a_count_and_counts_that_contradict_decide_nothing(
    scored: int, asked: int, outcome: Outcome
) -> None:
    """Coverage has no interval: it is known exactly."""
    assert judged([COVERAGE], levels=[level(n_items=scored, n_asked=asked)]).outcome is outcome


@pytest.mark.parametrize("rule", [INDEX, INCREASE])
@pytest.mark.parametrize("status", ["not measured", "too few clusters", "not estimable"])
def test_a_row_that_is_not_ok_decides_nothing(rule: Row, status: str) -> None:
    """Its reason is passed on, so that the reader knows what is missing."""
    decision = judged(
        [rule],
        levels=[level(None, None, status=status, n_items=100)],
        changes=[change(None, None, status=status)],
    )
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert decision.results[0].reason == f"status: {status}"
    assert decision.results[0].value is None


def test_coverage_cannot_pass_where_there_is_no_index() -> None:
    """All items of three clusters were scored: no evidence, and yet a coverage of 1."""
    found = [
        judged([COVERAGE], levels=[level(None, None, status="too few clusters", n_items=scored)]).results[0]
        for scored in (100, 50)
    ]
    assert [one.outcome.value for one in found] == ["inconclusive", "violated"]
    assert found[0].reason == "status: too few clusters"


@pytest.mark.parametrize("bounds", [(math.nan, 0.1), (-0.1, math.nan), (-math.inf, 0.1), (0.9, 0.1), (None, None)])
def test_bounds_that_are_no_interval_decide_nothing(bounds: tuple[float | None, float | None]) -> None:
    """A high bound below the limit would pass an interval that is upside down."""
    low, high = bounds
    decision = judged(pair(0.3, 0.3), levels=[level(low, high)], changes=[change(low, high)])
    assert [result.outcome for result in decision.results] == [Outcome.INCONCLUSIVE] * 2
    assert {result.reason for result in decision.results} == {"no usable interval"}
    if low is not None and high is not None:
        assert gate.judge_upper(low, high, 0.3) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"probes": ["hiring"]}, "the audit has no probe 'hiring'; it has: occupations"),
        ({"features": ["race"]}, "probe 'occupations' has no feature 'race'; it has: gender"),
        ({"framing": "plain"}, "the audit has nothing for framing 'plain'; it has: chat"),
    ],
)
def test_a_rule_that_matches_nothing_says_what_there_is(rule: Row, reason: str) -> None:
    """A misspelled probe must not pass because nothing broke its limit."""
    decision = judged([{**INDEX, **rule}], levels=[level()])
    assert decision.exit_code == 3
    assert reason in decision.results[0].reason


def test_a_contrast_that_was_not_compared_decides_nothing() -> None:
    decision = judged([{**INCREASE, "contrast": "weights, plain"}], levels=[level()], changes=[change()])
    assert decision.exit_code == 3
    assert "it has: as deployed" in decision.results[0].reason
    assert "it has: nothing" in judged([INCREASE], levels=[level()]).results[0].reason


def test_an_empty_audit_and_one_of_the_base_alone_decide_nothing() -> None:
    """One result shows why; a decision without results would leave the reader guessing."""
    policy = gate.Policy.model_validate({"version": 1, "rules": [INDEX]})
    bare = gate.decide(policy, estimates=pd.DataFrame(), comparisons=pd.DataFrame(), level=LEVEL)
    assert (bare.exit_code, bare.results[0].reason) == (3, "the audit has no measured cell")
    alone = judged([INDEX], levels=[level(checkpoint="base")])
    assert (alone.exit_code, alone.results[0].reason) == (3, "the audit has no tuned checkpoint")


def test_every_tuned_checkpoint_is_judged_and_the_base_is_not() -> None:
    levels = [level(), level(0.8, 0.9, checkpoint="tuned-2"), level(0.8, 0.9, checkpoint="base")]
    decision = judged([INDEX], levels=levels)
    assert [(result.tuned, result.outcome) for result in decision.results] == [
        ("tuned", Outcome.PASSED),
        ("tuned-2", Outcome.VIOLATED),
    ]


def test_a_cell_that_one_checkpoint_lacks_is_inconclusive() -> None:
    """The other checkpoint's cell says nothing about this one."""
    levels = [level(), level(probe="names"), level(checkpoint="tuned-2")]
    decision = judged([INDEX], levels=levels)
    open_cells = [(one.tuned, one.probe) for one in decision.results if one.outcome is Outcome.INCONCLUSIVE]
    assert (decision.exit_code, open_cells) == (3, [("tuned-2", "names")])


def test_a_checkpoint_that_only_the_comparisons_name_is_judged() -> None:
    decision = judged([INDEX], levels=[level()], changes=[change(tuned="tuned-2")])
    assert [(one.tuned, one.outcome.value) for one in decision.results] == [
        ("tuned", "passed"),
        ("tuned-2", "inconclusive"),
    ]


def test_a_probe_without_the_framing_is_inconclusive() -> None:
    """By default every probe of the audit is judged, not only those that happen to have the framing."""
    decision = judged([INDEX], levels=[level(), level(0.8, 0.9, probe="names", framing="plain")])
    assert decision.exit_code == 3


def test_other_metrics_are_not_judged() -> None:
    levels = [level(), level(0.9, 1.0, metric="sign"), level(0.9, 1.0, metric="competence", feature="all")]
    changes = [change(), change(-0.9, -0.8, metric="sign")]
    decision = judged(pair(0.3, 0.2), levels=levels, changes=changes)
    assert [one.outcome for one in decision.results] == [Outcome.PASSED, Outcome.PASSED]


def test_pooled_rows_count_where_named_or_where_there_is_no_other() -> None:
    """A pool hides a feature in the mean of the others, and would count it twice."""
    pool = level(0.8, 0.9, feature="all")
    assert judged([INDEX], levels=[level(), pool]).exit_code == 0
    assert judged([{**INDEX, "features": ["all"]}], levels=[level(), pool]).exit_code == 1
    assert judged([INDEX], levels=[pool]).exit_code == 1


def test_a_name_written_twice_is_one_name() -> None:
    rule: Row = {**INDEX, "probes": ["occupations", "occupations"], "features": ["gender", "gender"]}
    assert len(judged([rule], levels=[level()]).results) == 1


def _result(outcome: Outcome) -> RuleResult:
    measured = None if outcome is Outcome.INCONCLUSIVE else 0.1
    return RuleResult(
        rule_id="r",
        criterion="max_index",
        tuned="tuned",
        probe="p",
        feature="f",
        framing_or_contrast="chat",
        limit=0.3,
        value=measured,
        ci_low=measured,
        ci_high=measured,
        outcome=outcome,
        reason="because",
    )


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.VIOLATED])
@pytest.mark.parametrize("number", [None, math.nan, math.inf])
def test_a_result_without_numbers_cannot_decide(outcome: Outcome, number: float | None) -> None:
    """A state that is wrong cannot be built."""
    with pytest.raises(ValueError, match="needs a value and both bounds"):
        RuleResult(
            rule_id="r",
            criterion="max_index",
            tuned="tuned",
            probe="p",
            feature="f",
            framing_or_contrast="chat",
            limit=0.3,
            value=0.1,
            ci_low=0.0,
            ci_high=number,
            outcome=outcome,
            reason="because",
        )


@settings(deadline=None)  # a loaded machine is no failure
@given(st.lists(st.sampled_from(Outcome)), st.sampled_from(Outcome))
def test_the_outcome_follows_from_the_results(outcomes: list[Outcome], claimed: Outcome) -> None:
    """Violated beats inconclusive beats passed, nothing is inconclusive, and no other claim can be built."""
    results = tuple(_result(outcome) for outcome in outcomes)
    if Outcome.VIOLATED in outcomes:
        expected, code = Outcome.VIOLATED, 1
    elif Outcome.INCONCLUSIVE in outcomes or not outcomes:
        expected, code = Outcome.INCONCLUSIVE, 3
    else:
        expected, code = Outcome.PASSED, 0
    assert GateDecision(outcome=expected, results=results).exit_code == code
    if claimed is not expected:
        with pytest.raises(ValueError, match="but the results say"):
            GateDecision(outcome=claimed, results=results)


@settings(deadline=None)  # a loaded machine is no failure
@given(BOUND, BOUND, st.floats(0, 1), st.floats(0, 1), BOUND, st.floats(0, 2))
def test_widening_an_interval_turns_nothing_into_a_pass(  # noqa: PLR0917  # one argument per strategy
    one: float, other: float, left: float, right: float, limit: float, rise: float
) -> None:
    """Less evidence must not earn a better grade; nor may it turn a pass into a violation."""
    low, high = min(one, other), max(one, other)
    rules = pair(limit, rise)
    narrow = judged(rules, levels=[level(low, high)], changes=[change(low, high)])
    wide = judged(rules, levels=[level(low - left, high + right)], changes=[change(low - left, high + right)])
    for before, after in zip(narrow.results, wide.results, strict=True):
        assert after.outcome in {before.outcome, Outcome.INCONCLUSIVE}


@settings(deadline=None)  # a loaded machine is no failure
@given(st.permutations(["a", "b", "c", "d"]), st.permutations([0, 1, 2]), st.lists(BOUND, min_size=4, max_size=4))
def test_the_order_of_rules_and_rows_does_not_matter(names: list[str], order: list[int], limits: list[float]) -> None:
    of_rule = dict(zip("abcd", limits, strict=True))
    levels = [level(), level(0.2, 0.4, probe="names"), level(0.6, 0.8, checkpoint="tuned-2")]
    expected = judged([{"id": name, "max_index": of_rule[name]} for name in "abcd"], levels=levels)
    found = judged(
        [{"id": name, "max_index": of_rule[name]} for name in names], levels=[levels[number] for number in order]
    )
    assert found == expected


@pytest.mark.parametrize(
    ("rule", "n_lines"),
    [
        ({"id": "r", "max_abs_index": 0.3, "framing": "chat"}, 1),
        ({"id": "r", "max_increase": 0.3}, 1),
        ({"id": "r", "max_abs_index": 0.3, "framing": "plain"}, 53),
    ],
)
def test_an_audit_of_one_framing_gets_one_line_and_not_one_a_cell(rule: Row, n_lines: int) -> None:
    """53 cells in two rules were 106 lines that say the same."""
    levels = [level(framing="plain", probe=f"p{number:02d}") for number in range(53)]
    changes = [change(contrast="weights, plain", probe=f"p{number:02d}") for number in range(53)]
    decision = judged([rule], levels=levels, changes=changes)
    assert len(decision.results) == n_lines
    assert decision.exit_code == (3 if n_lines == 1 else 0)
    if n_lines == 1:
        assert "Run it in both framings" in decision.results[0].reason


def test_the_form_says_which_index_is_judged() -> None:
    """The two differ for pairs and choices; the report shows the graded one."""
    levels = [level(0.4, 0.5), level(0.1, 0.2, metric="graded")]
    assert judged([INDEX], levels=levels).exit_code == 1
    assert judged([{**INDEX, "form": "published"}], levels=levels).exit_code == 1
    assert judged([{**INDEX, "form": "graded"}], levels=levels).exit_code == 0
