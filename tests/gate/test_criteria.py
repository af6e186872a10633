"""Each criterion, its limit on either side, its margin, and the least evidence that lets it pass."""

from __future__ import annotations

import math

import pytest

from biasaudit import gate
from tests.gate.rows import LEVEL, Row, able, baseline_row, change, impact_ratio, judged, level, ratio


def rule(criterion: str, limit: float, **keys: object) -> list[Row]:
    return [{"id": "r", criterion: limit, **keys}]


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.3, 0.3, "passed"),
        (-0.31, 0.3, "inconclusive"),
        (-0.3, 0.31, "inconclusive"),
        (0.31, 0.5, "violated"),
        (-0.5, -0.31, "violated"),
        (-0.5, -0.3, "inconclusive"),
        (-0.9, 0.9, "inconclusive"),
    ],
)
def test_an_index_without_its_sign_is_limited_either_way(low: float, high: float, outcome: str) -> None:
    """A lean against the stereotype is a lean."""
    decision = judged(rule("max_abs_index", 0.3), levels=[level(low, high)])
    assert decision.outcome.value == outcome


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.8, 1.2, "passed"), (0.79, 1.2, "inconclusive"), (0.5, 0.79, "violated"), (0.5, 0.8, "inconclusive")],
)
def test_a_ratio_is_held_against_a_lower_limit(low: float, high: float, outcome: str) -> None:
    """The four-fifths rule: 0.8 itself keeps it."""
    decision = judged(rule("min_ratio", 0.8), levels=[level()], ratios=[ratio(low, high)])
    assert (decision.outcome.value, decision.results[0].group) == (outcome, "woman")


def test_an_impact_ratio_is_judged_for_every_group_the_most_selected_one_too() -> None:
    ratios = [
        impact_ratio(),
        impact_ratio(0.9, 1.0, group="man"),
        impact_ratio(0.5, 0.7, group="nonbinary"),
        ratio(0.1, 0.2),
    ]
    found = judged(rule("min_impact_ratio", 0.8), levels=[level()], ratios=ratios).results
    assert [(one.group, one.outcome.value) for one in found] == [
        ("man", "passed"),
        ("nonbinary", "violated"),
        ("woman", "passed"),
    ]
    few = judged(rule("min_impact_ratio", 0.8), levels=[level()], ratios=[impact_ratio(n_items=29)])
    assert few.exit_code == 3


def test_every_group_is_judged_unless_some_are_named() -> None:
    ratios = [ratio(), ratio(0.5, 0.6, group="nonbinary / man"), ratio(0.1, 0.2, statistic="by_group")]
    every = judged(rule("min_ratio", 0.8), levels=[level()], ratios=ratios)
    assert [(one.group, one.outcome.value) for one in every.results] == [("nonbinary", "violated"), ("woman", "passed")]
    assert judged(rule("min_ratio", 0.8, groups=["woman"]), levels=[level()], ratios=ratios).exit_code == 0
    unknown = judged(rule("min_ratio", 0.8, groups=["wmoan"]), levels=[level()], ratios=ratios)
    assert unknown.exit_code == 3
    assert "has no group 'wmoan' beside the reference; it has: nonbinary, woman" in unknown.results[0].reason


def test_without_selection_rates_a_ratio_is_not_measured() -> None:
    absent = judged(rule("min_ratio", 0.8), levels=[level()])
    named = judged(rule("min_ratio", 0.8, probes=["occupations"]), levels=[level()], ratios=[ratio()])
    assert [one.exit_code for one in (absent, named)] == [3, 3]
    assert absent.results[0].reason == "not measured: the audit has no selection rates by group"
    assert named.results[0].reason == "not measured: probe 'occupations' has no selection rates by group"
    lacking = judged(rule("min_ratio", 0.8, features=["age"]), levels=[level()], ratios=[ratio()])
    assert "no feature 'age'; it has: gender" in lacking.results[0].reason
    framing = judged(rule("min_ratio", 0.8, framing="plain"), ratios=[ratio()])
    assert "the audit has nothing for framing 'plain'; it has: chat" in framing.results[0].reason
    nothing = judged(rule("min_ratio", 0.8, features=["age"]))
    assert nothing.results[0].reason == "the audit has no measured cell"


def lost(low: float | None, high: float | None, **changes: object) -> Row:
    """Competence that falls by the middle of `low` and `high`, paired by item."""
    value = None if low is None or high is None else (low + high) / 2
    found = {"competence_loss": value, "competence_loss_ci_low": low, "competence_loss_ci_high": high}
    return {**change(), **found, **changes}


@pytest.mark.parametrize(
    ("low", "high", "outcome"), [(0.0, 0.1, "passed"), (0.0, 0.11, "inconclusive"), (0.11, 0.2, "violated")]
)
def test_a_loss_of_competence_is_judged_on_its_paired_interval(low: float, high: float, outcome: str) -> None:
    """Two intervals set against each other would be wider, and a model that is the same would not pass."""
    found = judged(rule("max_competence_loss", 0.1), changes=[lost(low, high)]).results[0]
    assert (found.outcome.value, found.feature, found.framing_or_contrast) == (outcome, "all", "as deployed")
    assert (found.n_items, found.n_clusters) == (40, 10)
    assert "paired by item" in found.method


