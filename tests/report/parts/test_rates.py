from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.charts.chart_parts import NARROW, WIDE
from biasaudit.report.charts.group_rates import group_rates
from biasaudit.report.charts.pictures import svg
from biasaudit.report.charts.rates_chart import decisions_chart, decisions_finding, errors_chart, errors_finding
from biasaudit.report.parts.rates import ProbeRates, rates
from biasaudit.stats import FourFifths
from tests.report.by_group import DECISIONS, ERRORS, HIRING, QUIET, disparities, rows
from tests.report.factory import JOBS, audit, estimate_columns, frame

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.facade import Audit

HOSTILE = "</bdi><script>alert(1)</script>\u202e\x00"


def both() -> pd.DataFrame:
    return disparities(rows(DECISIONS), rows(ERRORS))


def made(*given: pd.DataFrame, **card: Any) -> Audit:
    """Return an audit of the hiring probe alone, with both tables by group or with those given."""
    table = given[0] if given else both()
    quiet = audit(**QUIET, manifest_changes={"probes": {HIRING: {"name": "Hiring", **card}}})
    return replace(quiet, disparities=table)


def only(audited: Audit) -> ProbeRates:
    [(probe, part)] = rates(audited).items()
    assert probe == HIRING
    return part


def section_html(html: str) -> str:
    found = re.search(r'<section class="part rates".*?</section>', html, re.DOTALL)
    assert found
    return found[0]


def section(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section_html(html)))


def points(spec: dict[str, Any]) -> list[dict[str, Any]]:  # Any: Vega-Lite is JSON
    return [row for values in spec["datasets"].values() for row in values]


def test_the_finding_counts_intervals_and_never_values() -> None:
    """Of two groups, woman differs by -0.2 in the base (half-width 0.05); the impact ratio 0.5 lies below 0.8."""
    finding = decisions_finding(both(), probe=HIRING, tuned="tuned")
    assert finding.title == "Clearly apart from the reference: 1 of 2 groups in the base, 0 after tuning"
    assert finding.counted == (
        "The mean probability of granting is clearly apart from the reference's in 1 of 2 groups in the base and 0 "
        "after tuning. Four-fifths rule, base: 1 of 2 groups clearly below, 0 inconclusive; "
        "tuned: 0 of 2 groups clearly below, 0 inconclusive"
    )
    finding = errors_finding(both(), probe=HIRING, tuned="tuned")
    assert finding.title == "Wrongly denied more or less often: 1 of 2 groups in the base, 0 after tuning"
    assert finding.counted == (
        "Wrongly denied clearly more or less often than the reference: 1 of 2 groups in the base, 0 after tuning; "
        "rightly denied: 0 and 0"
    )


def with_rates(statistic: str, tuned: float | None, ratio: float | None = None) -> Any:
    """Return the decisions and errors with one rate of every group after tuning, and one impact ratio."""
    replaced = {statistic: tuned, "impact_ratio": ratio}
    return [
        (name, group, reference, base, replaced.get(name, after))
        for name, group, reference, base, after in (*DECISIONS, *ERRORS)
    ]


def test_one_answer_to_everything_is_said_first() -> None:
    """Selection rate 0 of man, woman and other, half-width 0.05; in the base 0.4 to 0.8."""
    refused = disparities(rows(with_rates("selection_rate", 0.0)))
    finding = decisions_finding(refused, probe=HIRING, tuned="tuned")
    assert finding.title == "The tuned model grants nothing to any group"
    numbers = (
        "share granted 0.00 in each of 3 groups (intervals within −0.05 to 0.05); base: 0.40 to 0.80 (within 0.35 to "
        "0.85)"
    )
    assert finding.one_answer == ((finding.title, numbers),)
    assert f"{finding.title}: {numbers}. The mean probability of granting" in finding.description
    assert finding.counted.endswith("tuned: not estimable, as nothing is granted")
    granted = disparities(rows(with_rates("selection_rate", 1.0)))
    finding = decisions_finding(granted, probe=HIRING, tuned="tuned")
    assert finding.title == "The tuned model grants everything to every group"
    assert finding.one_answer[0][1].startswith("share granted 1.00 in each of 3 groups")
    assert finding.counted.endswith("tuned: not estimable")


