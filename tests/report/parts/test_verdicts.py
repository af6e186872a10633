"""What changed, probe by probe: the verdict first, the numbers beside it, and everything else on demand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest

from biasaudit.facade import Audit
from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.charts.charts import reduction_chart
from biasaudit.report.part import Part
from biasaudit.report.parts.verdicts import PART, Verdicts, verdicts
from biasaudit.report.probe_parts import PARTS
from biasaudit.report.section import Source
from biasaudit.report.sections.probes import probes
from biasaudit.report.words.order import in_order
from biasaudit.report.words.places import cell_places
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit, comparison, frame

QUIET: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}
PLAIN: dict[str, Any] = {**QUIET, "contrasts": ("weights, plain",)}
UNREADABLE = "competence of the first arm includes chance"
NAMES = {JOBS: "Jobs", PAIRS: "Pairs"}


def unread(cell: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same cell, not interpretable."""
    return (*cell[:5], "not interpretable", UNREADABLE)


def source(made: Audit) -> Source:
    return Source(audit=made, recorded=made.manifest.as_dict(), names=NAMES, level="95\u00a0%")


def shown(made: Audit) -> dict[str, Verdicts]:
    return verdicts(source(made))


def with_checkpoints(*names: str, contrasts: tuple[str, ...] = ("weights, plain",)) -> Audit:
    rows = [
        comparison(contrast, metric, cell, tuned=name)
        for name in names
        for contrast in contrasts
        for cell in CELLS
        for metric in ("graded", "sign")
    ]
    made = audit(**PLAIN, headlines=(replace(HEADLINE, tuned=names[-1]),))
    return replace(made, comparisons=frame(rows, tables.COMPARISONS))


def part_of(page: str, place: str) -> str:
    """What stands in a part of a probe's section: sections within it there are none."""
    return page[page.index(f'id="{place}-verdicts"') :].split("</section>", maxsplit=1)[0]


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_probes_that_can_be_interpreted_come_first_in_every_section() -> None:
    """By name the pairs stand before the occupations; nothing can be said of them."""
    cells = [unread(cell) if cell[0] == PAIRS else cell for cell in CELLS]
    given = audit(**{**PLAIN, "with_families": True}, cells=cells)
    assert in_order([PAIRS, JOBS], audit(**PLAIN).comparisons) == [PAIRS, JOBS]
    assert in_order([PAIRS, JOBS], given.comparisons) == [JOBS, PAIRS]
    html = render_html(given)
    probe_by_probe = html[html.index('id="probes"') :]
    names = re.findall(r'<h4 id="probe-\d+-name"><bdi>(.*?)</bdi>', probe_by_probe)
    assert names == ["Gender and occupation", "CrowS-Pairs (original release)"]


def test_the_chart_has_the_order_of_the_probes() -> None:
    cells = [unread(cell) if cell[0] == PAIRS else cell for cell in CELLS]
    spec = reduction_chart(audit(**QUIET, cells=cells).comparisons, contrast="template, tuned", tuned="tuned").to_dict()
    assert [panel["title"]["text"] for panel in spec["vconcat"]] == [JOBS, PAIRS]


def test_what_changed_comes_first_then_what_is_undecided_unchanged_and_unsaid_and_the_picture_has_that_order() -> None:
    """By name "age" came first and "race-color", the one that changed, fourth; the pooled row is no claim."""
    made = audit(**PLAIN)
    (view,) = shown(made)[PAIRS].leading
    assert [row.feature for row in view.rows] == ["race-color", "age", "religion", "disability", "all"]
    assert [bool(row.pooled) for row in view.rows] == [False] * 4 + [True]
    own = made.comparisons[made.comparisons["probe"] == PAIRS]
    spec = reduction_chart(own, contrast="weights, plain", tuned="tuned", names={PAIRS: ""}).to_dict()
    (panel,) = spec["vconcat"]
    named = panel["layer"][2]["encoding"]["y"]["scale"]["domain"]
    assert [name[3:] for name in named] == ["race-color", "age", "religion", "disability", "all (pooled)"]
    # The name of the probe stands above the picture.
    assert "title" not in panel


