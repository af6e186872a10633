from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.sections.heat import Heat, HeatCell, heat
from biasaudit.report.words.places import probe_places
from tests.report.by_group import DECISIONS, HIRING, QUIET, association, disparities, rows
from tests.report.factory import JOBS, PAIRS, audit, estimate_columns, frame

if TYPE_CHECKING:
    import pandas as pd


def of(table: pd.DataFrame) -> Heat:
    found = heat(replace(audit(**QUIET), disparities=table), {HIRING: "Hiring", JOBS: "Jobs"})
    assert found is not None
    return found


def cells(found: Heat) -> dict[str, tuple[HeatCell, ...]]:
    return {row.group: row.cells for feature in found.features for row in feature.rows}


def test_a_plus_is_with_the_stereotype_in_either_kind() -> None:
    """Of associations a positive difference; of decisions a negative one: the reference is granted more."""
    found = of(disparities(rows(DECISIONS, p_bh=0.01), association("woman", "man", 0.3, -0.12, p_bh=0.01)))
    assert ([probe.name for probe in found.probes], found.checkpoints) == (["Jobs", "Hiring"], ("base", "tuned"))
    jobs_base, jobs_tuned, hiring_base, hiring_tuned = cells(found)["woman"]
    assert (hiring_base.sign, hiring_base.mark, hiring_base.css_class) == ("+", "●", "with step-4")
    assert (hiring_tuned.sign, hiring_tuned.mark, hiring_tuned.css_class) == ("+", "", "with step-1")
    assert (jobs_base.sign, jobs_base.css_class) == ("+", "with step-4")
    assert (jobs_tuned.sign, jobs_tuned.mark, jobs_tuned.css_class) == ("−", "●", "against step-3")
    assert hiring_base.words == "with, clear, from 0.2 up"


@pytest.mark.parametrize(
    ("value", "p_bh", "mark"), [(0.3, 0.049, "●"), (0.3, 0.051, "○"), (0.3, None, "○"), (0.04, 0.001, "")]
)
def test_the_mark_needs_the_interval_and_then_the_correction(value: float, p_bh: float | None, mark: str) -> None:
    """Half-width 0.05, level 0.95."""
    assert cells(of(disparities(association("woman", "man", value, value, p_bh=p_bh))))["woman"][0].mark == mark


def test_the_finding_counts_marks_after_the_correction() -> None:
    found = of(
        disparities(association("woman", "man", 0.3, 0.3, p_bh=0.2), association("x", "man", -0.3, 0, p_bh=0.01))
    )
    assert found.is_corrected
    assert found.finding == (
        "Of 2 pairs of group and reference, 0 lean clearly with the stereotype and 1 against it in base, 0 and 0 in "
        "tuned"
    )


def competence(probe: str, base: float, tuned: float) -> pd.DataFrame:
    """Return competence of a probe in either checkpoint; half-width of the interval 0.05."""
    made = [
        {"checkpoint": checkpoint, "framing": "plain", "probe": probe, "feature": "all", "metric": "competence",
         **estimate_columns(value, 0.05, unit="share"), "n_asked": 40, "saturated": False}
        for checkpoint, value in (("base", base), ("tuned", tuned))
    ]  # fmt: skip
    return frame(made, tables.ESTIMATES)


def test_what_is_not_interpretable_has_no_mark_and_is_not_counted() -> None:
    """Competence of 0.55 with half-width 0.05 touches chance; of 0.56 it does not."""
    table = disparities(rows(DECISIONS, p_bh=0.01), association("woman", "man", 0.3, 0.3, p_bh=0.01))
    unread = replace(audit(**QUIET), disparities=table, estimates=competence(JOBS, 0.56, 0.55))
    found = heat(unread, {HIRING: "Hiring", JOBS: "Jobs", "pronouns": "Pronouns"})
    assert found is not None
    assert [(probe.name, probe.note) for probe in found.probes] == [
        ("Jobs", "tuned: not interpretable"),
        ("Hiring", ""),
    ]
    base, tuned, *_ = cells(found)["woman"]
    assert (base.sign, base.mark, base.css_class) == ("+", "●", "with step-4")
    assert (tuned.sign, tuned.mark, tuned.css_class) == ("+", "", "unread")
    assert tuned.words == "with, not interpretable"
    assert found.finding == (
        "Of 3 pairs of group and reference, 2 lean clearly with the stereotype and 0 against it in base, 0 and 0 in "
        "tuned"
    )
    assert found.read == "3 count in base and 2 count in tuned"
    assert found.left_out == "Pronouns"
    both_arms = heat(replace(unread, estimates=competence(JOBS, 0.5, 0.5)), {})
    assert both_arms is not None
    assert both_arms.probes[0].note == "not interpretable"
    page = render_html(unread)
    assert "These squares are hatched, have no mark and are not counted above: <bdi>3 count in base" in page
    assert "Brown: with the stereotype. Teal: against it." in page