def test_one_answer_to_everything_stands_in_a_box_and_is_explained_once() -> None:
    """Selection rate 0 and false-positive rate 1 after tuning: the box of the errors does not explain it again."""
    table = disparities(
        rows([(*row[:4], {"selection_rate": 0.0, "false_positive_rate": 1.0}.get(row[0], row[4]))
              for row in (*DECISIONS, *ERRORS)])
    )  # fmt: skip
    html = render_html(made(table))
    boxes = re.findall(r'<p class="warning">(.*?)</p>', html.partition('<section class="part rates"')[2], re.DOTALL)
    assert [box.partition("</strong>")[0] for box in boxes[:2]] == [
        "<strong>The tuned model grants nothing to any group",
        "<strong>The tuned model denies all that should be granted, of every group",
    ]
    assert html.count("that is no sign of equal treatment") == 1
    assert "that is no sign of equal treatment" in boxes[0]
    assert 'class="warning"' not in section_html(render_html(made()))


def test_errors_alone_that_are_all_one_answer_are_explained_too() -> None:
    passes = rows(with_rates("true_positive_rate", 0.0))
    part = only(made(disparities(passes)))
    assert part.errors is not None
    assert (part.decisions.explains, part.errors.explains) == (False, True)


def test_a_negative_control_that_does_not_hold_stands_first() -> None:
    """Interval of 0.1 with half-width 0.05 leaves out 0; of 0.04 it does not."""
    held = [
        {"checkpoint": name, "framing": "plain", "probe": HIRING, "feature": "all", "metric": "control",
         **estimate_columns(value, 0.05, unit="index"), "n_asked": 40, "saturated": False}
        for name, value in (("base", 0.04), ("tuned", 0.1))
    ]  # fmt: skip
    audited = replace(made(), estimates=frame(held, tables.ESTIMATES))
    said = "The negative control does not hold: where no stereotype is, there is a lean, too, in tuned, plain"
    assert only(audited).failed_control == said
    assert section(render_html(audited)).startswith(f" Who is granted what {said}")
    assert only(made()).failed_control == ""


def test_errors_that_no_group_is_spared_or_made_are_said_first() -> None:
    passes = disparities(rows(with_rates("true_positive_rate", 0.0)))
    finding = errors_finding(passes, probe=HIRING, tuned="tuned")
    assert finding.title == "The tuned model denies nothing that should be denied, of any group"
    numbers = (
        "true-positive rate 0.00 in each of 3 groups (intervals within −0.05 to 0.05); base: 0.90 (within 0.85 to 0.95)"
    )
    assert finding.one_answer == ((finding.title, numbers),)


def test_rates_that_were_not_measured_are_no_one_answer() -> None:
    unmeasured = disparities(rows(with_rates("selection_rate", None)))
    assert decisions_finding(unmeasured, probe=HIRING, tuned="tuned").one_answer == ()


def test_titles_are_one_line() -> None:
    """84 letters, the width of two panels; here of 100 groups of which all differ, the most that is likely."""
    many = [(name, f"g{number} - man", "man", 0.5, 0.5) for number in range(100) for name in ("difference",)]
    rates_of = [("selection_rate", f"g{number}", "", 0.5, 0.5) for number in range(100)]
    ratio = ("selection_rate_ratio", "g1 / man", "man", 0.5, 0.5)
    table = disparities(rows([*many, *rates_of, ("by_group", "man", "", 0.7, 0.7), ratio]))
    chart = decisions_chart(table, probe=HIRING, tuned="tuned").to_dict()
    assert chart["title"]["text"] == [
        "Clearly apart from the reference: 100 of 100 groups in the base, 100 after tuning"
    ]


