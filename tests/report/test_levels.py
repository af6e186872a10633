"""The sections that set the index of all cells side by side: four arms, stages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.charts.pictures import drawing, svg
from biasaudit.report.sections.four_arms import arms_chart, arms_finding, four_arms
from biasaudit.report.sections.stages import stages, stages_chart, stages_finding
from tests.report.by_group import QUIET
from tests.report.factory import CELLS, JOBS, PAIRS, audit, comparison, estimate_columns, frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from biasaudit.facade import Audit

Arm = tuple[str, str]
FOUR: dict[Arm, float | None] = {
    ("base", "plain"): 0.4,
    ("base", "chat"): 0.3,
    ("tuned", "plain"): 0.2,
    ("tuned", "chat"): 0.1,
}
JOB, RACE, AGE = (JOBS, "gender"), (PAIRS, "race-color"), (PAIRS, "age")
HOSTILE = "</text><script>alert(1)</script>\u202e\x00"


def estimates(values: Mapping[Arm, float | None], cells: Sequence[tuple[str, str]], metric: str = "graded") -> Any:
    return [
        {
            "checkpoint": checkpoint,
            "framing": framing,
            "probe": probe,
            "feature": feature,
            "metric": metric,
            **estimate_columns(value, 0.05, unit="index"),
            "n_asked": 40,
            "saturated": False,
        }
        for (checkpoint, framing), value in values.items()
        for probe, feature in cells
    ]


TWO, ONE = ("tuned", "tuned-2"), ("tuned",)


def comparisons(checkpoints: Sequence[str] = TWO, **changes: Any) -> pd.DataFrame:
    rows = [
        {**comparison(contrast, "graded", cell, tuned=tuned), **changes}
        for tuned in checkpoints
        for contrast in ("weights, plain", "template, tuned", "interaction", "as deployed")
        for cell in CELLS
    ]
    return frame(rows, tables.COMPARISONS)


def made(*parts: Any, checkpoints: Sequence[str] = TWO, **changes: Any) -> Audit:
    table = frame([row for part in parts for row in part], tables.ESTIMATES)
    return replace(audit(**QUIET), estimates=table, comparisons=comparisons(checkpoints, **changes))


def points(spec: dict[str, Any]) -> list[dict[str, Any]]:  # Any: Vega-Lite is JSON
    return [row for values in spec["datasets"].values() for row in values]


def marks(spec: dict[str, Any]) -> list[tuple[str, str, float]]:  # Any: Vega-Lite is JSON
    return [(row["row"][3:], row["arm"], row["value"]) for row in points(spec) if "low" in row]


def section(html: str, name: str) -> str:
    found = re.search(rf'<(?:section|div) id="{name}".*?</section>', html, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_four_arms_draw_every_cell_four_times() -> None:
    """The row that pools a probe's features repeats their evidence and is left out."""
    made_audit = made(estimates(FOUR, [JOB, RACE, AGE, (PAIRS, "all")]))
    drawn = marks(arms_chart(made_audit.estimates, made_audit.comparisons, tuned="tuned").to_dict())
    assert sorted(drawn) == sorted(
        (feature, f"{checkpoint}, {framing}", value)
        for feature in ("gender", "race-color", "age")
        for (checkpoint, framing), value in FOUR.items()
    )


def test_the_finding_of_four_arms_counts_effects_whose_interval_lies_above_zero() -> None:
    """Reductions of the five declared cells, half-width 0.03: 0.181 lies above; -0.049 below; 0.029, 0.005 neither."""
    finding = arms_finding(comparisons(), tuned="tuned")
    assert finding.title == "Away from the stereotype: by weights in 1 of 5, by template in 1"
    assert finding.said == (
        "Of 5 comparisons, the changed weights move the model clearly away from the stereotype in 1, the chat template "
        "in 1; in 2, what one does clearly depends on the other"
    )


@pytest.mark.slow
def test_several_tuned_checkpoints_are_told_apart_in_the_line_of_their_arms() -> None:
    """One alone needs no name."""
    values = {**FOUR, ("tuned-2", "plain"): 0.2, ("tuned-2", "chat"): 0.1}
    fold = render_html(made(estimates(values, [JOB]))).partition('id="arms-title"')[2].partition("</summary>")[0]
    assert fold.index("tuned: Of 5 comparisons") < fold.index("tuned-2: Of 5 comparisons")
    one = render_html(made(estimates(FOUR, [JOB]), checkpoints=ONE)).partition('id="arms-title"')[2]
    assert "tuned: Of 5" not in one.partition("</summary>")[0]


@pytest.mark.slow
def test_of_arms_and_stages_the_picture_is_printed_and_the_table_is_not() -> None:
    """Which file has the numbers is printed, too."""
    html = render_html(made(estimates({**FOUR, **THREE}, [JOB])))
    for name, file in (("arms", "comparisons.csv"), ("stages", "estimates.csv")):
        own = html.partition(f'<div id="{name}"')[2].partition("</section>")[0]
        printed = re.sub(r'<details class="screen-only">.*?</details>', "", own, flags=re.DOTALL)
        assert "screen-only" not in printed
        assert "<figure>" in printed
        assert "<table" in own
        assert "<table" not in printed
        assert f"<code>{file}</code>" in printed


def test_four_arms_stand_with_the_effects_as_text() -> None:
    text = section(render_html(made(estimates(FOUR, [JOB]), checkpoints=ONE)), "arms")
    levels = "0.40 (0.35 to 0.45) 0.30 (0.25 to 0.35) 0.20 (0.15 to 0.25) 0.10 (0.05 to 0.15)"
    assert levels in text
    assert text.count("0.18 (0.15 to 0.21)") == 3