def test_a_picture_shows_its_probe_alone_under_a_title_of_one_line() -> None:
    """36 letters is what one line of the narrow picture holds."""
    view = shown(audit(**PLAIN))
    (jobs,), (pairs,) = view[JOBS].leading, view[PAIRS].leading
    assert jobs.picture is not None
    assert pairs.picture is not None
    assert "Change shown in 1 of 1 comparison (1 reduced)." in jobs.picture.alt
    assert "Change shown in 1 of 4 comparisons" in pairs.picture.alt
    many = [(PAIRS, f"f{n:02d}", True, *CELLS[2][3:]) for n in range(40)]
    (all_changed,) = shown(audit(**PLAIN, cells=many))[PAIRS].leading
    assert all_changed.picture is not None
    (title,) = re.findall(r"Change shown in [^(]+", all_changed.picture.alt)
    assert title == "Change shown in 40 of 40 comparisons "


def test_where_nothing_can_be_read_there_is_no_picture_but_every_row() -> None:
    """Dumbbells that say nothing would be looked at before the reason is read."""
    made = audit(**PLAIN, cells=[unread(CELLS[0]), (JOBS, "age", True, None, None, "not measured", "")])
    (view,) = shown(made)[JOBS].leading
    assert view.picture is None
    assert [row.verdict for row in view.rows] == ["not interpretable", "not measured"]


def test_each_probe_says_what_it_asks() -> None:
    """The first sentence of its card, how it asks and how much."""
    found = probes(source(audit(**QUIET)))
    assert found is not None
    asked = {probe.name: probe.asks for group in found.groups for probe in group.probes}
    assert asked == {
        name: f"How strongly a model ties groups to attributes. By {how}; 180 items in 30 clusters."
        for name, how in (("Pairs", "probabilities of sentence pairs"), ("Jobs", "token probabilities"))
    }


def test_the_verdict_stands_first_and_the_models_are_columns() -> None:
    """A reader looks at what may be said before the numbers."""
    page = render_html(audit(**PLAIN))
    part = part_of(page, "probe-2")
    heads = re.findall(r'<th scope="col" role="columnheader">(.*?)</th>', part)
    assert heads == ["Feature of people", "Verdict", "base", "tuned", "Change"]
    (row,) = re.findall(r'<tr class="reduced" role="row">(.*?)</tr>', part, re.DOTALL)
    said = "gender ↓ reduced the tuned model leans less than the base 0.61 (0.57 to 0.65) 0.43 (0.40 to 0.47)"
    assert " ".join(text(row).split()) == f"{said} 0.18 (0.15 to 0.21)"


def test_p_values_and_the_form_by_sign_stand_on_demand_alone() -> None:
    part = part_of(render_html(audit(**PLAIN)), "probe-2")
    on_demand = re.findall(r'<details class="about">.*?</details>', part, re.DOTALL)
    assert len(on_demand) == 1
    standing = part
    for folded in on_demand:
        standing = standing.replace(folded, "")
    assert not re.search(r"\bp [=<]|corrected|side alone", text(standing).replace("&lt;", "<"))
    told = text(on_demand[0]).replace("&lt;", "<")
    corrected = "Among 4 comparisons some look like changes by chance alone; corrected for that (Holm), "
    assert f"{corrected}p < 0.001 becomes p = 0.002." in told
    assert "By the side alone that each item leans to" in told


def test_every_comparison_has_its_id_once_and_within_the_fold_of_its_probe() -> None:
    """A link to it opens that fold: browsers open what is folded around a target, not beside it."""
    made = audit()
    page = render_html(made)
    places = cell_places(made.comparisons)
    assert len(places) == 5 * len(CELLS)
    for (_, _, probe, _), place in places.items():
        assert page.count(f'id="{place}"') == 1
        own = {PAIRS: "probe-1", JOBS: "probe-2"}[probe]
        assert f'id="{place}"' in part_of(page, own)
        assert page.index(f'<div id="{own}" class="opened">') < page.index(f'id="{place}"')


@pytest.mark.slow
def test_what_the_answer_is_not_about_is_folded_with_how_much_of_it_changed() -> None:
    """Of four of the pairs one changed in each; how two changes differ is not judged."""
    view = shown(audit())[PAIRS]
    assert [one.title for one in view.leading] == ["The changed weights, on plain text"]
    assert [(one.title, one.n_changed) for one in view.others] == [
        ("The chat template, around the tuned model", "1 of 4 comparisons changed (1 increased)"),
        ("The model as deployed", "1 of 4 comparisons changed (1 increased)"),
        ("The changed weights, in the chat template", "1 of 4 comparisons changed (1 increased)"),
        ("Whether the weights do more in the chat template", "described, not judged"),
    ]
    assert {one.picture for one in view.others} == {None}
    assert part_of(render_html(audit()), "probe-1").count('<details class="other screen-only">') == 4


