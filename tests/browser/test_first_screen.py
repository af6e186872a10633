"""The first screen in a browser: it fits, its tiles filter the picture without script, and its links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_page import opened

pytestmark = pytest.mark.slow

REPORTS = ("demo_report", "suite_report")
PARTS = ("#question", ".pair", ".answer", ".strip", ".tiles", ".overview")


def bottom(page: Page, name: str) -> float:
    box = page.locator(name).first.bounding_box()
    assert box, name
    return box["y"] + box["height"]


@pytest.mark.parametrize("report", REPORTS)
def test_the_first_screen_is_one_screen(browser: Browser, report: str, request: pytest.FixtureRequest) -> None:
    """Answer, picture, counts and notes on 1280 x 900: what comes later is not looked at."""
    with opened(browser, request.getfixturevalue(report), width=1280) as (page, _):
        # Where nothing is to be warned of there are no notes.
        parts = [*PARTS, *([".notes"] if page.locator(".notes").count() else [])]
        assert {name: bottom(page, name) <= 900 for name in parts} == dict.fromkeys(parts, True)


@pytest.mark.parametrize("report", REPORTS)
def test_on_a_phone_it_is_two(browser: Browser, report: str, request: pytest.FixtureRequest) -> None:
    """390 x 844; the answer with its interval is on the first of them."""
    with opened(browser, request.getfixturevalue(report), width=390) as (page, _):
        assert bottom(page, ".screen") <= 2 * 844
        assert bottom(page, ".strip") <= 844


@pytest.mark.parametrize("script", [True, False])
def test_a_tile_shows_its_rows_alone_and_by_key_too(browser: Browser, suite_report: Path, *, script: bool) -> None:
    """By style alone: the page's one script is not asked. An arrow goes on to the next tile, the first shows all."""
    with opened(browser, suite_report, script=script) as (page, _):
        rows = page.locator(".overview .row")
        n_all = rows.count()
        assert n_all == int(page.locator(".tile.every .n").inner_text())
        page.locator("#only-inconclusive").check()
        shown = [row.get_attribute("class") for row in rows.all() if row.is_visible()]
        assert shown == ["row inconclusive"] * int(page.locator(".tile.inconclusive .n").inner_text())
        names = [probe for probe in page.locator(".probe > .of").all() if probe.is_visible()]
        assert 0 < len(names) < page.locator(".probe").count()
        page.locator("#only-every").check()
        page.keyboard.press("ArrowRight")
        assert {row.get_attribute("class") for row in rows.all() if row.is_visible()} == {"row unchanged"}


def test_the_link_to_what_cannot_be_said_opens_its_list(browser: Browser, suite_report: Path) -> None:
    """The list is folded; a link that leads to a closed part would seem to do nothing."""
    with opened(browser, suite_report) as (page, _):
        there = page.locator("#unsaid")
        assert not there.is_visible()
        page.locator(".told a[href='#unsaid']").click()
        assert there.is_visible()


def test_a_note_opens(browser: Browser, suite_report: Path) -> None:
    """It stands in one line, and what it says besides is one press away."""
    with opened(browser, suite_report) as (page, _):
        note = page.locator(".note").nth(1)
        before = note.bounding_box()
        assert before
        assert before["height"] < 36
        note.locator("summary").click()
        assert note.locator("p").is_visible()
