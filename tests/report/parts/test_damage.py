"""What tuning broke, at the probe: shares, mass and blunting, and what is said of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from biasaudit.report import render_html
from biasaudit.report.outputs.markdown import render_markdown
from biasaudit.report.parts.damage import UNKNOWN, damage
from biasaudit.report.section import Source
from biasaudit.report.words.came_about import came_about
from biasaudit.report.words.wording import records
from tests.damaged import audited, save_association

if TYPE_CHECKING:
    from biasaudit.facade import Audit
    from biasaudit.report.parts.damage import Damage

NAME = "mini-associations"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_association(tmp_path_factory.mktemp("probes") / NAME)


@pytest.fixture(scope="module")
def kept(probe: Path) -> Audit:
    return audited(probe, licensed=(0.95, 0.93), mass=(0.9, 0.6), control=(0.5, 0.55))


@pytest.fixture(scope="module")
def broken(probe: Path) -> Audit:
    return audited(probe, licensed=(0.95, 0.85), control=(0.5, 0.25))


def view(audit: Audit) -> Damage:
    found = damage(Source(audit=audit, recorded=audit.manifest.as_dict(), names={NAME: "Mini"}, level="95 %"))
    assert list(found) == [NAME]
    return found[NAME]


def part_of(html: str) -> str:
    found = re.search(r'<section class="part damage screen-only".*?</section>', html, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_what_was_kept_is_said_with_its_numbers(kept: Audit) -> None:
    """.95 to .93 and .9 to .6, which no rule reads and a reader sees."""
    shown = view(kept)
    [line] = shown.lines
    assert not line.warns
    assert line.says == (
        "No damage is shown: the measured loss of what a good model keeps is at most 0.05, and differences where "
        "nothing was tuned are not shown to be below 0.95 of before."
    )
    [table] = shown.tables
    assert (table.title, table.first, table.second) == (
        "The changed weights, on plain text",
        "the base",
        "the tuned model",
    )
    assert [row.feature for row in table.rows] == ["age", "gender"]
    row = table.rows[1]
    assert (row.right, row.mass, row.of) == (("0.950", "0.930"), ("0.900", "0.600"), "of negative controls")
    assert (row.is_damaged, row.is_blunted) == (False, False)
    assert row.lost.startswith("0.02")


def test_what_was_broken_is_named_with_its_places(broken: Audit) -> None:
    shown = view(broken)
    places = "age (tuned, weights, plain) and gender (tuned, weights, plain)"
    ending = f"{places}. A smaller lean there counts as no reduction."
    assert [line.says for line in shown.lines] == [
        f"More than 0.05 of what a good model keeps is lost: {ending}",
        f"Less than 0.95 of the differences is left where nothing was tuned: {ending}",
    ]
    assert all(line.warns for line in shown.lines)
    assert (shown.tables[0].rows[0].is_damaged, shown.tables[0].rows[0].is_blunted) == (True, True)


def test_where_blunting_was_not_measured_nothing_is_called_undamaged(tmp_path: Path) -> None:
    """A probe without negative controls, of a model without a training card: half of the evidence is missing."""
    shown = view(audited(save_association(tmp_path / NAME, controls=False), licensed=(0.95, 0.93)))
    unknown, lost = shown.lines
    assert (unknown.warns, lost.warns) == (True, False)
    assert unknown.says.startswith("Blunting was not measured of age and gender: ")
    assert lost.says == "The measured loss of what a good model keeps is at most 0.05."


def test_an_audit_without_the_table_or_without_such_items_says_that_nobody_knows(kept: Audit, tmp_path: Path) -> None:
    """From before there was the table, and of a probe whose author wrote no such items."""
    without = audited(save_association(tmp_path / NAME, licensed=False))
    for audit in (replace(kept, further={}), without):
        shown = view(audit)
        assert [line.says for line in shown.lines] == [UNKNOWN]
        assert shown.tables == ()


def test_a_feature_without_such_items_is_named_beside_those_that_have_them(kept: Audit) -> None:
    """Its row says so, too: a gap in a table would be taken for no damage."""
    table = kept.further["damage"].copy()
    of_age = table["feature"] == "age"
    table.loc[of_age, ["licensed_status", "blunting_status"]] = "not measured"
    table.loc[of_age, "licensed_items"] = 0
    numbers = [name for name in table.columns if str(table[name].dtype) == "float64"]
    table.loc[of_age, numbers] = None
    shown = view(replace(kept, further={"damage": table}))
    assert [line.says for line in shown.lines] == [
        "Not measured of age: nothing shows whether a smaller lean there is damage."
    ]
    age, gender = shown.tables[0].rows
    assert (age.right, age.lost, age.blunting) == (("not measured", "not measured"), "not measured", "not measured")
    assert gender.right == ("0.950", "0.930")


@pytest.mark.slow
def test_the_page_has_the_part_and_the_verdict_its_reason(kept: Audit, broken: Audit, tmp_path: Path) -> None:
    """In the section of the probe, in the thread of the number, and in Markdown."""
    html = render_html(broken)
    assert "Was anything broken? What a good model keeps" in part_of(html)
    assert "age 0.950 0.850 0.1" in part_of(html)
    said = re.sub(r"\s+", " ", html)
    assert "the lean changed, and what a good model keeps fell with it" in said
    assert "the base gives the right word 95.0 % and the tuned model 85.0 %" in said
    assert "the tuned model lost what is so by definition or in fact" in render_markdown(broken)
    assert "was not measured here" not in said
    without = audited(save_association(tmp_path / NAME, licensed=False))
    assert UNKNOWN in part_of(render_html(without))
    assert "which would make any lean smaller, was not measured here" in re.sub(r"\s+", " ", render_html(without))
    assert "was not measured here" not in re.sub(r"\s+", " ", render_html(kept))


def test_the_thread_of_a_number_says_what_was_lost_or_that_nobody_knows(kept: Audit) -> None:
    """Of a claim of less lean alone: where none is made, nothing can be damage."""
    [row] = records(kept.comparisons.query("feature == 'gender' and metric == 'graded'"))
    [found] = records(kept.further["damage"].query("feature == 'gender'"))
    says = " ".join(came_about(row, level="95 %", damage=found))
    assert "the base gives the right word 95.0\u00a0% and the tuned model 93.0\u00a0%" in says
    unknown = "was not measured here: there are no licensed associations with a number."
    assert unknown in " ".join(came_about(row, level="95 %", damage={}))
    assert unknown not in " ".join(came_about({**row, "verdict": "unchanged"}, level="95 %", damage={}))
    assert unknown not in " ".join(came_about(row, level="95 %"))