def test_an_audit_without_p_values_says_that_marks_are_uncorrected() -> None:
    table = disparities(association("woman", "man", 0.3, 0.1))
    assert not of(table).is_corrected
    assert "1 lean clearly with the stereotype" in of(table).finding
    text = render_html(replace(audit(**QUIET), disparities=table))
    assert "this audit has no p-values for that" in text
    assert "Benjamini and Hochberg's correction over all differences" not in text


def test_what_was_not_measured_is_said_and_what_was_not_asked_is_empty() -> None:
    found = of(disparities(rows(DECISIONS, p_bh=0.01), association("old", "young", 0.3, 0.1)))
    assert [cell.words for cell in cells(found)["old"]][2:] == ["", ""]
    unmeasured = cells(found)["other"][3]
    assert (unmeasured.sign, unmeasured.words, unmeasured.css_class) == ("", "too few clusters", "unknown")


def test_groups_are_merged_over_probes_by_feature() -> None:
    """An association that names the same two groups the other way about stands in the row of the decisions."""
    found = of(disparities(rows(DECISIONS), association("man", "woman", 0.3, 0.1)))
    assert [row.group for feature in found.features for row in feature.rows] == ["other", "woman"]
    assert cells(found)["woman"][0].sign == "+"
    apart = of(disparities(rows(DECISIONS), association("woman", "man", 0.3, 0.1, feature="sex")))
    assert [feature.feature for feature in apart.features] == ["gender", "sex"]


def test_only_plain_framing_is_shown_where_it_was_measured() -> None:
    plain = association("woman", "man", 0.3, 0.1, framings=("plain",))
    chat = association("woman", "man", -0.3, -0.1, framings=("chat",))
    assert cells(of(disparities(plain, chat)))["woman"][0].sign == "+"
    assert of(disparities(chat)).framing == "in chat"


def test_the_table_is_told_by_signs_and_words_and_its_numbers_are_below(small_page: str) -> None:
    text = small_page.partition('<div id="leans"')[2].partition("</section>")[0]
    assert (
        '<td class="with step-4"><span aria-hidden="true">+○</span><i>with, clear uncorrected, from 0.2 up</i></td>'
        in text
    )
    assert "0.39 (0.34 to 0.44)" in text
    assert "<svg" not in text
    assert text.count('scope="colgroup"') == 1
    assert '<a href="#leans">' in small_page


def test_the_names_of_probes_lead_to_their_sections(small_page: str) -> None:
    """A probe of which the audit has no section has no link."""
    place = probe_places([JOBS, PAIRS])[JOBS]
    head = small_page.partition('<div id="leans"')[2].partition("</thead>")[0]
    assert f'<a href="#{place}"><bdi>Gender and occupation</bdi></a>' in head
    assert f'<div id="{place}" class="opened">' in small_page
    table = disparities(association("woman", "man", 0.3, 0.1))
    found = heat(replace(audit(**QUIET), disparities=table), {HIRING: "Hiring"})
    assert found is not None
    assert [(probe.name, probe.place) for probe in found.probes] == [(JOBS, "")]


def test_it_is_folded_to_what_came_of_it_and_not_printed(small_page: str) -> None:
    """The link of the navigation opens it, since its target is inside; paper names the file that has it."""
    fold = small_page[small_page.rindex("<section", 0, small_page.index('<div id="leans"')) :].partition("</section>")[
        0
    ]
    summary, _, inside = fold.partition("</summary>")
    assert "<details>" in summary
    assert 'Which groups, in which probes?</h2> <span class="finding"><bdi>Of 1 pair of group and reference' in summary
    assert inside.index('id="leans"') < inside.index('class="screen-only"') < inside.index("<table")
    assert inside.index("</table>") < inside.index("<code>disparities.csv</code>")
    assert '<p class="back"><a href="#question">Back to the answer</a></p>' in inside


def test_without_groups_there_is_no_table() -> None:
    assert heat(audit(**QUIET), {}) is None
    assert 'id="leans"' not in render_html(audit(**QUIET))


def test_hostile_names_are_text() -> None:
    hostile: Any = "</td><script>alert(1)</script>\u202e\x00"
    html = render_html(replace(audit(**QUIET), disparities=disparities(association(hostile, "man", 0.3, 0.1))))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
