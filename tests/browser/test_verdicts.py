"""Comparisons in a browser: an address of one opens whatever is folded around it, with and without script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.test_page import opened

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("script", [True, False])
def test_an_address_opens_a_comparison_that_is_folded_twice(
    browser: Browser, sample_report: Path, *, script: bool
) -> None:
    """Within the fold of its probe, one between other ways of asking lies in a fold of its own."""
    with opened(browser, sample_report, script=script) as (page, _):
        row = page.locator(".verdicts .other tbody[id]").nth(3)
        place = row.get_attribute("id")
        assert not row.is_visible()
        page.goto(f"{sample_report.as_uri()}#{place}")
        page.wait_for_timeout(100)
        assert row.is_visible()
        box, bar = row.bounding_box(), page.locator(".top").bounding_box()
        assert box
        assert bar
        assert bar["height"] <= box["y"] < 800
        assert page.locator(".verdicts .other[open]").count() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_how_a_number_came_about_opens_below_its_row(browser: Browser, demo_report: Path, width: int) -> None:
    """Across the table: in the column of the verdict it would be a ribbon of one word a line."""
    with opened(browser, demo_report, width=width) as (page, _):
        place = page.locator(".overview .row a").first.get_attribute("href") or ""
        page.goto(demo_report.as_uri() + place)
        row = page.locator(place)
        row.locator("summary").click()
        told, table, verdict = (
            one.bounding_box()
            for one in (row.locator("ol"), page.locator(f".scroll:has({place})"), row.locator(".ruled"))
        )
        assert told
        assert table
        assert verdict
        assert told["width"] > 0.7 * table["width"]
        assert told["y"] > verdict["y"] + verdict["height"] / 2
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
