"""The box that finds: over the items of all probes, by word, probe and change; it leaves the page as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_page import opened

pytestmark = pytest.mark.slow


def shown(page: Page, selector: str) -> int:
    found: int = page.evaluate(
        "selector => [...document.querySelectorAll(selector)].filter(part => part.checkVisibility()).length", selector
    )
    return found


def test_a_word_opens_the_probes_with_hits_and_hides_the_others(browser: Browser, small_report: Path) -> None:
    """3 + 5 items of the pairs, 5 of the occupations; sentence 1 is one, shown under its probe and no other part."""
    with opened(browser, small_report) as (page, seen):
        assert page.locator("#find-said").inner_text() == "13 of 13 items"
        assert shown(page, "li[data-fate]") == 0
        page.locator("#find-word").fill("sentence 1.")
        assert page.locator("#find-said").inner_text() == "1 of 13 items"
        assert shown(page, "li[data-fate]") == 1
        assert shown(page, ".probe-section") == 1
        assert shown(page, "#probes .state") == 1
        assert shown(page, "#probes .part") == 1
        assert "Stereotyping sentence 1." in page.locator("li[data-fate]:visible").inner_text()
        assert seen.errors == []


def test_probe_and_change_narrow_too(browser: Browser, small_report: Path) -> None:
    """The options are the sections; a word that no item has hides all of them."""
    with opened(browser, small_report) as (page, _):
        page.locator("#find-probe").select_option(label="Gender and occupation")
        places = "[...document.querySelectorAll('li[data-fate]')].filter(one => one.checkVisibility())"
        of = page.evaluate(f"{places}.map(one => one.closest('.probe-section').querySelector('h4').innerText)")
        assert set(of) == {"Gender and occupation"}
        page.locator("#find-fate").select_option("removed")
        assert shown(page, 'li[data-fate="introduced"]') == 0
        page.locator("#find-word").fill("no item has this")
        assert page.locator("#find-said").inner_text() == "0 of 13 items"
        assert shown(page, ".probe-section") == 0


def test_what_was_open_is_open_again_and_nothing_else(browser: Browser, small_report: Path) -> None:
    with opened(browser, small_report) as (page, _):
        opened_folds = "[...document.querySelectorAll('details')].map(fold => fold.open)"
        page.locator(".probe-section > summary").first.click()
        before = page.evaluate(opened_folds)
        assert sum(before) == 1
        page.locator("#find-word").fill("sentence")
        assert page.evaluate(opened_folds) != before
        page.locator("#find-word").fill("sentence 1.")
        page.locator("#find-word").fill("")
        assert page.evaluate(opened_folds) == before
        assert shown(page, ".probe-section") == 2


def test_without_script_there_is_no_box_and_on_paper_a_line_instead_of_the_items(
    browser: Browser, small_report: Path
) -> None:
    with opened(browser, small_report, script=False) as (page, _):
        assert not page.locator("#find").is_visible()
    with opened(browser, small_report) as (page, _):
        assert not page.locator(".paper-only").first.is_visible()
        page.emulate_media(media="print")
        assert not page.locator("#find").is_visible()
        assert page.locator(".paper-only").first.is_visible()
        assert shown(page, ".part.items") == 0
