from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biasaudit.report import render_html
from biasaudit.report.charts.chart_parts import NARROW, WIDE
from biasaudit.report.charts.pictures import svg
from biasaudit.report.charts.rates_chart import decisions_chart, decisions_finding, errors_chart, errors_finding
from biasaudit.report.sections.group_rates import group_rates
from biasaudit.report.sections.rates import rates
from biasaudit.stats import FourFifths
from tests.report.by_group import DECISIONS, ERRORS, HIRING, disparities, rows
from tests.report.factory import JOBS, audit

if TYPE_CHECKING:
    import pandas as pd

QUIET: dict[str, Any] = {
    "contrasts": ("template, tuned",),
    "with_disparities": False,
    "with_families": False,
    "with_estimates": False,
}
HOSTILE = "</bdi><script>alert(1)</script>\u202e\x00"


def both() -> pd.DataFrame:
    return disparities(rows(DECISIONS), rows(ERRORS))


def section(html: str) -> str:
    found = re.search(r'<section id="rates".*?</section>', html, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def points(spec: dict[str, Any]) -> list[dict[str, Any]]:  # Any: Vega-Lite is JSON
    return [row for values in spec["datasets"].values() for row in values]


def test_the_finding_counts_intervals_and_never_values() -> None:
    """Of two groups, woman differs by -0.2 in the base (half-width 0.05); the impact ratio 0.5 lies below 0.8."""
    title = decisions_finding(both(), probe=HIRING, tuned="tuned").title
    assert title == (
        "Mean p(yes) is clearly apart from the reference's in 1 of 2 groups in the base and 0 after tuning. "
        "Four-fifths rule, base: 1 of 2 groups clearly below, 0 inconclusive; "
        "tuned: 0 of 2 groups clearly below, 0 inconclusive"
    )
    title = errors_finding(both(), probe=HIRING, tuned="tuned").title
    assert title == (
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
    title = decisions_finding(refused, probe=HIRING, tuned="tuned").title
    assert title.startswith(
        "The tuned checkpoint grants nothing to any group: selection rate 0 in each of 3 "
        "(intervals within −0.05 to 0.05); base: 0.40 to 0.80 (within 0.35 to 0.85). Mean p(yes)"
    )
    assert title.endswith("tuned: not estimable, as nothing is granted")
    granted = disparities(rows(with_rates("selection_rate", 1.0)))
    title = decisions_finding(granted, probe=HIRING, tuned="tuned").title
    assert title.startswith("The tuned checkpoint grants everything to every group: selection rate 1 in each of 3")
    assert title.endswith("tuned: not estimable")


def test_errors_that_no_group_is_spared_or_made_are_said_first() -> None:
    passes = disparities(rows(with_rates("true_positive_rate", 0.0)))
    title = errors_finding(passes, probe=HIRING, tuned="tuned").title
    assert title.startswith(
        "The tuned checkpoint denies nothing that should be denied, of any group: true-positive rate 0 in each of "
        "3 (intervals within −0.05 to 0.05); base: 0.90 (within 0.85 to 0.95). Wrongly denied"
    )


def test_rates_that_were_not_measured_are_no_one_answer() -> None:
    unmeasured = disparities(rows(with_rates("selection_rate", None)))
    assert "checkpoint" not in decisions_finding(unmeasured, probe=HIRING, tuned="tuned").title


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
    table = replace(audit(**QUIET), disparities=both())
    assert "let pass" not in section(render_html(table))
    probes = {HIRING: {"name": "Toxicity", "format": "comments"}}
    asked = replace(audit(**QUIET, manifest_changes={"probes": probes}), disparities=both())
    assert "It is granted if it is let pass, and denied if it is called toxic." in section(render_html(asked))


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


def test_the_table_holds_every_number_with_its_ruling() -> None:
    [part] = rates(replace(audit(**QUIET), disparities=both()), {HIRING: "Hiring"})
    [feature] = part.decisions.features
    reference, other, woman = feature.rows
    assert (reference.group, reference.is_reference, other.group, woman.group) == ("man", True, "other", "woman")
    assert [arm.arm for arm in woman.arms] == ["base, plain", "tuned, plain", "tuned, chat"]
    assert [(cell.estimate, cell.note) for cell in woman.arms[0].cells] == [
        ("0.50 (0.45 to 0.55)", ""),
        ("−0.20 (−0.25 to −0.15)", ""),
        ("0.40 (0.35 to 0.45)", ""),
        ("0.50 (0.45 to 0.55)", "below four fifths"),
    ]
    assert woman.arms[1].cells[3].note == "not below four fifths"
    assert [cell.estimate for cell in other.arms[1].cells] == ["too few clusters"] * 4
    assert [cell.estimate for cell in reference.arms[0].cells][1::2] == ["reference", "0.95 (0.90 to 1.00)"]
    assert part.errors is not None


def test_without_a_truth_there_are_no_error_rates() -> None:
    [part] = rates(replace(audit(**QUIET), disparities=disparities(rows(DECISIONS))), {})
    assert part.errors is None


def test_the_section_says_that_the_rule_is_no_legal_finding() -> None:
    """The numbers of the chart stand in the page, and the rule is put in its place."""
    html = render_html(replace(audit(**QUIET), disparities=both()))
    text = section(html)
    assert "rule of thumb of US employment law" in text
    assert "It is no legal finding" in text
    assert "0.50 (0.45 to 0.55) below four fifths" in text
    assert "Errors by group" in text
    assert '<a href="#rates">' in html
    # The table of associations does not repeat the decisions.
    assert "Mean probability of the first attribute by group" not in html


def test_without_decisions_there_is_no_section() -> None:
    html = render_html(audit(**QUIET))
    assert 'id="rates"' not in html
    assert "#rates" not in html


def test_hostile_groups_are_text() -> None:
    """Names of groups come from cards that anybody may write."""
    table = [
        (statistic, group.replace("woman", HOSTILE), reference, base, tuned)
        for statistic, group, reference, base, tuned in DECISIONS
    ]
    html = render_html(replace(audit(**QUIET), disparities=disparities(rows(table), rows(table, feature=HOSTILE))))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "\x00" not in html


def test_associations_alone_are_no_decisions() -> None:
    [only] = [("difference", "woman - man", "man", 0.2, 0.1)]
    assert rates(replace(audit(**QUIET), disparities=disparities(rows([only], probe=JOBS))), {}) == ()
