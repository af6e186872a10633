"""The first screen beside its answer: picture, tiles, notes, the light of a policy, and what cannot be said."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from biasaudit import gate
from biasaudit.facade import Audit
from biasaudit.report import render_html
from biasaudit.report.charts.overview import overview
from biasaudit.report.section import Source
from biasaudit.report.sections.first.light import light
from biasaudit.report.sections.first.opening import Opening
from biasaudit.report.sections.first_screen import SECTION
from biasaudit.testing import ScriptedModel, leaning, noisy, scripted_audit
from biasaudit.types import ProbeItem, Request, Role
from tests.gate.rows import judged, level
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit

NAMES = {JOBS: "Jobs", PAIRS: "Pairs"}
PLAIN: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}
UNDRAWN: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}


def shown(made: Audit) -> Opening:
    view: Any = SECTION.view(
        Source(audit=made, recorded=made.manifest.as_dict(), names=NAMES, level="95\u00a0%")
    )  # Any: the section's own
    found: Opening = view.opening
    return found


def test_the_picture_holds_the_cells_that_can_be_read_by_probe_and_by_how_much_they_moved() -> None:
    """Four of five declared cells: one was not measured, and the pooled one is none. First 0.181, then 0.049."""
    found = overview(audit(**PLAIN).comparisons, tuned="tuned", contrast="weights, plain")
    assert found is not None
    assert [(probe.probe, [row.feature for row in probe.rows]) for probe in found.probes] == [
        (JOBS, ["gender"]),
        (PAIRS, ["race-color", "age", "religion"]),
    ]
    assert (found.n_rows, found.n_further, found.n_cells) == (4, 0, 5)


def test_marks_stand_where_their_leans_are_on_one_scale() -> None:
    """The ends of the scale are -0.14 and 0.694 with 6 % of room; ticks are a fifth apart, and the band is ±0.05."""
    found = overview(audit(**PLAIN).comparisons, tuned="tuned", contrast="weights, plain")
    assert found is not None
    jobs = found.probes[0].rows[0]
    at = {tick.said: tick.at for tick in found.ticks}
    assert list(at) == ["0.00", "0.20", "0.40", "0.60"]
    per_unit = (at["0.60"] - at["0.20"]) / 0.4
    assert jobs.first.value == pytest.approx(found.zero + 0.612 * per_unit)
    assert jobs.second.low == pytest.approx(found.zero + (0.431 - 0.035) * per_unit)
    assert jobs.first.said == "0.61 (0.57 to 0.65)"
    assert found.margin == pytest.approx((found.zero - 0.05 * per_unit, found.zero + 0.05 * per_unit))


def test_rows_beyond_the_room_are_those_that_moved_least_and_did_not_change() -> None:
    """A change of 0.01 stays before 0.3 that shows nothing."""
    cells = [
        (PAIRS, "moved", True, 0.5, 0.2, "inconclusive", ""),
        (PAIRS, "changed", True, 0.11, 0.1, "reduced", ""),
        (PAIRS, "still", True, 0.3, 0.3, "unchanged", ""),
    ]
    found = overview(audit(cells=cells, **PLAIN).comparisons, tuned="tuned", contrast="weights, plain", most=2.6)
    assert found is not None
    assert [row.feature for row in found.probes[0].rows] == ["changed", "moved"]
    assert [row.feature for row in found.further[0].rows] == ["still"]
    assert (found.n_rows, found.n_further) == (2, 1)


def test_without_a_cell_that_can_be_read_there_is_no_picture() -> None:
    cells = [(PAIRS, "a", True, 0.3, 0.1, "not interpretable", ""), (PAIRS, "b", True, None, None, "not measured", "")]
    made = audit(cells=cells, headlines=(replace(HEADLINE, n_cells=2, counts={"not interpretable": 1}),), **PLAIN)
    opened = shown(made)
    assert opened.picture is None
    assert opened.how_large == ""
    assert "Nothing that can be read was compared" in render_html(made)


def test_a_tile_filters_what_is_drawn_and_else_leads_to_a_list() -> None:
    """Reduced and increased are counted where there are none, too: they are what was asked."""
    tiles = {tile.verdict: tile for tile in shown(audit(**PLAIN)).tiles}
    assert list(tiles) == ["reduced", "unchanged", "increased", "inconclusive", "not measured"]
    assert [tile.filters for tile in tiles.values()] == [True, True, True, True, False]
    assert (tiles["not measured"].href, tiles["not measured"].n_cells) == ("unsaid", "1")
    none = {tile.verdict: tile.n_cells for tile in shown(audit(headlines=(), cells=(), **PLAIN)).tiles}
    assert none == {"reduced": "0", "increased": "0"}


def test_every_verdict_that_can_be_drawn_has_a_rule_that_shows_it_alone() -> None:
    """Filtering is by style alone: a verdict without its rule would filter nothing."""
    page = render_html(audit(**PLAIN))
    for name in re.findall(r'type="radio" name="only" id="only-([a-z-]+)"', page):
        assert name == "every" or f".seen:has(#only-{name}:checked) .row:not(.{name})" in page


def test_each_row_of_the_picture_leads_to_its_comparison_in_the_section_of_its_probe() -> None:
    """By name `crows-pairs` is the first probe and `occupations` the second, whose row comes first here."""
    page = render_html(audit(**PLAIN))
    rows = re.findall(r'<li class="row [a-z-]+"><a class="feature" href="#(cell-\d+)"><bdi>(.*?)</bdi>', page)
    assert [feature for _, feature in rows] == ["gender", "race-color", "age", "religion"]
    for place, feature in rows:
        (found,) = re.findall(rf'<tbody id="{place}" [^>]*>\s*<tr [^>]*>\s*<th [^>]*><bdi>(.*?)</bdi>', page)
        assert found == feature
        section = "probe-2" if feature == "gender" else "probe-1"
        assert place in page[page.index(f'id="{section}-verdicts"') :].split("</section>", maxsplit=1)[0]


@pytest.mark.slow
def test_every_link_within_the_page_leads_somewhere() -> None:
    """Of an audit with all there is, of one without items, and of one with nothing that can be read."""
    unread = [(PAIRS, "a", True, 0.3, 0.1, "not interpretable", "")]
    whole = audit()
    bare = replace(whole, items=whole.items.iloc[:0], scores=whole.scores.iloc[:0])
    for made in (whole, bare, audit(cells=unread, **PLAIN), audit(headlines=(), cells=(), **PLAIN)):
        page = render_html(made)
        there = set(re.findall(r' id="([^"]+)"', page))
        assert {link for link in re.findall(r'href="#([^"]+)"', page) if link not in there} == set()


def test_a_note_is_one_line_and_the_fourth_is_folded() -> None:
    """The first sentence stands; the rest opens."""
    told = [f"Note {number} says this. And that." for number in range(5)]
    opened = shown(audit(manifest_changes={"told": told}, **PLAIN))
    assert [(note.first, note.rest) for note in opened.notes] == [
        (f"Note {number} says this.", "And that.") for number in range(3)
    ]
    assert opened.n_more_notes == "2 more notes"
    assert len(opened.more_notes) == 2


def test_what_cannot_be_said_is_one_line() -> None:
    assert shown(audit(**PLAIN)).unsaid == (
        "1 of 5 comparisons (1 not measured: Pairs); what the model writes; other groups, languages and uses"
    )
    assert shown(audit(headlines=(), cells=(), **PLAIN)).unsaid.startswith("what the model writes")


def test_a_lean_without_end_is_not_drawn_and_one_of_a_billion_is() -> None:
    """Of damaged tables: the picture comes in no time, with a few ticks."""
    rows = audit(**PLAIN).comparisons
    far = rows.assign(first_value=-1e12, first_ci_low=-1e12)
    found = overview(far, tuned="tuned", contrast="weights, plain")
    assert found is not None
    assert 1 < len(found.ticks) < 5
    assert overview(rows.assign(first_ci_low=float("-inf")), tuned="tuned", contrast="weights, plain") is None


def test_of_many_probes_that_cannot_be_read_two_are_named() -> None:
    cells = [(probe, "a", True, 0.3, 0.1, "not interpretable", "") for probe in ("p", "q", "r", "s")]
    made = audit(cells=cells, headlines=(replace(HEADLINE, n_cells=4, counts={"not interpretable": 4}),), **PLAIN)
    assert shown(made).unsaid.startswith("4 of 4 comparisons (4 not interpretable: p, q and 2 more probes); what")


def test_the_answer_says_over_how_many_comparisons_it_is() -> None:
    """One of the five was not measured; without an answer there is nothing to say."""
    assert shown(audit(**PLAIN)).rests_on.startswith("Over the 4 of 5 comparisons that can be read: 1 reduced, ")
    assert shown(audit(headlines=(), cells=(), **PLAIN)).rests_on == ""
    made = audit(cells=CELLS[:1], headlines=(replace(HEADLINE, n_cells=1, counts={"reduced": 1}),), **PLAIN)
    assert shown(made).rests_on == "Over the 1 of 1 comparison that can be read: 1 reduced."


def test_how_large_a_lean_is_is_said_of_the_largest_of_which_it_can_be() -> None:
    """(1 + 0.612) / 2 = 0.806; of pairs no share is right, so that a probe of pairs alone says nothing."""
    said = shown(audit(**PLAIN)).how_large
    assert said.startswith("the base's 0.61 in Jobs, gender, means: 81 of 100 parts")
    assert shown(audit(cells=CELLS[1:], **PLAIN)).how_large == ""


def test_changes_in_other_contrasts_are_counted_with_a_way_to_them() -> None:
    """Two of the contrast `template, tuned` changed, none of which the answer is about."""
    assert shown(audit(**UNDRAWN)).elsewhere == "2 changes were found between other models or ways of asking"
    assert shown(audit(**PLAIN)).elsewhere == ""


def test_a_checked_policy_stands_beside_the_answer_and_else_the_command_that_checks() -> None:
    """With what failed, named; a policy that was not checked says nothing."""
    made, decision = audit(**UNDRAWN), judged([{"id": "index", "max_index": 0.3}], levels=[level(0.4, 0.5)])
    first = render_html(made, decision=decision).split('class="folds"')[0]
    assert '<div class="light' in first
    assert "biasaudit check DIR" not in first
    assert 'href="#policy">Rule by rule' in first
    assert "biasaudit check DIR --policy no-regression" in render_html(made).split('class="folds"')[0]


def test_the_first_screen_has_no_word_of_the_tables() -> None:
    """Cell, contrast, arm, Fieller and sign flip are for those who read on."""
    first = render_html(audit(**PLAIN))
    screen = first[first.index('<div class="screen">') : first.index('class="folds"')]
    text = re.sub(r"<[^>]*>", " ", screen)
    assert not re.findall(r"\b(?:cells?|contrasts?|arms?|Fieller|sign flips?)\b", text)


def test_what_stood_there_before_is_folded_below_it() -> None:
    page = render_html(audit(**UNDRAWN))
    folded = page[page.index('class="folds"') : page.index('id="probes"')]
    titles = re.findall(r'<summary><h2 class="small">(.*?)</h2></summary>', folded)
    assert titles == [
        "What was compared",
        "How sure is that?",
        "What this audit cannot say",
        "What the answer rests on, and changes elsewhere",
        "The same question, in each way of asking",
        "Can the numbers be read at all?",
    ]
    assert "<details open" not in folded


@pytest.mark.slow
def test_leans_that_changed_sides_are_counted() -> None:
    """Half the size on the other side is reduced, and a reader takes it for a milder lean of the same kind."""
    made = scripted_audit(leaning("base", noisy(2.0)), leaning("tuned", noisy(-1.0)), probes=["occupations"])
    told = f"In 1 of 1 comparison the lean is on the other side now: {NAMES.get('occupations', 'occupations')}, gender."
    assert (shown(made).crossed, shown(made).grown) == (told, "")
    assert "In 1 of 1 comparison the lean is on the other side now: Gender and occupation, gender." in render_html(made)
    assert shown(audit(**PLAIN)).crossed == ""


@pytest.mark.slow
def test_bias_that_moved_to_another_feature_stands_on_the_first_screen() -> None:
    """One that only reads how much went must not miss where it went: over the other side, or elsewhere."""

    def lean(**tuned: float) -> ScriptedModel:
        def value(item: ProbeItem, _: Request) -> float:
            of_role = {Role.COMPETENCE: 4.0, Role.BIAS: tuned.get(item.feature, 1.0)}
            return of_role.get(item.role, 0.0)

        return leaning("tuned" if tuned else "base", value)

    made = scripted_audit(lean(), lean(gender=0.1, religion=2.0, age=-1.0), probes=["traits"])
    page = render_html(made)
    screen = re.sub(r"<[^>]*>", "", page[page.index('<section class="first"') : page.index('class="folds"')])
    assert "Other side. In 1 of 9 comparisons the lean is on the other side now: Warmth and competence, age." in screen
    assert "Larger. The lean is larger now in 1 of 9 comparisons: Warmth and competence, religion." in screen


def test_what_the_light_names_is_what_decided_the_policy() -> None:
    """A waiver that covers nothing belongs to no cell; what is inconclusive is no reason of a violation."""
    made = audit(**UNDRAWN)
    policy = {
        "version": 1,
        "rules": [{"id": "index", "max_index": 0.9}],
        "waivers": [{"rule": "index", "reason": "r", "owner": "o", "expires": "2020-01-01"}],
    }
    decision = gate.decide_audit(
        gate.Policy.model_validate(policy), made, today=date(2026, 1, 1), warnings_as_errors=True
    )
    shown_light = light(decision)
    assert shown_light.outcome.verdict == "violated"
    assert [one.effect.verdict for one in shown_light.failing] == ["violated"]
    assert "waiver" in shown_light.failing[0].rule + shown_light.failing[0].cell
