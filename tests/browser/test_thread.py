"""The thread: from the picture to the verdict, from the verdict to its items, and back, with and without script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_page import open_details, opened

pytestmark = pytest.mark.slow

BAR = 60
"""Pixels at the top that the contents may take."""


def is_in_sight(page: Page, name: str) -> bool:
    """Whether an element is shown, below the contents and above the end of the window."""
    box = page.locator(name).first.bounding_box()
    return box is not None and 0 <= box["y"] < 800 and page.locator(name).first.is_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_row_of_the_picture_leads_to_its_comparison(browser: Browser, suite_report: Path, *, script: bool) -> None:
    """The probe is folded; the link opens it and shows the row."""
    with opened(browser, suite_report, script=script) as (page, _):
        link = page.locator(".overview .row a[href^='#cell-']").first
        feature, href = link.inner_text(), link.get_attribute("href")
        assert href
        assert not page.locator(href).is_visible()
        link.click()
        page.wait_for_timeout(100)
        assert is_in_sight(page, href)
        assert feature in page.locator(href).inner_text()


def test_a_verdict_leads_to_its_items_and_each_item_back(browser: Browser, suite_report: Path) -> None:
    with opened(browser, suite_report) as (page, _):
        page.locator(".overview .row a[href^='#cell-']").first.click()
        row = page.locator(page.locator(".overview .row a[href^='#cell-']").first.get_attribute("href") or "")
        link = row.locator("a[href$='-items']").first
        href = link.get_attribute("href") or ""
        link.click()
        page.wait_for_timeout(100)
        assert is_in_sight(page, href)
        page.locator(f"{href} details > summary").first.click()
        back = page.locator(f"{href} .flips a[href^='#cell-']").first
        to = back.get_attribute("href") or ""
        back.click()
        page.wait_for_timeout(100)
        assert is_in_sight(page, to)


def test_the_contents_stay_in_sight_and_lead_to_every_probe(browser: Browser, suite_report: Path) -> None:
    with opened(browser, suite_report) as (page, _):
        page.evaluate("window.scrollTo(0, document.scrollingElement.scrollHeight)")
        box = page.locator(".top").bounding_box()
        assert box
        assert (box["y"], box["height"] <= BAR) == (0, True)
        names = page.locator(".contents a").all_inner_texts() or page.evaluate(
            "[...document.querySelectorAll('.contents a')].map(link => link.textContent)"
        )
        assert len(names) == 10
        page.locator(".unfold").click()
        entry = page.locator(".contents a").nth(2)
        href = entry.get_attribute("href") or ""
        entry.click()
        page.wait_for_timeout(100)
        assert page.locator(href).is_visible()


@pytest.mark.parametrize("report", ["demo_report", "suite_report", "stages_report", "small_report"])
def test_every_section_and_every_probe_leads_back_and_no_link_leads_nowhere(
    browser: Browser, report: str, request: pytest.FixtureRequest
) -> None:
    with opened(browser, request.getfixturevalue(report)) as (page, _):
        open_details(page)
        lost = """[...document.querySelectorAll("a[href^='#'], [popovertarget]")]
          .map(one => one.getAttribute("popovertarget") || decodeURIComponent(one.hash.slice(1)))
          .filter(id => !document.getElementById(id))"""
        assert page.evaluate(lost) == []
        without = """[...document.querySelectorAll("main > section:not(.first), .probe-section")]
          .filter(one => !one.querySelector("a[href='#question'], a[href='#main']")).map(one => one.id)"""
        assert page.evaluate(without) == []


def test_a_number_says_on_demand_how_it_came_about(browser: Browser, suite_report: Path) -> None:
    """Items, clusters, interval, test and correction; none of it stands open."""
    with opened(browser, suite_report) as (page, _):
        page.locator(".overview .row a[href^='#cell-']").first.click()
        href = page.locator(".overview .row a[href^='#cell-']").first.get_attribute("href") or ""
        told = page.locator(f"{href} details, {href} + tr details").first
        assert "corrected" not in page.locator(href).inner_text()
        told.locator("summary").click()
        said = told.inner_text()
        for word in ("items", "clusters", "95\u00a0%", "corrected"):
            assert word in said
