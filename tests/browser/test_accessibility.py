"""axe-core on the page, in every look that a reader can meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.test_page import open_details, opened

pytestmark = pytest.mark.slow

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: Page, *, tags: list[str] | None = None) -> list[str]:
    """Rule, target and reason of each violation."""
    options = {"runOnly": {"type": "tag", "values": tags or TAGS}, "resultTypes": ["violations"]}
    response: dict[str, Any] = Axe().run(page, options=options).response  # Any: JSON of axe
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("parts", ["folded", "open"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("report", "width"),
    [
        ("small_report", 1280),
        ("small_report", 390),
        ("sample_report", 1280),
        ("stages_report", 390),
        ("suite_report", 1280),
        ("demo_report", 1920),
        ("hostile_report", 390),
    ],
)
def test_axe_finds_no_violation_of_wcag_2_2_aa(
    browser: Browser,
    *,
    report: str,
    width: int,
    scheme: Literal["light", "dark"],
    parts: Literal["folded", "open"],
    request: pytest.FixtureRequest,
) -> None:
    """Contrast differs by scheme, and folded parts are not looked at."""
    with opened(browser, request.getfixturevalue(report), width=width) as (page, _):
        page.emulate_media(color_scheme=scheme)
        if parts == "open":
            open_details(page)
        assert violations(page) == []


def test_axe_finds_no_fault_of_structure(browser: Browser, small_report: Path) -> None:
    """Landmarks, one first heading and no level left out: best practice, beyond what WCAG asks."""
    with opened(browser, small_report) as (page, _):
        open_details(page)
        assert violations(page, tags=["best-practice"]) == []


def test_axe_sees_a_fault(browser: Browser, small_report: Path) -> None:
    """The rules ran, on the colours that are shown."""
    with opened(browser, small_report) as (page, _):
        page.evaluate("document.querySelector('.answer').style.color = '#ddd'")
        assert any(found.startswith("color-contrast") for found in violations(page))
