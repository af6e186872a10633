"""A section of the page, and a chart, are one object and one line: nothing in the package knows which there are."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import altair as alt
import jinja2
import pandas as pd
import pytest

from biasaudit.errors import EmptySampleError, UsageError
from biasaudit.report import render_html
from biasaudit.report.charts.gallery import CHARTS, Asked, Chart
from biasaudit.report.page_sections import SECTIONS
from biasaudit.report.section import Section, Source
from tests.report.factory import JOBS, PAIRS, audit

if TYPE_CHECKING:
    from biasaudit.facade import Audit
    from biasaudit.record.audit_record import AuditRecord

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reports.md"
TEMPLATES = Path(__file__).resolve().parents[2] / "biasaudit" / "report" / "templates"

HOSTILE = "</section><script>alert(1)</script>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarks:
    remarks: tuple[str, ...]


def remarks(source: Source) -> Remarks | None:
    said = (HOSTILE, *source.names.values(), f"{len(source.audit.items)} items") if len(source.audit.items) else ()
    return Remarks(remarks=said) if said else None


@pytest.fixture(scope="module")
def made() -> Audit:
    return audit(contrasts=("template, tuned",), with_disparities=False, with_families=False)


@pytest.fixture
def few() -> Iterator[None]:
    """Leave two sections, for claims that need no more: making them is most of the time."""
    sections = cast("dict[str, Section]", SECTIONS)
    kept = dict(sections)
    for name in set(kept) - {"audited", "method"}:
        del sections[name]
    yield
    # All anew, and not what was taken out alone: the order is the page's.
    sections.clear()
    sections.update(kept)


@pytest.fixture
def section(tmp_path: Path) -> Section:
    (tmp_path / "remarks.html.jinja").write_text(
        '<section id="remarks"><h2>Remarks</h2>\n{% for said in shown.remarks %}<p>{{ said }}</p>\n{% endfor %}'
        "<p>{{ page.level }}</p></section>\n",
        encoding="utf-8",
    )
    return Section(name="remarks", title="Remarks & more", template="remarks.html.jinja", view=remarks, folder=tmp_path)


def links(html: str) -> list[str]:
    navigation = html.partition("<nav")[2].partition("</nav>")[0]
    return re.findall(r'<li><a href="#([^"]+)">', navigation)


@pytest.mark.usefixtures("few")
def test_a_section_is_one_object_and_one_line(section: Section, made: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in the page and in its navigation, in the place that the mapping gives it; all else is as it was."""
    before = render_html(made)
    monkeypatch.setitem(SECTIONS, "remarks", section)
    html = render_html(made)
    assert links(html) == [*links(before), "remarks"]
    assert '<li><a href="#remarks">Remarks &amp; more</a></li>' in html
    own = html[html.index('<section id="remarks">') : html.index("</main>")]
    assert "<p>CrowS-Pairs (original release)</p>" in own
    assert "<p>34 items</p>" in own
    assert "<p>95\xa0%</p>" in own
    link = '<li><a href="#remarks">Remarks &amp; more</a></li>\n'
    assert html.replace(own, "").replace(link, "") == before