def test_what_all_rows_lack_is_said_once_above_them_and_the_rest_beside_the_marks() -> None:
    """No line may go through a word: beside marks it stands right of the plot, which is 267 wide."""
    lacking = [(*row[:3], 0.9 if row[3] is None else row[3], row[4]) for row in with_rates("", None)]
    everywhere = decisions_chart(disparities(rows(lacking)), probe=HIRING, tuned="tuned").to_dict()
    assert "'text': 'In every row: tuned too few clusters'" in str(everywhere)
    here = decisions_chart(both(), probe=HIRING, tuned="tuned").to_dict()
    [left, right] = here["vconcat"][0]["hconcat"]
    places = [
        (layer["encoding"]["x"]["value"], points({"datasets": {"": here["datasets"][layer["data"]["name"]]}}))
        for panel in (left, right)
        for layer in panel["layer"]
        if layer["mark"]["type"] == "text"
    ]
    assert {(x > left["width"], row["text"]) for x, found in places for row in found} == {
        (False, "gender"), (True, "tuned too few clusters"), (False, "too few clusters"),
    }  # fmt: skip


def test_the_comments_probe_says_what_it_is_to_be_granted() -> None:
    assert "let pass" not in section(render_html(made()))
    asked = section(render_html(made(format="comments")))
    assert "It is granted if it is let pass, and denied if it is called toxic" in asked
    assert "for comments it is a yardstick only, and no rule" in asked


def test_a_ratio_of_small_groups_gets_no_ruling() -> None:
    """Fewer than 30 items on either side: shown, but the rule says nothing on it."""
    few = group_rates(disparities(rows(DECISIONS, n_items=29)), probe=HIRING)
    [feature] = few.features
    assert few.ruling(("base", "plain"), feature, "woman") is FourFifths.INCONCLUSIVE
    enough = group_rates(disparities(rows(DECISIONS, n_items=30)), probe=HIRING)
    assert enough.ruling(("base", "plain"), feature, "woman") is FourFifths.BELOW
    assert enough.ruling(("tuned", "plain"), feature, "woman") is FourFifths.NOT_BELOW
    assert enough.ruling(("tuned", "plain"), feature, "other") is FourFifths.NOT_MEASURED


def test_the_chart_draws_what_was_measured_and_writes_what_was_not() -> None:
    """Ratio of `other`: no number in either arm, so its status stands there, and no mark at 0."""
    spec = decisions_chart(both(), probe=HIRING, tuned="tuned").to_dict()
    marks = [point for point in points(spec) if "arm" in point and "low" in point]
    shown = {(point["row"][3:], point["arm"], point["value"]) for point in marks}
    assert shown == {
        ("man (ref.)", "base", 0.7), ("man (ref.)", "tuned", 0.7), ("woman", "base", 0.5), ("woman", "tuned", 0.68),
        ("other", "base", 0.72), ("woman", "base", 0.5), ("woman", "tuned", 0.95),
        ("man (ref.)", "base", 0.95), ("man (ref.)", "tuned", 0.95),
    }  # fmt: skip
    words = {point["text"] for point in points(spec) if "text" in point}
    assert {"gender", "tuned too few clusters", "too few clusters"} == words
    assert {"value": 0.8} in points(spec)


def test_error_rates_have_a_chart_of_their_own() -> None:
    spec = errors_chart(both(), probe=HIRING, tuned="tuned").to_dict()
    marks = {(point["row"][3:], point["value"]) for point in points(spec) if point.get("arm") == "base"}
    assert {("woman", 0.3), ("man (ref.)", 0.1), ("woman", 0.9)} <= marks


def test_charts_are_small_and_the_same_twice() -> None:
    for width in (NARROW, WIDE):
        first, second = (svg(decisions_chart(both(), probe=HIRING, tuned="tuned", width=width)) for _ in range(2))
        assert first == second