def test_four_arms_need_all_four() -> None:
    """Without chat of the base nothing can be put down to the template alone."""
    three = {arm: value for arm, value in FOUR.items() if arm != ("base", "chat")}
    assert four_arms(made(estimates(three, [JOB])), {}) == ()
    assert 'id="arms"' not in render_html(made(estimates(three, [JOB]), checkpoints=ONE))


def test_a_cell_that_was_not_measured_says_so() -> None:
    none = dict.fromkeys(FOUR)
    made_audit = made(estimates(FOUR, [JOB]), estimates(none, [(PAIRS, "disability")]))
    spec = arms_chart(made_audit.estimates, made_audit.comparisons, tuned="tuned").to_dict()
    assert {feature for feature, *_ in marks(spec)} == {"gender"}
    assert "too few clusters" in {row.get("text") for row in points(spec)}
    [view] = four_arms(made_audit, {})
    row = next(row for part in view.probes for row in part.rows if row.feature == "disability")
    assert (row.levels, row.effects) == (("too few clusters",) * 4, ("too few clusters",) * 3)


THREE: dict[Arm, float | None] = {("base", "plain"): 0.4, ("tuned", "plain"): 0.3, ("tuned-2", "plain"): 0.15}


def test_stages_follow_one_another_in_order() -> None:
    """Tuned-10 comes after tuned-2, whatever the alphabet says."""
    order = ["base", "tuned", "tuned-2", "tuned-10"]
    values: dict[Arm, float | None] = {(name, "plain"): 0.1 * number for number, name in enumerate(order)}
    shown = stages(made(estimates(dict(reversed(values.items())), [JOB])), {})
    assert shown is not None
    assert shown.stages == tuple(order)


def test_stages_join_the_marks_of_a_cell() -> None:
    made_audit = made(estimates(THREE, [JOB, AGE]))
    spec = stages_chart(made_audit.estimates, made_audit.comparisons).to_dict()
    steps = [(row["row"][3:], row["step"], row["value"]) for row in points(spec) if "step" in row]
    assert [step for step in steps if step[0] == "gender"] == [
        ("gender", 0, 0.4),
        ("gender", 1, 0.3),
        ("gender", 2, 0.15),
    ]
    finding = stages_finding(made_audit.estimates, made_audit.comparisons)
    assert finding.title == "Changed from the base to tuned-2: 2 of 5"
    said = (
        "From the base to tuned-2, of 5 comparisons: 1 reduced, 1 unchanged, 1 increased, 1 inconclusive, 1 not "
        "measured"
    )
    assert said in finding.description
    shown = stages(made_audit, {})
    assert shown is not None
    assert (shown.finding, shown.framing) == (said, "in plain text")


def test_siblings_are_not_joined_and_each_is_said() -> None:
    """A line from one to the next would tell of a step that nobody took."""
    made_audit = made(estimates(THREE, [JOB, AGE]))
    spec = stages_chart(made_audit.estimates, made_audit.comparisons, siblings=True).to_dict()
    assert not [row for row in points(spec) if "step" in row]
    assert {row["arm"] for row in points(spec) if "low" in row} == {"base", "tuned", "tuned-2"}
    finding = stages_finding(made_audit.estimates, made_audit.comparisons, siblings=True)
    assert finding.title == "Changed from the base to tuned: 2 of 5; tuned-2: 2 of 5"
    assert "joined" not in finding.description
    counts = "of 5 comparisons: 1 reduced, 1 unchanged, 1 increased, 1 inconclusive, 1 not measured"
    assert f"From the base to tuned, {counts}; to tuned-2, {counts}." in finding.description
    plan = {**made_audit.manifest.plan, "siblings": True}
    shown = stages(replace(made_audit, manifest=replace(made_audit.manifest, plan=plan)), {})
    assert shown is not None
    assert shown.title == "Each tuned model beside the base"
    assert shown.finding == f"From the base to tuned, {counts}; to tuned-2, {counts}"


@pytest.mark.slow
def test_stages_stand_with_their_numbers_and_only_from_three_checkpoints_up() -> None:
    text = section(render_html(made(estimates(THREE, [JOB]))), "stages")
    assert "gender 0.40 (0.35 to 0.45) 0.30 (0.25 to 0.35) 0.15 (0.10 to 0.20)" in text
    two = {arm: value for arm, value in THREE.items() if arm[0] != "tuned-2"}
    assert stages(made(estimates(two, [JOB])), {}) is None
    assert 'id="stages"' not in render_html(made(estimates(two, [JOB]), checkpoints=ONE))


@pytest.mark.parametrize("chart", [arms_chart, stages_chart])
def test_hostile_names_are_text_and_drawings_are_the_same_twice(chart: Any) -> None:
    made_audit = made(estimates({**FOUR, **THREE}, [(HOSTILE, HOSTILE)]))
    settings = {"tuned": "tuned"} if chart is arms_chart else {}
    drawn = chart(made_audit.estimates, made_audit.comparisons, names={HOSTILE: HOSTILE}, **settings)
    again = chart(made_audit.estimates, made_audit.comparisons, names={HOSTILE: HOSTILE}, **settings)
    assert svg(drawn) == svg(again)
    assert drawing(drawn) == drawing(again)
    assert "<script" not in svg(drawn)


def test_forty_five_cells_make_a_drawing_of_less_than_thirty_kilobytes() -> None:
    """A page holds two of each."""
    cells = [(f"probe-{number // 5}", f"feature-{number % 5}") for number in range(45)]
    html = render_html(made(estimates(FOUR, cells), checkpoints=ONE))
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert drawn
    assert max(len(picture.encode()) for picture in drawn) < 30_000
