"""A model that is not shown to read passes nothing, and is excused from nothing."""

from __future__ import annotations

import pytest

from biasaudit import gate
from tests.gate.rows import Row, baseline_row, change, competence, impact_ratio, judged, level, ratio

CRITERIA: dict[str, tuple[float, dict[str, list[Row]]]] = {
    "max_index": (0.3, {"levels": [level()]}),
    "max_abs_index": (0.3, {"levels": [level()]}),
    "min_ratio": (0.5, {"levels": [level(0.9, 1.0, metric="sign")], "ratios": [ratio()]}),
    "min_impact_ratio": (0.5, {"levels": [level(0.9, 1.0, metric="sign")], "ratios": [impact_ratio()]}),
    "max_increase_over_baseline": (0.3, {"levels": [level()], "baseline": [baseline_row()]}),
}
AT_CHANCE = {"low": 0.45, "high": 0.6}


def places(rows: dict[str, list[Row]]) -> list[Row]:
    return [one for found in rows.values() for one in found]


def arms_of(rows: dict[str, list[Row]], **keys: object) -> list[Row]:
    """Competence for every arm in `rows`."""
    arms = {(row.get("checkpoint", row.get("tuned")), row["framing"], row["probe"]) for row in places(rows)}
    return [
        competence(**{"checkpoint": checkpoint, "framing": framing, "probe": probe, **keys})  # type: ignore[arg-type]  # bounds and texts
        for checkpoint, framing, probe in arms
    ]


def with_competence(rows: dict[str, list[Row]], found: list[Row]) -> dict[str, list[Row]]:
    return {**rows, "levels": [*rows["levels"], *found]}


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_pass_needs_competence_above_chance(criterion: str) -> None:
    """Its lower bound: 0.45 holds chance, 0.51 does not."""
    limit, rows = CRITERIA[criterion]
    rule: list[Row] = [{"id": "r", criterion: limit}]
    reads = judged(rule, competent=False, **with_competence(rows, arms_of(rows, low=0.51)))  # type: ignore[arg-type]  # rows by keyword
    guesses = judged(rule, competent=False, **with_competence(rows, arms_of(rows, **AT_CHANCE)))  # type: ignore[arg-type]  # as above
    assert (reads.exit_code, guesses.exit_code) == (0, 3)
    assert "competence is not shown above chance" in guesses.results[0].reason
    assert guesses.results[0].value is not None


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("found", ["absent", "not measured"])
def test_competence_that_was_not_measured_holds_back_a_pass(criterion: str, found: str) -> None:
    limit, rows = CRITERIA[criterion]
    unmeasured = [] if found == "absent" else arms_of(rows, low=None, high=None, status=found)
    decision = judged([{"id": "r", criterion: limit}], competent=False, **with_competence(rows, unmeasured))  # type: ignore[arg-type]  # rows by keyword
    assert (decision.exit_code, "competence was not measured" in decision.results[0].reason) == (3, True)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (change(verdict="not interpretable", verdict_reason="at chance"), "not interpretable: at chance"),
        (change(verdict="not interpretable", verdict_reason=None), "not interpretable: the model is not shown"),
        (change(competence_first=None), "competence was not measured in both arms"),
        (change(competence_second=float("nan")), "competence was not measured in both arms"),
    ],
)
def test_a_change_passes_only_where_both_arms_read(row: Row, says: str) -> None:
    """Random weights lean less than the base that they replace."""
    decision = judged([{"id": "r", "max_increase": 0.3}], changes=[row])
    assert (decision.exit_code, says in decision.results[0].reason) == (3, True)


def test_it_is_no_way_out_of_a_violation() -> None:
    """A model that reads nothing and leans is no better than one that reads."""
    worse = change(-0.5, -0.4, verdict="not interpretable")
    assert judged([{"id": "r", "max_increase": 0.3}], changes=[worse]).exit_code == 1
    rows = [level(0.4, 0.5), *arms_of({"levels": [level()]}, **AT_CHANCE)]
    assert judged([{"id": "r", "max_index": 0.3}], levels=rows, competent=False).exit_code == 1


def test_an_undecided_cell_is_let_through_only_where_the_model_reads() -> None:
    """`inconclusive: pass` is about too little evidence on a model, not about none."""
    rule: list[Row] = [{"id": "r", "max_increase": 0.3, "inconclusive": "pass"}]
    reads, guesses = (
        judged(rule, changes=[change(-0.4, 0.4, verdict=verdict)]) for verdict in ("inconclusive", "not interpretable")
    )
    assert ([one.effect.value for one in reads.results], reads.exit_code) == (["accepted"], 0)
    assert ([one.effect.value for one in guesses.results], guesses.exit_code) == (["inconclusive"], 3)


def test_coverage_and_a_loss_of_competence_are_judged_whatever_competence_is() -> None:
    rules: list[Row] = [{"id": "c", "min_coverage": 0.9}, {"id": "l", "max_competence_loss": 0.1}]
    decision = judged(rules, levels=[level()], changes=[change(verdict="not interpretable")], competent=False)
    assert [one.outcome.value for one in decision.results] == ["passed", "passed"]
    assert "form" not in gate.CRITERIA["max_competence_loss"].keys
