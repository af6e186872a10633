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

    Parts of a probe that do not print are left out, and only they.
    """
    path: Path = request.getfixturevalue(report)
    with opened(browser, path) as (page, _):
        assert page.locator("details[open]").count() == 0
        wanted = page.evaluate("""
          [...document.querySelectorAll("caption:not(.hidden), .verdict bdi, th[scope]")]
          .filter(part => !part.closest(".sign-form, .screen-only"))
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


def test_paper_shows_one_look_of_each_chart_in_dark_ink(browser: Browser, small_report: Path) -> None:
    """A page read in the dark is still printed on white paper."""
    with opened(browser, small_report, width=WIDTH) as (page, _):
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        shown = page.evaluate("""[...document.querySelectorAll("figure")].map(figure =>
          [...figure.querySelectorAll("svg, img")].filter(part => part.checkVisibility()).length)""")
        assert shown
        assert set(shown) == {1}


def test_pages_are_numbered(browser: Browser, small_report: Path) -> None:
    """A reader who prints a page in part can say which."""
    read, _ = _printed(browser, small_report)
    n_pages = len(read.pages)
    assert f"1/{n_pages}" in _squeezed(read.pages[0].extract_text())
    assert f"{n_pages}/{n_pages}" in _squeezed(read.pages[-1].extract_text())


def test_warnings_keep_a_tint_on_paper(browser: Browser, demo_report: Path) -> None:
    with opened(browser, demo_report, width=WIDTH) as (page, _):
        page.emulate_media(media="print")
        tint = page.evaluate("getComputedStyle(document.querySelector('.note')).backgroundColor")
        assert tint != "rgb(255, 255, 255)"


def test_the_menu_is_not_printed(browser: Browser, small_report: Path) -> None:
    """Paper has no links."""
    _, text = _printed(browser, small_report)
    assert "Skiptotheanswer" not in text
    assert "thetunedmodelleans12" in text
