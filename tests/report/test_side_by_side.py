from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import biasaudit
from biasaudit.errors import BiasauditError, EmptySampleError, UsageError
from biasaudit.probes import limited, load_probe
from biasaudit.report import render_notebook, render_side_by_side
from biasaudit.report.charts.gallery import CHARTS
from biasaudit.report.outputs.side_by_side import sides
from biasaudit.testing import leaning, scripted_audit
from biasaudit.types import Estimate, Status
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit, manifest
from tests.report.test_render import HOSTILE, _parsed, _text
from tests.scripted_audits import save_audit

# Each computes an audit or more from its responses.
pytestmark = pytest.mark.slow

PLAIN: dict[str, Any] = {"with_disparities": False, "with_families": False, "contrasts": ("weights, plain",)}


def other() -> Any:  # Any: the factory's Audit
    """Another audit: other items of one probe, a cell less, another sample, and no number for an answer."""
    there = manifest()
    probes = {**there.probes, JOBS: {**there.probes[JOBS], "version": "2", "sha256": "cd" * 32}}
    estimate = Estimate(status=Status.NOT_ESTIMABLE, method="too little lean", unit="relative")
    return audit(
        headlines=(replace(HEADLINE, relative_reduction=estimate),),
        cells=[(JOBS, "gender", True, 0.5, 0.47, "unchanged", "within the margin")],
        manifest_changes={"probes": probes, "plan": {**there.plan, "limit": 200, "base": "org/other"}},
        **PLAIN,
    )


def test_each_audit_stands_with_its_own_answer() -> None:
    """A number in one, a status in the other."""
    text = _text(render_side_by_side({"first": audit(**PLAIN), "second": other()}))
    assert "the tuned model leans 12 % less than the base (between 5 % and 20 % less)." in text
    assert "Not estimable on plain text: too little lean." in text


def test_what_differs_in_the_plans_is_pointed_out_and_the_rest_is_named_as_the_same() -> None:
    """Sample, base and the version of a probe; not the seed."""
    page = sides({"first": audit(**PLAIN), "second": other()})
    differing = {row.term: row.values for row in page.differing}
    assert differing["Base"] == ("org/base", "org/other")
    assert differing["Sample: bias items of each probe"] == ("all", "200")
    assert differing[f"Probe {JOBS}"][0].startswith("version 1, 180 items")
    assert differing[f"Probe {JOBS}"][1].startswith("version 2, 180 items")
    assert {"Seed", "Margin", "Framings", f"Probe {PAIRS}"} <= set(page.same)
    assert {part.probe: part.differs for part in page.probes}["Gender and occupation"] == (
        "not the same items in all audits"
    )


def test_cells_stand_beside_one_another_and_one_that_was_not_asked_is_empty() -> None:
    """Index of either arm and verdict, from each audit's own table."""
    html = render_side_by_side({"first": audit(**PLAIN), "second": other()})
    rows = re.findall(r'<tr><th scope="row"><bdi>(.*?)</bdi></th>(.*?)</tr>', html, re.DOTALL)
    cells = {name: _text(content) for name, content in rows}
    assert "base: 0.61 (0.57 to 0.65)" in cells["gender"]
    assert "base: 0.50 (0.46 to 0.54)" in cells["gender"]
    assert "D: 0.03 (0.00 to 0.06)" in cells["gender"]
    assert cells["religion"].endswith("not asked")
    assert cells["disability"].count("too few clusters") == 3


def test_nothing_is_given_as_a_difference_between_audits() -> None:
    """0.181 - 0.030 = 0.151, 0.431 - 0.470 = -0.039 and 0.612 - 0.500 = 0.112 are not paired: no estimate has them.

    As they would be shown; 0.11 is a lean of another cell (0.110 at `age`), in both audits and nowhere else.
    """
    html = render_side_by_side({"first": audit(**PLAIN), "second": other()})
    estimates = re.findall(r"(([−\d.]+) \([−\d.]+ to [−\d.]+\))", _text(html))
    values = {value for _, value in estimates}
    assert "0.18" in values
    assert not values & {"0.15", "−0.15", "0.04", "−0.04", "−0.11"}
    assert {whole for whole, value in estimates if value == "0.11"} <= {"0.11 (0.07 to 0.15)"}
    assert "Nothing here is the difference between two audits" in html