@pytest.mark.slow
def test_every_tuned_checkpoint_stands_open_and_that_of_the_answer_first() -> None:
    """By name "dpo" comes before "sft"; the answer is about the last that was made."""
    view = shown(with_checkpoints("dpo", "sft", contrasts=("weights, plain", "step, plain")))[JOBS]
    assert [one.tuned for one in view.leading] == ["sft", "dpo"]
    assert [(one.tuned, one.title) for one in view.others] == [
        (name, "The step from the checkpoint before, on plain text") for name in ("dpo", "sft")
    ]
    # Of one checkpoint, its name would be said in vain.
    assert [one.tuned for one in shown(audit(**PLAIN))[JOBS].leading] == [""]


def test_without_an_answer_every_comparison_is_still_there() -> None:
    """An audit in which nothing could be summed up leads with nothing."""
    made = audit(**PLAIN, headlines=())
    view = shown(made)[JOBS]
    assert view.leading == ()
    assert [len(one.rows) for one in view.others] == [1]
    assert "It was not compared in what the answer is about." in part_of(render_html(made), "probe-2")


def test_a_row_leads_to_its_items_where_there_are_some_and_back_to_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link to a part that a probe does not have would lead nowhere."""
    parts = cast("dict[str, Part]", PARTS)
    stands_for = replace(PART, name="items", template="parts/limits.html.jinja", views=lambda _: {})
    monkeypatch.setitem(parts, "items", stands_for)
    without = part_of(render_html(audit(**PLAIN)), "probe-2")
    assert "Items behind it" not in without
    assert 'href="#question"' in without
    limits = PARTS["limits"].views(source(audit(**PLAIN)))
    monkeypatch.setitem(parts, "items", replace(stands_for, views=lambda _: {JOBS: limits[JOBS]}))
    page = render_html(audit(**PLAIN))
    assert '<a href="#probe-2-items">Items behind it</a>' in part_of(page, "probe-2")
    assert "Items behind it" not in part_of(page, "probe-1")


def test_on_paper_stands_the_open_table_alone() -> None:
    """The rest is marked as of the screen; tests in a browser print it."""
    assert PART.prints
    part = part_of(render_html(audit()), "probe-1")
    assert len(re.findall('<figure|<details class="other', part)) == 1 + 4
    assert len(re.findall('<div class="screen-only">\\s*<figure|<details class="other screen-only"', part)) == 1 + 4
    assert part.count('<tr class="thread') == part.count('<tr class="thread screen-only"') == 5 * 5


def _changed_everywhere_alike() -> Audit:
    given = audit(**PLAIN)
    rows = given.comparisons.copy()
    rows.loc[rows["feature"] == "gender", ["reduction", "ci_low", "ci_high"]] = 0.0
    return replace(given, comparisons=rows)


def test_a_change_that_is_the_same_in_every_cluster_is_words_and_no_interval() -> None:
    """0.000 (0.000 to 0.000) would read as certainty."""
    html = render_html(_changed_everywhere_alike())
    assert "0.000 (0.000 to 0.000)" not in html
    assert '<td class="num change" role="cell" data-label="Change">0.000 in every cluster</td>' in html
    assert "0.000, the same in every cluster, so that it has no interval." in html
    assert "change 0.000 in every cluster" in html


def test_the_sign_of_the_change_is_not_called_a_reduction() -> None:
    """Away from the stereotype is towards parity only where the base leans with it."""
    said = text(part_of(render_html(audit(**PLAIN)), "probe-2"))
    assert "A change above 0 is a move away from the stereotype." in said
    assert "reduction" not in said.lower()


def test_what_stands_open_has_no_word_of_the_methods() -> None:
    page = render_html(audit())
    for place in ("probe-1", "probe-2"):
        standing = re.sub(r'<details class="about">.*?</details>', "", part_of(page, place), flags=re.DOTALL)
        assert not re.findall(r"\b(?:cells?|contrasts?|arms?|Fieller|sign.flips?|Holm)\b", text(standing))


def test_a_level_that_pairs_of_equal_length_do_not_bear_out_is_a_warning_in_sight() -> None:
    """It is on the level itself, and must be read before the number."""
    given = audit(**PLAIN)
    rows = given.comparisons.assign(equal_items=0, equal_disagrees=given.comparisons["feature"] == "age")
    (view,) = shown(replace(given, comparisons=rows))[PAIRS].leading
    warned = {row.feature: row.warnings for row in view.rows}
    assert warned["religion"] == ()
    (note,) = warned["age"]
    assert note.startswith("Over the pairs whose two texts have as many tokens, the base leans to the other side:")
