"""How long the page is: as it opens on a screen, and on paper."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser

from tests.browser.test_page import opened

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("report", ["demo_report", "suite_report", "sample_report", "stages_report"])
def test_as_it_opens_the_page_is_at_most_12000_pixels(
    browser: Browser, report: str, request: pytest.FixtureRequest
) -> None:
    """At 1280. The suite was 50,241 before its probes had a section each."""
    with opened(browser, request.getfixturevalue(report), width=1280) as (page, _):
        assert page.locator("details[open]").count() == 0
        assert page.evaluate("document.scrollingElement.scrollHeight") <= 12_000


@pytest.mark.parametrize("report", ["demo_report", "suite_report", "sample_report", "stages_report"])
def test_on_paper_it_is_at_most_15_sheets(browser: Browser, report: str, request: pytest.FixtureRequest) -> None:
    """A4. What is left out is named, with the files that have it; the suite was 124 sheets."""
    with opened(browser, request.getfixturevalue(report)) as (page, _):
        read = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    assert len(read.pages) <= 15
    text = " ".join("".join(sheet.extract_text() for sheet in read.pages).split())
    for name in ("comparisons.csv", "disparities.csv", "estimates.csv", "families.csv", "scores.csv"):
        assert name in text


def test_every_verdict_is_on_paper(browser: Browser, suite_report: Path) -> None:
    """Of all 53 comparisons of the suite, those that cannot be interpreted too."""
    with opened(browser, suite_report) as (page, _):
        wanted = page.evaluate("""[...document.querySelectorAll('.probe-section')].map(one => [
          one.querySelector('h4').innerText, [...one.querySelectorAll('.chip')].map(chip => chip.innerText)])""")
        read = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    text = "".join("".join(sheet.extract_text() for sheet in read.pages).split())
    assert len(wanted) == 10
    for name, chips in wanted:
        assert "".join(name.split()) in text
        assert all("".join(chip.split()) in text for chip in chips), name