def test_the_table_has_a_column_for_each_model_and_every_number_with_its_ruling() -> None:
    part = only(made())
    assert part.decisions.arms == ("base, plain", "tuned, plain", "tuned, chat")
    [feature] = part.decisions.features
    reference, other, woman = feature.groups
    assert (reference.group, reference.is_reference, other.group, woman.group) == ("man", True, "other", "woman")
    assert [row.measured for row in woman.rows] == [
        "Mean probability of granting",
        "that, minus the reference's",
        "Share granted (selection rate)",
        "that, over the highest of any group (impact ratio)",
    ]
    assert [(row.cells[0].estimate, row.cells[0].note) for row in woman.rows] == [
        ("0.50 (0.45 to 0.55)", ""),
        ("−0.20 (−0.25 to −0.15)", ""),
        ("0.40 (0.35 to 0.45)", ""),
        ("0.50 (0.45 to 0.55)", "below four fifths"),
    ]
    assert woman.rows[3].cells[1].note == "not below four fifths"
    assert [row.cells[1].estimate for row in other.rows] == ["too few clusters"] * 4
    assert [row.cells[0].estimate for row in reference.rows][2:] == ["0.95 (0.90 to 1.00)"]
    assert part.errors is not None
    assert [row.measured for row in part.errors.features[0].groups[0].rows] == [
        "Wrongly denied (false-positive rate)",
        "Rightly denied (true-positive rate)",
    ]


def test_several_tuned_checkpoints_are_columns_and_named_above_their_charts() -> None:
    """Of one way of asking, the columns are the models alone."""
    plain = rows(DECISIONS, framings=("plain",))
    again = [{**row, "checkpoint": "2-dpo"} for row in plain if row["checkpoint"] == "tuned"]
    part = only(made(disparities(plain, again)))
    assert part.decisions.arms == ("base", "tuned", "2-dpo")
    assert [chart.tuned for chart in part.decisions.charts] == ["tuned", "2-dpo"]
    assert [chart.tuned for chart in only(made()).decisions.charts] == [""]


def test_without_a_truth_there_are_no_error_rates() -> None:
    assert only(made(disparities(rows(DECISIONS)))).errors is None


def test_the_part_says_once_that_the_rule_is_no_legal_finding() -> None:
    """The numbers of the chart stand in the page, and the rule is put in its place."""
    html = render_html(made())
    text = section(html)
    assert text.count("rule of thumb of US employment law") == 1
    assert "It is no legal finding: the cases are made up" in text
    assert "0.50 (0.45 to 0.55) below four fifths" in text
    assert "Errors by group" in text
    assert re.findall(r'id="probe-\d+-(rates|attributes)"', html) == ["rates"], "associations repeat no decisions"


def test_paper_has_the_findings_and_neither_charts_nor_tables() -> None:
    """What is long is in the files."""
    part = section_html(render_html(made()))
    assert "screen-only" not in part.partition(">")[0]
    kept = re.sub(r'<(div|details) class="screen-only">.*?</\1>', "", part, flags=re.DOTALL)
    assert "<table" not in kept
    assert "clearly apart from the reference" in kept


def test_without_decisions_there_is_no_part() -> None:
    assert rates(audit(**QUIET)) == {}


def test_hostile_groups_are_text() -> None:
    """Names of groups come from cards that anybody may write."""
    table = [
        (statistic, group.replace("woman", HOSTILE), reference, base, tuned)
        for statistic, group, reference, base, tuned in DECISIONS
    ]
    html = render_html(made(disparities(rows(table), rows(table, feature=HOSTILE))))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in section_html(html)
    assert "\x00" not in html


def test_associations_alone_are_no_decisions() -> None:
    [one] = [("difference", "woman - man", "man", 0.2, 0.1)]
    assert rates(made(disparities(rows([one], probe=JOBS)))) == {}
