"""One picture for sharing: what it says, how large it is, and that nothing foreign gets out of its place."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biasaudit.errors import UsageError
from biasaudit.facade import Audit
from biasaudit.report import render_picture
from biasaudit.report.charts import drawn_apart
from biasaudit.report.charts.overview import overview
from biasaudit.types import Estimate, Status
from tests.browser.hostile import hostile_audit
from tests.report.factory import HEADLINE, PAIRS, audit

PLAIN: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}
STARTED = {"run": {"started": "2026-03-01T09:05:00+00:00"}}


def texts(made: Audit) -> list[str]:
    root = ET.fromstring(render_picture(made))  # our own drawing
    assert (root.get("width"), root.get("height")) == ("1200", "630")
    return [(part.text or "").replace("\u00a0", " ") for part in root.iter() if part.text]


def test_it_says_models_answer_counts_interval_and_date() -> None:
    said = texts(audit(manifest_changes=STARTED, **PLAIN))
    whole = " ".join(said)
    assert "org/base → org/base-it" in said
    assert "On plain text, the tuned model leans 12 % less than the base (between 5 % and 20 % less)." in whole
    assert "Best estimate: 12 % less lean" in said
    assert "Of 5 comparisons: 1 reduced, 1 unchanged, 1" in whole
    (foot,) = (line for line in said if line.startswith("Audit of"))
    assert (
        foot == "Audit of 2026-03-01 09:05 UTC · 4 of 5 comparisons drawn · bars and lines: 95 % intervals · biasaudit"
    )


def test_it_draws_the_rows_of_the_page() -> None:
    """One definition: as many dumbbells, and each mark where the page has it, on the 320 pixels from 690 on."""
    made = audit(**PLAIN)
    found = overview(made.comparisons, tuned="tuned", contrast="weights, plain")
    assert found is not None
    root = ET.fromstring(render_picture(made))  # our own drawing
    circles = [float(part.get("cx", "0")) for part in root.iter() if part.tag.endswith("circle")][1:]
    expected = [690 + 320 * row.first.value for probe in found.probes for row in probe.rows]
    assert circles == pytest.approx(expected, abs=0.06)


def test_what_has_no_number_has_no_line() -> None:
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method="too little lean", unit="relative")
    said = texts(audit(headlines=(replace(HEADLINE, relative_reduction=nothing),), **PLAIN))
    assert "too little lean." in " ".join(said)
    assert "all gone" not in said
    assert not any(line.startswith("Best estimate") for line in said)
    empty = texts(audit(headlines=(), cells=(), **PLAIN))
    assert "Nothing that can be read was compared." in empty
    assert "Date of the audit: not recorded · biasaudit" in empty


def test_foreign_names_are_text_and_cut() -> None:
    """A picture is opened by a browser as a document of its own."""
    made = hostile_audit()
    drawn = render_picture(made)
    root = ET.fromstring(drawn)  # our own drawing
    assert {part.tag.rpartition("}")[2] for part in root.iter()} <= {
        "svg", "title", "text", "rect", "line", "circle", "path",
    }  # fmt: skip
    assert not any(name.startswith("on") or "href" in name for part in root.iter() for name in part.attrib)
    assert all(len(line) <= 500 for line in texts(made))
    assert len(drawn) < 60_000
    assert not set(drawn) & {"\u202e", "\u2067", "\x00", "\ud800"}


def test_long_names_of_models_stay_on_the_picture() -> None:
    """34 letters each: 71 with the arrow, of 22 pixels and so of about 15 each, between margins of 48 of 1,200."""
    plan = {"base": "org/" + "b" * 90, "tuned": {"tuned": "org/" + "t" * 90}}
    said = texts(audit(manifest_changes={"plan": plan}, **PLAIN))
    assert f"org/{'b' * 29}… → org/{'t' * 29}…" in said


def test_many_cells_still_fit() -> None:
    """The lowest mark ends above the foot, and the foot says how many were drawn."""
    cells = [(PAIRS, f"feature-{number}", True, 0.4, 0.1, "inconclusive", "") for number in range(60)]
    made = audit(cells=cells, **PLAIN)
    root = ET.fromstring(render_picture(made))  # our own drawing
    places = [float(part.get("y", "0")) for part in root.iter() if part.tag.endswith("text")]
    assert max(places) == 600
    assert sorted(places)[-2] < 570
    assert any("18 of 60 comparisons drawn" in line for line in texts(made))


def test_a_png_has_the_same_size(tmp_path: Path) -> None:
    path = audit(**PLAIN).to_image(tmp_path / "a.PNG")
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1200, 630)


def test_the_same_audit_gives_the_same_picture(tmp_path: Path) -> None:
    made = audit(**PLAIN)
    assert made.to_image(tmp_path / "a.svg").read_bytes() == made.to_image(tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").read_text("utf-8").startswith("<svg xmlns=")


def test_another_ending_is_refused_with_the_two_that_are_possible(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no report ends with '\.jpg'") as caught:
        audit(**PLAIN).to_image(tmp_path / "a.jpg")
    assert "a file that ends with .svg or .png" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_png_that_cannot_be_drawn_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of the memory ends the process that draws; the SVG needs none."""

    def dies(_: str) -> bytes:
        raise drawn_apart.NotDrawnError("the process that draws ended")

    monkeypatch.setattr(drawn_apart, "png_apart", dies)
    with pytest.raises(UsageError, match="was not written: the process that draws ended") as caught:
        audit(**PLAIN).to_image(tmp_path / "a.png")
    assert ".svg, which needs no drawing" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_long_answer_is_set_smaller_and_not_cut() -> None:
    """A bound that is cut off is nowhere else on a picture."""
    named = replace(HEADLINE, tuned="llama-3-8b-instruct-dpo-final", contrast="as deployed")
    made = audit(headlines=(replace(named, relative_reduction=wide()),))
    answer = " ".join(texts(made))
    assert "more than the base." in answer
    assert "…" not in answer[answer.index("As deployed") : answer.index("more than the base.")]


def test_marks_that_lie_on_one_another_are_not_both_named() -> None:
    """A lean that grew sixfold: "as before" and "all gone" were printed over each other."""
    grown = replace(wide(), value=-5.8, ci_low=-9.0, ci_high=-4.3)
    said = texts(audit(headlines=(replace(HEADLINE, relative_reduction=grown),)))
    assert "as before" in said
    assert "all gone" not in said
    assert "all gone" in texts(audit(headlines=(replace(HEADLINE, relative_reduction=wide()),)))


def test_two_models_of_different_lineage_are_not_shown_as_tuning() -> None:
    lineage = {"tuned": "DIFFERENT LINEAGE: other shapes"}
    assert any("not tuned from the first" in one for one in texts(audit(manifest_changes={"lineage": lineage})))
    assert "Social bias before and after tuning" in texts(audit())


def test_two_models_that_were_computed_differently_are_not_shown_as_tuning() -> None:
    found = {"base": {"dtype": "float32"}, "tuned": {"dtype": "bfloat16"}}
    said = texts(audit(manifest_changes={"fingerprints": found}))
    assert any("computed in different ways" in one for one in said)
    assert "Social bias before and after tuning" not in said


def wide() -> Estimate:
    return Estimate(
        status=Status.OK, value=-0.07, ci_low=-0.22, ci_high=0.04, n_items=100, n_clusters=10, unit="relative"
    )