def test_the_page_is_well_formed_runs_nothing_and_comes_out_the_same_twice() -> None:
    """As the report of one audit, without its script."""
    audits = {"first": audit(**PLAIN), "second": other()}
    html = render_side_by_side(audits)
    parsed = _parsed(html)
    assert parsed.open == []
    assert "script" not in parsed.tags
    assert "default-src &#39;none&#39;" in html
    assert html.count("<table") == html.count("<caption")
    assert not re.search(r'(?:src|href)="(?!#)', html)
    assert render_side_by_side(audits) == html


def test_hostile_audits_stay_text_side_by_side_and_in_a_notebook() -> None:
    """Names of folders, models, features and probes."""
    hostile = audit(
        cells=[(PAIRS, HOSTILE[:-2], True, *CELLS[0][3:5], HOSTILE[:-2], "reason")],
        manifest_changes={
            "probes": {PAIRS: {"name": HOSTILE, "version": HOSTILE}},
            "plan": {"base": HOSTILE, "tuned": {"tuned": "t" * 100_000}, "suite": HOSTILE},
            "lineage": {"tuned": f"DIFFERENT LINEAGE {HOSTILE}"},
            "fingerprints": {},
        },
        **PLAIN,
    )
    for html in (render_side_by_side({HOSTILE: hostile, "other": audit(**PLAIN)}), render_notebook(hostile)):
        html.encode("utf-8")
        parsed = _parsed(html)
        assert parsed.open == []
        assert not parsed.tags & {"script", "img"}
        assert "{{ 7 * 7 }}" in parsed.text
        assert len(html) < 100_000


def test_audits_without_any_contrast_have_a_page_too() -> None:
    """A page that fails hides both."""
    empty = audit(headlines=(), cells=(), **PLAIN)
    text = _text(render_side_by_side({"a": empty, "b": empty}))
    assert "No contrast was compared." in text
    assert "Nothing that was asked." in text


def test_the_notebook_shows_the_answer_and_the_cells_with_their_intervals() -> None:
    """What the last line of a cell shows."""
    shown = audit(**PLAIN)._repr_html_()
    text = _text(shown)
    assert "the tuned model leans 12 % less than the base" in text
    assert "0.61 (0.57 to 0.65)" in text
    assert "too few clusters" in text
    assert _parsed(shown).open == []
    assert len(shown) < 10_000


def test_folders_are_set_side_by_side_under_their_names(tmp_path: Path) -> None:
    """Two of one name are told apart, and one alone is refused."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    save_audit(tmp_path / "a")
    save_audit(tmp_path / "b", tuned=2.0)
    folders = [tmp_path / name / "audit" for name in ("a", "b")]
    page = biasaudit.side_by_side(folders, tmp_path / "side.html").read_text(encoding="utf-8")
    assert "<bdi>audit</bdi>" in page
    assert "<bdi>audit (2)</bdi>" in page
    assert str(tmp_path) not in page
    with pytest.raises(UsageError, match="two audits"):
        biasaudit.side_by_side(folders[:1], tmp_path / "one.html")


def test_every_chart_has_a_name_and_a_wrong_one_lists_them() -> None:
    """A notebook has no other way to find them."""
    with pytest.raises(UsageError) as raised:
        audit(**PLAIN).chart("pie")
    assert all(name in str(raised.value) for name in CHARTS)


def test_each_chart_is_drawn_with_its_finding_or_says_that_there_is_nothing_to_draw() -> None:
    """Occupations and decisions have all charts but that of error rates, for which the truth must be known."""
    probes = [limited(load_probe(name), 40, seed=0) for name in ("occupations", "decisions")]
    given_audit = scripted_audit(
        leaning("base", 2.0), leaning("tuned", 1.0), probes=probes, framing_names=("plain", "chat")
    )
    for name in sorted(set(CHARTS) - {"errors"}):
        drawn = given_audit.chart(name).to_dict()
        assert drawn["title"]["text"]
        assert drawn["description"]
    with pytest.raises(EmptySampleError, match="errors"):
        given_audit.chart("errors")


@pytest.mark.parametrize("name", ["stages", "decisions", "errors"])
def test_a_chart_of_what_an_audit_does_not_have_is_not_an_empty_picture(name: str) -> None:
    """The page of this audit has none of them either."""
    with pytest.raises(EmptySampleError, match=name):
        audit().chart(name)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"tuned": "tuned-9"}, "It has: tuned."),
        ({"contrast": "none"}, "weights, plain"),
        ({"name": "wordings", "probe": "none"}, JOBS),
    ],
)
def test_what_a_chart_cannot_show_is_said_with_what_it_can(changes: dict[str, str], word: str) -> None:
    """Not a chart without marks."""
    with pytest.raises(BiasauditError) as raised:
        audit().chart(**changes)
    assert word in str(raised.value)
