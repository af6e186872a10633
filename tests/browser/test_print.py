"""The page on paper: nothing folded, nothing cut."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser

from tests.browser.test_page import opened

pytestmark = pytest.mark.slow

# A4 at 96 dots per inch, less the margins of style.css (14 mm above and below, 12 mm at the sides).
WIDTH, HEIGHT = 703, 1017


def _squeezed(text: str) -> str:
    """Lines break where the paper ends, so blanks say nothing; ligatures are two letters."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def _printed(browser: Browser, report: Path) -> tuple[pypdf.PdfReader, str]:
    with opened(browser, report) as (page, _):
        read = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    return read, _squeezed("".join(sheet.extract_text() for sheet in read.pages))


@pytest.mark.parametrize("report", ["small_report", "sample_report", "stages_report"])
def test_all_that_is_folded_on_the_screen_is_open_on_paper(
    browser: Browser, report: str, request: pytest.FixtureRequest
) -> None:
    """Every caption, verdict and row head is in the PDF's text; the folded ones are closed when printing starts.

    But for what says itself that it is of the screen alone, and parts of probes that cannot be interpreted.
    """
    path: Path = request.getfixturevalue(report)
    with opened(browser, path) as (page, _):
        assert page.locator("details[open]").count() == 0
        wanted = page.evaluate("""
          [...document.querySelectorAll("caption:not(.hidden), .verdict bdi, th[scope], .flip bdi")]
          .filter(part => !part.closest(".screen-only, .unread .part"))
          .map(part => part.textContent)""")
    read, text = _printed(browser, path)
    assert read.pages[0].mediabox.width == pytest.approx(595, abs=1)
    assert wanted
    assert [words for words in wanted if _squeezed(words) not in text] == []


@pytest.mark.parametrize("report", ["small_report", "sample_report", "suite_report", "stages_report", "hostile_report"])
def test_nothing_is_wider_or_a_chart_taller_than_the_paper(
    browser: Browser, report: str, request: pytest.FixtureRequest
) -> None:
    """What is wider is cut or shrunk, and a chart that does not fit a sheet is cut in two."""
    with opened(browser, request.getfixturevalue(report), width=WIDTH) as (page, _):
        page.emulate_media(media="print")
        cut = page.evaluate(
            """([width, height]) => [...document.querySelectorAll("main *")].filter(part => {
              const box = part.getBoundingClientRect();
              if (part.closest(".hidden, g") || !box.width) return false;
              if (getComputedStyle(part).position === "absolute") return false;
              return box.right > width + 1 || part.tagName === "FIGURE" && box.height > height;
            }).map(part => part.outerHTML.slice(0, 200))""",
            [WIDTH, HEIGHT],
        )
        assert cut == []
        assert page.evaluate("document.scrollingElement.scrollWidth") <= WIDTH


def test_paper_shows_one_look_of_each_chart_in_dark_ink(browser: Browser, stages_report: Path) -> None:
    """A page read in the dark is still printed on white paper."""
    with opened(browser, stages_report, width=WIDTH) as (page, _):
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        shown = page.evaluate("""[...document.querySelectorAll("figure")]
          .filter(figure => !figure.closest(".screen-only")).map(figure =>
          [...figure.querySelectorAll("svg, img")].filter(part => part.checkVisibility()).length)""")
        assert shown
        assert set(shown) == {1}


def test_pages_are_numbered(browser: Browser, small_report: Path) -> None:
    """A reader who prints a page in part can say which."""
    read, _ = _printed(browser, small_report)
    n_pages = len(read.pages)
    assert f"1/{n_pages}" in _squeezed(read.pages[0].extract_text())
    assert f"{n_pages}/{n_pages}" in _squeezed(read.pages[-1].extract_text())


def test_warnings_keep_a_tint_on_paper(browser: Browser, small_report: Path) -> None:
    with opened(browser, small_report, width=WIDTH) as (page, _):
        page.emulate_media(media="print")
        tint = page.evaluate("getComputedStyle(document.querySelector('.warns')).backgroundColor")
        assert tint != "rgb(255, 255, 255)"


def test_the_menu_is_not_printed(browser: Browser, small_report: Path) -> None:
    """Paper has no links."""
    _, text = _printed(browser, small_report)
    assert "Skiptotheanswer" not in text
    assert "thetunedmodelleans12" in text


def test_of_the_comparisons_the_open_table_alone_is_printed(browser: Browser, demo_report: Path) -> None:
    """With verdict and numbers; pictures, folded comparisons and how a number came about are of the screen."""
    with opened(browser, demo_report, width=WIDTH) as (page, _):
        page.emulate_media(media="print")
        shown = """name => [...document.querySelectorAll(".probe-section:not(.unread) .verdicts " + name)]
          .filter(part => part.checkVisibility()).length"""
        n_rows = page.evaluate(
            "document.querySelectorAll('.probe-section:not(.unread) .verdicts > .scroll tbody').length"
        )
        assert n_rows > 0
        assert page.evaluate(shown, "tr:not(.thread)") == n_rows + page.evaluate(shown, "thead tr")
        assert [page.evaluate(shown, name) for name in ("figure", "details", ".thread", "a")] == [0, 0, 0, 0]


def test_what_is_said_of_all_probes_is_a_line_on_paper(browser: Browser, small_report: Path) -> None:
    """Its table is in the files; of the weights and the template the picture stands."""
    with opened(browser, small_report, width=WIDTH) as (page, _):
        page.emulate_media(media="print")
        assert page.locator("#leans table").first.is_hidden()
        assert page.get_by_text("disparities.csv").first.is_visible()
        assert page.get_by_text("Which groups, in which probes?").locator("visible=true").count() >= 1


def test_a_link_to_a_folded_section_opens_it(browser: Browser, small_report: Path) -> None:
    """The target is inside of the fold, which browsers open for it, without script."""
    with opened(browser, small_report, script=False) as (page, _):
        assert page.locator("#leans table").first.is_hidden()
        page.locator('nav a[href="#leans"]').click()
        assert page.locator("#leans table").first.is_visible()
        assert page.locator("section:has(#leans) > details > summary").is_visible()
