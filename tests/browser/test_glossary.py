"""Words of the page open where they stand: by pointer and by key, without script, and not on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_accessibility import violations
from tests.browser.test_page import opened

pytestmark = pytest.mark.slow

WORD = ".told .key .term >> nth=0"
MEANS = "#term-inherited-lean"


def box(page: Page, name: str) -> dict[str, float]:
    found = page.locator(name).first.bounding_box()
    assert found, name
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_word_opens_beside_itself_and_closes_again(
    browser: Browser, small_report: Path, *, width: int, script: bool
) -> None:
    """Within the width of the page, above or below its word and not over it; a press elsewhere or the key closes it."""
    with opened(browser, small_report, width=width, script=script) as (page, _):
        assert not page.locator(MEANS).is_visible()
        page.locator(WORD).click()
        assert page.locator(MEANS).is_visible()
        word, means = box(page, WORD), box(page, MEANS)
        below = means["y"] - (word["y"] + word["height"])
        above = word["y"] - (means["y"] + means["height"])
        assert 0 <= max(below, above) <= 24
        assert means["x"] >= 0
        assert means["x"] + means["width"] <= width
        page.keyboard.press("Escape")
        assert not page.locator(MEANS).is_visible()


def test_a_word_is_reached_and_opened_by_key(browser: Browser, small_report: Path) -> None:
    """The focus stays at the word, from where one reads on."""
    with opened(browser, small_report) as (page, _):
        page.locator(WORD).focus()
        page.keyboard.press("Enter")
        assert page.locator(MEANS).is_visible()
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.getAttribute('popovertarget')") == "term-inherited-lean"


def test_only_one_explanation_stands_open(browser: Browser, small_report: Path) -> None:
    with opened(browser, small_report) as (page, _):
        for name in (WORD, ".told .key .term >> nth=1"):
            page.locator(name).click()
        assert page.locator(".glossary :popover-open").evaluate_all("all => all.map(one => one.id)") == [
            "term-interval"
        ]


def test_a_word_looks_like_the_text_around_it(browser: Browser, small_report: Path) -> None:
    """But for a dotted line: a page of buttons is not calm."""
    with opened(browser, small_report) as (page, _):
        word, around = (
            page.locator(name).first.evaluate(
                "one => { const of = getComputedStyle(one);"
                " return [of.fontSize, of.fontFamily, of.color, of.backgroundColor, of.borderTopWidth] }"
            )
            for name in (WORD, ".told .key")
        )
        assert word == around
        line = "one => getComputedStyle(one).textDecorationStyle"
        assert page.locator(WORD).evaluate(line) == "dotted"


def test_on_paper_words_are_text_and_nothing_is_explained(browser: Browser, small_report: Path) -> None:
    """Two dozen explanations would take a page, and an open one would lie over the text."""
    with opened(browser, small_report) as (page, _):
        page.locator(WORD).click()
        page.emulate_media(media="print")
        assert not page.locator(MEANS).is_visible()
        assert page.locator(WORD).is_visible()
        line = "one => getComputedStyle(one).textDecorationLine"
        assert page.locator(WORD).evaluate(line) == "none"


@pytest.mark.parametrize("tags", [None, ["best-practice"]])
def test_axe_finds_no_fault_in_an_open_explanation(
    browser: Browser, small_report: Path, tags: list[str] | None
) -> None:
    """It belongs to a landmark, and its text is told from its ground."""
    with opened(browser, small_report) as (page, _):
        page.locator(WORD).click()
        assert violations(page, tags=tags) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_picture_of_what_is_gone_fits_its_fold(browser: Browser, suite_report: Path, width: int) -> None:
    """The bar of the base begins where that of the tuned model does, and the gap begins where the base's ends."""
    with opened(browser, suite_report, width=width) as (page, _):
        page.locator("details:has(.share) > summary").click()
        assert page.locator(".share").is_visible()
        base, tuned, gap = (box(page, f".share .{name}") for name in ("bar-of-base", "bar-of-tuned", "gap"))
        assert base["x"] == pytest.approx(tuned["x"], abs=0.5)
        assert gap["x"] == pytest.approx(base["x"] + base["width"], abs=1)
        assert gap["x"] + gap["width"] <= width
