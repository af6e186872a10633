from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import biasaudit.report
from biasaudit.report.charts.charts import (
    NARROW,
    WIDE,
    occupations_chart,
    occupations_finding,
    reduction_chart,
    reduction_finding,
)
from biasaudit.report.charts.pictures import VARIABLES, drawing, svg
from biasaudit.report.charts.shapes import Shape
from tests.report.factory import CELLS, JOBS, PAIRS, audit

if TYPE_CHECKING:
    from biasaudit.facade import Audit

PLAIN = "weights, plain"


def _values(spec: dict[str, Any]) -> list[dict[str, Any]]:  # Any: Vega-Lite is JSON
    return [row for rows in spec["datasets"].values() for row in rows]


def test_the_title_states_the_finding_over_declared_cells(small_audit: Audit) -> None:
    """The pooled row repeats evidence of the declared cells and is not counted."""
    finding = reduction_finding(small_audit.comparisons, contrast=PLAIN, tuned="tuned")
    assert finding.title == "Change shown in 2 of 5 comparisons"
    counts = "1 reduced, 1 unchanged, 1 increased, 1 inconclusive, 1 not measured"
    assert f"{finding.title} ({counts})." in finding.description


def test_the_chart_draws_the_numbers_of_the_table(small_audit: Audit) -> None:
    """Base 0.612 and tuned 0.431 of the one occupations cell, with the bounds that the frame holds."""
    spec = reduction_chart(small_audit.comparisons, contrast=PLAIN, tuned="tuned").to_dict()
    points = [row for row in _values(spec) if "arm" in row and row["row"].endswith("gender")]
    assert {(row["arm"], row["value"]) for row in points} == {("base", 0.612), ("tuned", 0.431)}
    assert {round(row["low"], 3) for row in points} == {0.572, 0.396}


def test_each_probe_has_its_own_scale_and_the_margin_as_a_band(small_audit: Audit) -> None:
    """Occupations reach 0.652; pairs 0.342. The margin is 0.05, and no scale ends before 0.1."""
    spec = reduction_chart(small_audit.comparisons, contrast=PLAIN, tuned="tuned").to_dict()
    ends = [panel["layer"][0]["encoding"]["x"]["scale"]["domain"] for panel in spec["vconcat"]]
    assert len(ends) == len({tuple(end) for end in ends}) == 2
    assert all(low <= -0.1 and high >= 0.1 for low, high in ends)
    assert {"low": -0.05, "high": 0.05} in _values(spec)


def test_long_labels_are_wrapped_and_centred_in_their_rows() -> None:
    """Nothing of a name is cut that two lines can hold."""
    name = "sexual orientation and gender identity"
    cells = [(PAIRS, name, True, *CELLS[0][3:]), (PAIRS, "age", True, *CELLS[0][3:])]
    drawn = svg(reduction_chart(audit(cells=cells).comparisons, contrast=PLAIN, tuned="tuned"))
    lines = [part.text or "" for part in ET.fromstring(drawn).iter() if part.tag.endswith("tspan")]
    assert [line for line in lines if line and line in name] == ["sexual orientation and", "gender identity"]


def test_a_cell_that_was_not_measured_has_a_row_and_no_mark(small_audit: Audit) -> None:
    """It must neither vanish nor sit at 0."""
    rows = _values(reduction_chart(small_audit.comparisons, contrast=PLAIN, tuned="tuned").to_dict())
    own = [row for row in rows if str(row.get("row", "")).endswith("disability")]
    assert own
    assert all(row["verdict"] == "– not measured" for row in own)


def test_a_contrast_that_was_not_compared_still_gives_a_chart_that_says_so(small_audit: Audit) -> None:
    """An empty Vega concat would be an error on the way to the report."""
    chart = reduction_chart(small_audit.comparisons, contrast="template, base", tuned="tuned")
    assert "Nothing was compared." in svg(chart)
    finding = reduction_finding(small_audit.comparisons, contrast="template, base", tuned="tuned")
    assert finding.title == "Nothing was compared"


def test_the_occupations_chart_holds_every_lean_with_its_interval(small_audit: Audit) -> None:
    """Nurse: 3 x (0.868 - 0.5) + 0.4 sin 0 = 1.104 in the base."""
    rows = _values(occupations_chart(small_audit.disparities, probe=JOBS, tuned="tuned").to_dict())
    nurse = next(row for row in rows if row.get("attribute") == "nurse" and row["arm"] == "base")
    assert (round(nurse["value"], 3), round(nurse["low"], 3), round(nurse["high"], 3)) == (
        1.104,
        0.604,
        1.604,
    )
    assert nurse["share"] == 0.868


def test_the_occupations_title_counts_intervals_that_exclude_zero(small_audit: Audit) -> None:
    """Counts only what an interval supports."""
    title = occupations_finding(small_audit.disparities, probe=JOBS, tuned="tuned").title
    assert title == "Occupations that lean clearly: 17 of 17 in the base, 14 after tuning"


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_same_chart_gives_the_same_svg_and_it_is_xml(small_audit: Audit, width: int) -> None:
    """Reports are compared byte for byte."""
    first, second = (
        svg(reduction_chart(small_audit.comparisons, contrast=PLAIN, tuned="tuned", width=width)) for _ in range(2)
    )
    assert first == second
    ET.fromstring(first)


def test_hostile_names_are_text_in_the_svg() -> None:
    """A feature name must never become an element of the picture."""
    name = "</text><script>x"
    cells = [(PAIRS, f"{name}\u202e", True, *CELLS[0][3:])]
    chart = reduction_chart(
        audit(cells=cells).comparisons,
        contrast=PLAIN,
        tuned="tuned",
        names={PAIRS: "\x00<image href=x>\ud800"},
    )
    drawn = svg(chart)
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
    assert tags <= {"svg", "g", "path", "line", "text", "rect", "defs", "title", "desc", "tspan"}
    assert "&lt;/text&gt;&lt;script&gt;" in drawn


def test_two_features_with_one_label_keep_two_rows() -> None:
    """Labels are cut; cells are not merged by it."""
    long = "x" * 60
    cells = [(PAIRS, f"{long}a", True, *CELLS[0][3:]), (PAIRS, f"{long}b", True, *CELLS[0][3:])]
    rows = _values(reduction_chart(audit(cells=cells).comparisons, contrast=PLAIN, tuned="tuned").to_dict())
    assert len({row["row"] for row in rows if "row" in row}) == 2


def test_pictures_are_painted_with_the_variables_of_the_page(small_audit: Audit) -> None:
    """One drawing serves light and dark pages: no colour of its own is left in it."""
    drawn = drawing(occupations_chart(small_audit.disparities, probe=JOBS, tuned="tuned"))
    paints = {value for shape in everything(drawn) for name, value in shape.attributes if name in {"fill", "stroke"}}
    assert paints <= {"none", "transparent", *(f"var({variable})" for variable in VARIABLES.values())}
    assert "var(--ink)" in paints


def test_the_page_gives_every_paint_a_colour_in_light_dark_and_print() -> None:
    style = (Path(biasaudit.report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    for variable in VARIABLES.values():
        assert style.count(f"{variable}:#") == 3, variable


def everything(shape: Shape) -> list[Shape]:
    return [shape, *(part for child in shape.children for part in everything(child))]