def test_a_loss_of_competence_is_judged_once_for_a_probe() -> None:
    """Its features share it."""
    rows = [lost(0.2, 0.3, feature="gender"), lost(0.2, 0.3, feature="race"), lost(0.2, 0.3, probe="q")]
    found = judged(rule("max_competence_loss", 0.1), changes=rows).results
    assert [(one.probe, one.outcome.value) for one in found] == [("occupations", "violated"), ("q", "violated")]


def test_a_loss_of_competence_that_was_not_measured_decides_nothing() -> None:
    unmeasured = judged(
        rule("max_competence_loss", 0.5), changes=[lost(None, None, competence_loss_status="too few clusters")]
    )
    assert (unmeasured.exit_code, unmeasured.results[0].reason) == (3, "status: too few clusters")
    damaged = judged(rule("max_competence_loss", 0.5), changes=[lost(0.1, math.nan)])
    assert damaged.results[0].reason == "no usable interval"
    absent = judged(rule("max_competence_loss", 0.5), changes=[change(competence_loss_status=None)])
    assert absent.results[0].reason == "not measured: the audit has no competence beside the base's"


def test_a_loss_of_competence_is_judged_on_the_contrast() -> None:
    changes = [lost(0.0, 0.05), lost(0.3, 0.5, contrast="weights, plain")]
    outcomes = {
        contrast: judged(rule("max_competence_loss", 0.1, contrast=contrast), changes=changes).outcome.value
        for contrast in ("as deployed", "weights, plain")
    }
    assert outcomes == {"as deployed": "passed", "weights, plain": "violated"}


def test_a_rise_over_a_baseline_needs_one() -> None:
    absent = judged(rule("max_increase_over_baseline", 0.05), levels=[level()])
    assert (absent.exit_code, "--baseline" in absent.results[0].reason) == (3, True)
    rows = [baseline_row(-0.2, -0.1), baseline_row(-0.9, -0.8, framing="plain")]
    worse = judged(rule("max_increase_over_baseline", 0.05), levels=[level()], baseline=rows)
    assert (worse.results[0].ci_low, worse.results[0].ci_high) == (0.1, 0.2)
    assert (worse.exit_code, len(worse.results)) == (1, 1)
    other = judged(rule("max_increase_over_baseline", 0.05), levels=[level()], baseline=[])
    assert (other.exit_code, "no such cell" in other.results[0].reason) == (3, True)


@pytest.mark.parametrize(
    ("criterion", "limit", "rows"),
    [
        ("max_index", 0.3, {"levels": [level(0.0, 0.32)]}),
        ("max_abs_index", 0.3, {"levels": [level(-0.32, 0.32)]}),
        ("max_increase", 0.3, {"changes": [change(-0.32, 0.0)]}),
        ("min_ratio", 0.8, {"levels": [level()], "ratios": [ratio(0.78, 1.0)]}),
        ("min_coverage", 0.92, {"levels": [level()]}),
    ],
)
def test_a_margin_is_added_on_the_lenient_side(criterion: str, limit: float, rows: dict[str, list[Row]]) -> None:
    """And stated: the limit that is shown is the policy's own."""
    strict = judged(rule(criterion, limit, margin=0.01), **rows)  # type: ignore[arg-type]  # rows by keyword
    lenient = judged(rule(criterion, limit, margin=0.03), **rows)  # type: ignore[arg-type]  # as above
    assert strict.exit_code in {1, 3}
    assert lenient.exit_code == 0
    assert (lenient.results[0].limit, lenient.results[0].margin) == (limit, 0.03)
    assert "0.03 margin" in gate.to_text(lenient)


@pytest.mark.parametrize(("keys", "says"), [({"min_items": 91}, "90 items"), ({"min_clusters": 11}, "10 clusters")])
def test_few_items_or_clusters_take_a_pass_away_and_excuse_nothing(keys: dict[str, int], says: str) -> None:
    """A smaller audit must not be a way out of a violation."""
    passing = judged(rule("max_index", 0.3, **keys), levels=[level()])
    assert (passing.outcome.value, says in passing.results[0].reason) == ("inconclusive", True)
    assert passing.results[0].value == 0.0
    assert judged(rule("max_index", 0.3, **keys), levels=[level(0.4, 0.5)]).outcome.value == "violated"
    enough = {name: number - 1 for name, number in keys.items()}
    assert judged(rule("max_index", 0.3, **enough), levels=[level()]).outcome.value == "passed"


def test_a_ratio_of_few_decides_nothing_unless_the_policy_says_so() -> None:
    few = [ratio(n_items=29)]
    assert judged(rule("min_ratio", 0.8), levels=[level()], ratios=few).exit_code == 3
    assert judged(rule("min_ratio", 0.8, min_items=20), levels=[level()], ratios=few).exit_code == 0


@pytest.mark.parametrize("count", [math.nan, None, -3, "many"])
def test_counts_that_are_none_are_no_evidence(count: object) -> None:
    rows = [{**level(), "n_items": count}]
    policy = gate.Policy.model_validate({"version": 1, "rules": rule("max_index", 0.3)})
    decision = gate.decide(policy, estimates=[*rows, *able(rows)], comparisons=[], level=LEVEL)
    assert (decision.exit_code, decision.results[0].n_items) == (3, 0)
    assert "0 items" in decision.results[0].reason