@pytest.mark.usefixtures("few")
def test_what_a_section_from_elsewhere_shows_is_escaped_and_runs_nothing(
    section: Section, made: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same fences as around our own: escaping, and the policy that allows one script by its hash."""
    policy = re.compile(r'Content-Security-Policy" content="([^"]+)"')
    allowed = policy.findall(render_html(made))
    monkeypatch.setitem(SECTIONS, "remarks", section)
    html = render_html(made)
    assert HOSTILE not in html
    assert "<p>&lt;/section&gt;&lt;script&gt;alert(1)&lt;/script&gt;</p>" in html
    assert policy.findall(html) == allowed


@pytest.mark.usefixtures("few")
def test_a_section_whose_view_is_none_leaves_no_trace(
    section: Section, made: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = replace(made, items=made.items.iloc[:0], scores=made.scores.iloc[:0])
    before = render_html(empty)
    monkeypatch.setitem(SECTIONS, "remarks", section)
    assert render_html(empty) == before


@pytest.mark.usefixtures("few")
def test_a_section_without_a_title_or_a_link_stands_in_the_page_alone(
    section: Section, made: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for silent in (replace(section, title=None), replace(section, has_link=lambda shown: not shown.remarks)):
        monkeypatch.setitem(SECTIONS, "remarks", silent)
        html = render_html(made)
        assert "remarks" not in links(html)
        assert '<section id="remarks">' in html


@pytest.mark.usefixtures("few")
def test_a_name_that_a_view_lacks_is_an_error_and_not_nothing(
    section: Section, made: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "remarks.html.jinja").write_text("{{ shown.remark }}", encoding="utf-8")
    monkeypatch.setitem(SECTIONS, "remarks", section)
    with pytest.raises(jinja2.UndefinedError, match="remark"):
        render_html(made)


@pytest.mark.usefixtures("few")
def test_a_template_from_elsewhere_takes_the_place_of_no_other(
    section: Section, made: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the name of one of ours is the section's own, and nobody else's."""
    (tmp_path / "audited.html.jinja").write_text("<p>mine</p>", encoding="utf-8")
    before = render_html(made)
    monkeypatch.setitem(SECTIONS, "remarks", replace(section, title=None, template="audited.html.jinja"))
    assert render_html(made).replace("<p>mine</p>", "") == before


@pytest.mark.usefixtures("few")
def test_a_section_that_shows_items_brings_the_script_that_finds_them(
    section: Section, made: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = replace(made, items=made.items.iloc[:2], scores=made.scores.iloc[:0])
    assert "<script" not in render_html(bare)
    monkeypatch.setitem(SECTIONS, "remarks", replace(section, has_script=lambda shown: bool(shown.remarks)))
    html = render_html(bare)
    assert html.count("<script") == 1
    assert "script-src &#39;sha256-" in html


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_writes_its_name_as_an_id(name: str) -> None:
    """By itself, or by the frame of what is folded."""
    one = SECTIONS[name]
    assert one.name == name
    text = (TEMPLATES / one.template).read_text(encoding="utf-8")
    assert one.title is None or f'id="{name}"' in text or f'call folded("{name}"' in text


def test_every_link_of_the_navigation_leads_to_one_place(small_page: str) -> None:
    ids = re.findall(r'<[^>]* id="([^"]+)"', small_page)
    there = links(small_page)
    assert {"probes", "leans", "method"} <= set(there)
    assert [ids.count(name) for name in there] == [1] * len(there)


@pytest.mark.usefixtures("few")
def test_a_section_from_elsewhere_may_stand_folded(
    section: Section, made: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target of its link is inside of the fold, so that the link opens it; foreign text in its line is text."""
    (tmp_path / "remarks.html.jinja").write_text(
        '{% call folded("remarks", "Remarks", shown.remarks[0], csv="items.csv", prints=true) %}'
        "<p>{{ shown.remarks[2] }}, {{ page.level }}</p>{% endcall %}\n",
        encoding="utf-8",
    )
    monkeypatch.setitem(SECTIONS, "remarks", section)
    html = render_html(made)
    fold = html.partition('<section class="folded" aria-labelledby="remarks-title">')[2].partition("</section>")[0]
    before, _, after = fold.partition("</summary>")
    assert '<h2 id="remarks-title">Remarks</h2>' in before
    assert "&lt;script&gt;alert(1)" in before
    assert "<p>Gender and occupation, 95\xa0%</p>" in after.partition('<div id="remarks"')[2]
    assert "screen-only" not in after
    assert "<code>items.csv</code>" in after
    assert HOSTILE not in html


@pytest.mark.usefixtures("few")
def test_the_example_of_the_page_on_reports_is_a_section(
    made: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """22 pairs and 12 associations, as the audit of these tests has them."""
    text = DOCS.read_text(encoding="utf-8").partition("## To add a section")[2]
    for language, file in (("python", "asked.py"), ("jinja", "asked.html.jinja")):
        [code] = re.findall(rf"^```{language}\n(.*?)^```", text.partition("\n## ")[0], re.DOTALL | re.MULTILINE)[:1]
        (tmp_path / file).write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("asked", tmp_path / "asked.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "asked", example)  # where dataclasses look
    spec.loader.exec_module(example)
    monkeypatch.setitem(SECTIONS, "asked", example.SECTION)
    html = render_html(made)
    assert links(html)[-1] == "asked"
    rows = re.findall(r"<tr><th scope=\"row\"><bdi>(.*?)</bdi></th><td class=\"num\">(\d+)</td></tr>", html)
    assert rows == [("CrowS-Pairs (original release)", "22"), ("Gender and occupation", "12")]


def sizes(asked: Asked) -> alt.VConcatChart:
    n_items = int((asked.audit.items["probe"] == asked.probe).sum())
    return alt.VConcatChart(
        vconcat=[alt.Chart(pd.DataFrame({"probe": [asked.names[asked.probe]], "n": [n_items]})).mark_bar()]
    )


def with_items(made: AuditRecord) -> list[str]:
    return sorted(set(made.items["probe"]))


def test_a_chart_is_one_object_and_one_line(small_audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first probe that it can show, any other that it can, and none that it cannot."""
    with pytest.raises(UsageError, match="there is no chart 'sizes'"):
        small_audit.chart("sizes")
    monkeypatch.setitem(CHARTS, "sizes", Chart(name="sizes", draw=sizes, probes=with_items))
    assert list(small_audit.chart("sizes").to_dict()["datasets"].values()) == [
        [{"probe": "CrowS-Pairs (original release)", "n": 22}]
    ]
    [[row]] = small_audit.chart("sizes", probe=JOBS).to_dict()["datasets"].values()
    assert row["n"] == 12
    with pytest.raises(UsageError, match=rf"'sizes' cannot show the probe 'traits'.\nIt can: {PAIRS}, {JOBS}"):
        small_audit.chart("sizes", probe="traits")
    with pytest.raises(EmptySampleError, match="no probe of this audit has what the chart 'sizes' shows"):
        replace(small_audit, items=small_audit.items.iloc[:0]).chart("sizes")


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_the_name_that_it_is_asked_by(name: str) -> None:
    assert CHARTS[name].name == name
