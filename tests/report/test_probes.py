"""Probe by probe: one section for each, in the order of what came of it, and a part is one object and one line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from biasaudit.report import render_html
from biasaudit.report.part import Part
from biasaudit.report.probe_parts import PARTS
from biasaudit.report.section import Source
from biasaudit.report.sections.outcome import State, state_of
from biasaudit.report.sections.probes import probes
from biasaudit.report.view import probe_names
from biasaudit.types import VerdictCode
from tests.report.factory import HEADLINE, JOBS, PAIRS, audit

QUIET: dict[str, Any] = {"with_disparities": False, "with_families": False, "contrasts": (HEADLINE.contrast,)}


def source(cells: list[tuple[Any, ...]], **changes: Any) -> Source:
    made = audit(**{**QUIET, **changes}, cells=cells)
    recorded = made.manifest.as_dict()
    return Source(audit=made, recorded=recorded, names=probe_names(made, recorded), level="95\u00a0%")


def cell(
    probe: str, feature: str, verdict: str, first: float | None = 0.3, second: float | None = 0.1, *, reason: str = ""
) -> tuple[Any, ...]:
    return (probe, feature, True, first, second, verdict, reason)


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        (("unchanged", "inconclusive", "shifted with the stereotype"), State.CHANGED),
        (("unchanged", "inconclusive", "not measured"), State.UNDECIDED),
        (("unchanged", "not interpretable"), State.UNCHANGED),
        (("not interpretable", "not measured"), State.UNREAD),
        (("a verdict of tomorrow",), State.UNREAD),
        ((), State.UNREAD),
    ],
)
def test_one_change_is_enough_and_one_doubt_where_none_changed(verdicts: tuple[str, ...], state: State) -> None:
    assert state_of([{"verdict": verdict} for verdict in verdicts]) is state


def test_those_that_changed_come_first() -> None:
    """The pairs come first by name; they did not change and the occupations did."""
    shown = probes(source([cell(PAIRS, "age", "unchanged"), cell(JOBS, "gender", "reduced")]))
    assert shown
    assert [(group.state.value, [one.name for one in group.probes]) for group in shown.groups] == [
        ("Changed", ["Gender and occupation"]),
        ("Unchanged", ["CrowS-Pairs (original release)"]),
    ]


def test_what_came_of_a_probe_is_one_sentence_with_the_largest_move_first() -> None:
    """0.30 to 0.10 moves less than 0.30 to -0.20; what is unchanged is not named."""
    rows = [
        cell(JOBS, "age", "reduced"),
        cell(JOBS, "gender", "reversed", 0.3, -0.2),
        cell(JOBS, "religion", "unchanged", 0.3, 0.29),
    ]
    shown = probes(source(rows))
    assert shown
    [probe] = shown.groups[0].probes
    assert probe.finding == "Gender reversed, from 0.30 to −0.20 and age reduced, from 0.30 to 0.10."
    assert [(chip.n_cells, chip.verdict) for chip in probe.chips] == [
        ("1", "reduced"),
        ("1", "unchanged"),
        ("1", "reversed"),
    ]


def test_a_probe_that_cannot_be_read_stands_in_one_line_with_the_reason() -> None:
    """What it asks is folded too; the reason, which all its comparisons share, is said once."""
    reason = "competence fell together with the lean"
    rows = [cell(JOBS, feature, "not interpretable", reason=reason) for feature in ("age", "gender")]
    given = source(rows)
    given.audit.comparisons["verdict_code"] = VerdictCode.COMPETENCE_FELL.value
    shown = probes(given)
    assert shown
    [probe] = [one for one in shown.groups[0].probes if one.name == "Gender and occupation"]
    assert not probe.is_read
    assert probe.finding == "The lean changed, and the tuned model reads it worse; the two cannot be told apart."
    html = render_html(given.audit)
    for summary in re.findall(r'<details class="probe-section unread">(.*?)</summary>', html, re.DOTALL):
        assert "How strongly" not in summary
    assert html.count('<details class="probe-section unread">') == 2


def test_of_an_unchanged_probe_only_what_can_be_read_is_said_not_to_have_moved() -> None:
    """0.05 is the margin; what cannot be read may have moved by any amount."""
    rows = [cell(JOBS, "age", "unchanged"), cell(JOBS, "gender", "not interpretable")]
    shown = probes(source(rows))
    assert shown
    [probe] = shown.groups[0].probes
    assert probe.state is State.UNCHANGED
    assert probe.finding == "Only age can be read: no lean moved there by more than the margin of 0.05."
    whole = probes(source(rows[:1]))
    assert whole
    assert whole.groups[0].probes[0].finding == "No lean moved by more than the margin of 0.05."


def test_a_probe_that_was_compared_is_not_said_to_be_left_out() -> None:
    """The pooled row of a probe stands in its section, though the answer is not about it."""
    pooled = (JOBS, "all", False, 0.3, 0.1, "reduced", "")
    shown = probes(source([pooled, cell(PAIRS, "age", "reduced")]))
    assert shown
    [probe] = shown.groups[1].probes
    assert (probe.state, probe.finding) == (State.UNREAD, "The answer is about no comparison of it.")


def test_of_several_checkpoints_the_line_is_about_the_one_of_the_answer() -> None:
    """The others stand in the section, and would say the same feature twice in its line."""
    given = source([cell(JOBS, "gender", "reduced")])
    other = given.audit.comparisons.assign(tuned="tuned-2", verdict="increased")
    both = replace(given.audit, comparisons=pd.concat([given.audit.comparisons, other], ignore_index=True))
    shown = probes(replace(given, audit=both))
    assert shown
    [probe] = shown.groups[0].probes
    assert probe.finding == "Gender reduced, from 0.30 to 0.10."


def test_a_verdict_without_its_numbers_has_none_in_the_line() -> None:
    """Of a damaged table: no `nan`, and the page stands."""
    given = source([cell(JOBS, "gender", "reduced")])
    given.audit.comparisons[["second_value", "second_ci_low"]] = float("nan")
    shown = probes(given)
    assert shown
    [probe] = shown.groups[0].probes
    assert probe.finding == "Gender reduced."
    assert " nan" not in render_html(given.audit)


def test_without_an_answer_every_probe_is_there_all_the_same() -> None:
    shown = probes(source([cell(JOBS, "gender", "reduced")], headlines=()))
    assert shown
    assert [(group.state, len(group.probes)) for group in shown.groups] == [(State.UNREAD, 2)]
    findings = {one.name: one.finding for one in shown.groups[0].probes}
    assert findings.pop("Gender and occupation") == "The answer is about no comparison of it."
    assert set(findings.values()) == {"It was not compared."}


def test_every_entry_of_the_contents_leads_to_a_place_on_the_page(small_page: str) -> None:
    entries = re.findall(r'<li><a href="#(probe-\d+)"><bdi>', small_page)
    assert len(entries) == 2
    assert all(small_page.count(f'id="{entry}"') == 1 for entry in entries)


def test_no_id_stands_twice_and_no_link_leads_nowhere(small_page: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', small_page)
    assert sorted(ids) == sorted(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', small_page)) - set(ids) == set()
    assert set(re.findall(r'popovertarget="([^"]+)"', small_page)) - set(ids) == set()


def test_a_part_is_one_object_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands at the probes that have it, at its place, escaped; nothing else of the page knows it."""
    (tmp_path / "sizes.html.jinja").write_text("<p>{{ shown }} of {{ probe.name }}</p>", encoding="utf-8")

    def sizes(given: Source) -> dict[str, object]:
        return {JOBS: f"<b>{int((given.audit.items['probe'] == JOBS).sum())} items</b>"}

    given = audit(**QUIET)
    before = render_html(given)
    part = Part(name="sizes", title="Sizes", template="sizes.html.jinja", views=sizes, folder=tmp_path)
    monkeypatch.setitem(PARTS, "sizes", part)
    html = render_html(given)
    [place] = re.findall(r'<section class="part sizes screen-only" id="(probe-\d+)-sizes"', html)
    own = html[html.index(f'<section class="part sizes screen-only" id="{place}-sizes"') :].partition("</section>\n")[0]
    assert "<p>&lt;b&gt;12 items&lt;/b&gt; of Gender and occupation</p>" in own
    assert html.replace(f"{own}</section>\n", "") == before
