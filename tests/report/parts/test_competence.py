"""Whether a probe can be read, at the probe: competence and negative controls by checkpoint."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from biasaudit.report import render_html
from biasaudit.report.parts.competence import NOTHING_ASKED, Competence, competence
from biasaudit.report.section import Source
from biasaudit.report.sections.probes import probes
from biasaudit.report.words.places import part_place, probe_places
from biasaudit.report.words.wording import with_interval
from tests.report.factory import CELLS, JOBS, PAIRS, audit

if TYPE_CHECKING:
    from biasaudit.facade import Audit

QUIET: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}
NAMES = {JOBS: "Jobs", PAIRS: "Pairs"}
HOSTILE = "</bdi><script>alert(1)</script>\u202e"


def source(made: Audit) -> Source:
    return Source(audit=made, recorded=made.manifest.as_dict(), names=NAMES, level="95 %")


def view(made: Audit, probe: str = JOBS) -> Competence:
    return competence(source(made))[probe]


def changed(metric: str, *, checkpoint: str = "tuned", framing: str | None = None, by: float) -> Audit:
    """Return the audit with one guard moved; competence is 0.941 ± 0.021, the control 0.004 ± 0.021."""
    made = audit(**QUIET)
    rows = made.estimates.copy()
    hit = (rows["metric"] == metric) & (rows["checkpoint"] == checkpoint)
    if framing:
        hit &= rows["framing"] == framing
    rows.loc[hit, ["value", "ci_low", "ci_high"]] += by
    return replace(made, estimates=rows)


def fallen(made: Audit, **columns: Any) -> Audit:
    """Return the audit with a fall of competence of the probe of occupations."""
    rows = made.comparisons.copy()
    for name, value in {"competence_fell": True, **columns}.items():
        rows.loc[rows["probe"] == JOBS, name] = value
    return replace(made, comparisons=rows)


def part_of(html: str, probe: str) -> str:
    place = part_place(probe_places(NAMES)[probe], "competence")
    found = re.search(rf'<section class="part competence" id="{place}".*?</section>', html, re.DOTALL)
    assert found
    return found[0]


def in_words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_probe_that_is_read_says_yes_and_shows_base_and_tuned_as_columns(small_page: str) -> None:
    """Four arms: a column for each, under its framing; a guard is a row, and says on how much it rests."""
    text = in_words(part_of(small_page, JOBS))
    assert "Yes: plain items are read better than by guessing in all 4 models and framings." in text
    assert "The negative control covers 0 in all 4 models and framings, as it should." in text
    assert "Check plain text chat base tuned base tuned Competence" in text
    able, control = with_interval(0.941, 0.920, 0.962), with_interval(0.004, -0.017, 0.025)
    assert f"guessing gives 0.5; 40 items in 20 clusters {' '.join([f'{able} above chance'] * 4)} Negative" in text
    assert text.count(f"{control} covers 0") == 4
    assert "⚠" not in text
    assert "warns" not in part_of(small_page, JOBS)


def test_it_stands_on_paper_too(small_page: str) -> None:
    assert "screen-only" not in part_of(small_page, JOBS).split(">")[0]


def test_competence_that_is_not_above_chance_stands_out_by_sign_and_words() -> None:
    """0.941 - 0.441 = 0.5 ± 0.021 holds chance; 0.341 lies below it."""
    shown = view(changed("competence", framing="plain", by=-0.441))
    assert shown.lines[0].warns
    assert shown.lines[0].says.startswith("Not shown for tuned in plain text: plain items may have been guessed there.")
    able, _ = shown.rows
    assert [(cell.says, cell.warns) for cell in able.cells] == [
        ("above chance", False), ("not shown above chance", True), ("above chance", False), ("above chance", False),
    ]  # fmt: skip
    below = view(changed("competence", by=-0.6)).rows[0].cells[1]
    assert (below.says, below.warns) == ("below chance", True)
    html = part_of(render_html(changed("competence", by=-0.441)), JOBS)
    sign = '<span class="sign" aria-hidden="true">⚠</span> '
    assert html.count(f'<td class="num warns">{with_interval(0.5, 0.479, 0.521)}<span class="sub">{sign}') == 2
    assert html.count(f'<p class="reads warns">{sign}') == 1


def test_competence_that_no_model_shows_is_said_of_all() -> None:
    made = changed("competence", by=-0.441)
    rows = made.estimates[made.estimates["checkpoint"] == "tuned"]
    base = rows.assign(checkpoint="base")
    says = view(replace(made, estimates=pd.concat([rows, base], ignore_index=True))).lines[0].says
    assert says.startswith("Not shown: in all 4 models and framings, plain items may have been guessed.")


def test_a_negative_control_that_misses_0_stands_out_in_the_part_and_in_the_summary_of_its_probe() -> None:
    """0.104 ± 0.021, in chat alone. What can be interpreted must not be read without it."""
    made = changed("control", framing="chat", by=0.1)
    shown = view(made)
    assert shown.lines[-1].warns
    assert shown.lines[-1].says.startswith("The negative control does not cover 0 in tuned in chat: a lean shows where")
    assert [cell.warns for cell in shown.rows[1].cells] == [False, False, False, True]
    found = probes(source(made))
    assert found is not None
    warnings = {probe.name: probe.warning for group in found.groups for probe in group.probes}
    assert warnings == {"Jobs": "negative control does not cover 0 in tuned in chat", "Pairs": ""}
    summary = next(part for part in render_html(made).split("<summary>") if "occupation</bdi></h4>" in part)
    words = in_words(summary.split("</summary>")[0])
    assert "⚠ negative control does not cover 0 in tuned in chat" in words


def test_a_probe_that_cannot_be_interpreted_carries_no_warning_in_its_summary() -> None:
    """Its one line is the reason why nothing of it is read."""
    unread = [(JOBS, "gender", True, 0.3, 0.1, "not interpretable", "competence of the first arm includes chance")]
    made = replace(changed("control", by=0.1), comparisons=audit(cells=unread, **QUIET).comparisons)
    found = probes(source(made))
    assert found is not None
    assert {probe.warning for group in found.groups for probe in group.probes} == {""}
    assert view(made).lines[-1].warns


def test_a_fall_of_competence_is_said_with_its_loss_and_its_interval() -> None:
    """Once, however many features a probe has: competence is of the probe."""
    made = fallen(audit(**{**QUIET, "contrasts": ("as deployed", "weights, plain", "interaction")}))
    _, *falls, _ = view(made).lines
    loss = with_interval(0.02, -0.03, 0.07)
    why = "a model that reads less leans less for that alone."
    assert sorted(line.says for line in falls) == [
        f"Competence fell by {loss} from base in plain text to tuned in chat: {why}",
        f"Competence fell by {loss} from base to tuned: {why}",
    ]
    assert all(line.warns for line in falls)
    assert len(view(made, PAIRS).lines) == 1


def test_a_fall_whose_loss_has_no_number_says_why() -> None:
    """Missing evidence is a status; an older audit has none."""
    none = dict.fromkeys(("competence_loss", "competence_loss_ci_low", "competence_loss_ci_high"))
    made = fallen(audit(**QUIET), competence_loss_status="too few clusters", **none)
    assert "fell from base to tuned, by how much is too few clusters: " in view(made).lines[1].says
    older = made.comparisons.drop(columns=[name for name in made.comparisons.columns if "competence_loss" in str(name)])
    assert "by how much is not recorded: " in view(replace(made, comparisons=older)).lines[1].says


def test_several_tuned_checkpoints_stand_in_the_order_in_which_they_were_made() -> None:
    made = fallen(audit(**QUIET))
    rows, cells = made.estimates, made.comparisons
    tuned = rows[(rows["checkpoint"] == "tuned") & (rows["framing"] == "plain")]
    base = rows[(rows["checkpoint"] == "base") & (rows["framing"] == "plain")]
    stages = [tuned.assign(checkpoint=name) for name in ("10-last", "2-dpo", "1-sft")]
    again = [cells.assign(tuned=name) for name in ("10-last", "2-dpo", "1-sft")]
    shown = view(replace(made, estimates=pd.concat([*stages, base]), comparisons=pd.concat(again)))
    assert shown.columns.checkpoints == ("base", "1-sft", "2-dpo", "10-last")
    assert shown.columns.framings == ()
    assert [line.says.split(" from ")[1].split(":")[0] for line in shown.lines[1:-1]] == [
        "base to 1-sft", "base to 2-dpo", "base to 10-last",
    ]  # fmt: skip


def test_a_probe_without_items_for_either_guard_says_that_nothing_shows_that_it_is_read(small_page: str) -> None:
    """No items is not a guard that was passed."""
    shown = view(audit(**QUIET), PAIRS)
    assert [(line.says, line.warns) for line in shown.lines] == [(NOTHING_ASKED, True)]
    html = part_of(small_page, PAIRS)
    assert f"⚠ {NOTHING_ASKED}" in in_words(html)
    assert "<table" not in html


def test_a_guard_without_items_has_a_sentence_and_no_row() -> None:
    made = audit(**QUIET)
    rows = made.estimates
    no_control = view(replace(made, estimates=rows[rows["metric"] != "control"]))
    assert [row.name for row in no_control.rows] == ["Competence"]
    assert no_control.lines[-1].says == "It has no negative control: nothing was asked where no stereotype is."
    no_sense = view(replace(made, estimates=rows[rows["metric"] != "competence"]))
    assert [row.name for row in no_sense.rows] == ["Negative control"]
    assert no_sense.lines[0].says.endswith("Nothing shows that the model reads it.")
    assert no_sense.lines[0].warns


def test_a_guard_with_too_few_items_is_a_status_and_what_rests_on_less_says_so() -> None:
    """Of one arm only 4 of 40 items: its own size stands in its cell, and the head of the row has none."""
    made = audit(**QUIET)
    rows = made.estimates.copy()
    hit = (rows["checkpoint"] == "tuned") & (rows["framing"] == "chat") & rows["metric"].isin(["competence", "control"])
    rows.loc[hit, ["value", "ci_low", "ci_high"]] = None
    rows.loc[hit, ["n_items", "n_clusters"]] = 4
    rows.loc[hit, "status"] = "too few clusters"
    shown = view(replace(made, estimates=rows))
    able, control = shown.rows
    assert (able.cells[3].value, able.cells[3].says, able.cells[3].warns) == (
        "too few clusters", "not shown above chance", True,
    )  # fmt: skip
    assert (able.of, able.cells[3].of, able.cells[0].of) == ("", "4 items in 4 clusters", "40 items in 20 clusters")
    assert not control.cells[3].warns
    assert shown.lines[-1].says == "The negative control has no number in tuned in chat."


def test_hostile_names_are_text() -> None:
    made = changed("control", by=0.1)
    rows = made.estimates.copy()
    rows.loc[rows["checkpoint"] == "tuned", "checkpoint"] = HOSTILE
    html = render_html(replace(made, estimates=rows))
    assert html.count("<script") == 1
    assert "&lt;script&gt;alert(1)" in part_of(html, JOBS)


def test_cells_of_the_factory_can_be_interpreted() -> None:
    """What the warnings above rest on."""
    assert {cell[5] for cell in CELLS if cell[0] == JOBS} == {"reduced"}
