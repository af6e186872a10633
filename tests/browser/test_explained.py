"""The page of where a change sits, as a browser shows it: the published sample, and names that are hostile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from biasaudit.explanations import Explanation, read_explanation
from biasaudit.report import render_explanation
from tests.browser.hostile import ATTACK
from tests.browser.test_accessibility import violations
from tests.browser.test_page import opened

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "gemma-3-270m-demo-explained-occupations"


@pytest.fixture(scope="module")
def explained_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty parts of a real model."""
    return _written(tmp_path_factory.mktemp("explained"), read_explanation(SAMPLE))


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with a text in every name that would run, or turn the page round."""
    found = read_explanation(SAMPLE)
    named = dict.fromkeys(("probe_name", "positive_index"), ATTACK)
    manifest = {**found.manifest, **named, "models": dict.fromkeys(found.manifest["models"], ATTACK)}
    cells, parts = (frame.assign(feature=ATTACK) for frame in (found.cells, found.parts))
    return _written(
        tmp_path_factory.mktemp("hostile"),
        replace(found, manifest=manifest, cells=cells.assign(reason=ATTACK), parts=parts.assign(part=ATTACK)),
    )


def _written(folder: Path, explanation: Explanation) -> Path:
    path = folder / "explanation.html"
    path.write_text(render_explanation(explanation), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["explained_page", "hostile_page"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_loads_nothing_runs_nothing_and_never_scrolls_sideways(
    browser: Browser, name: str, width: int, request: pytest.FixtureRequest
) -> None:
    with opened(browser, request.getfixturevalue(name), width=width) as (page, seen):
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate("document.scripts.length") == 0
        assert page.locator("figure svg").count() > 0
        assert len(seen.requests) == 1
        assert (seen.messages, seen.errors, page.evaluate("window.violations")) == ([], [], [])
        assert page.evaluate("window.attacked === undefined")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["explained_page", "hostile_page"])
def test_axe_finds_no_violation(
    browser: Browser, name: str, scheme: Literal["light", "dark"], request: pytest.FixtureRequest
) -> None:
    with opened(browser, request.getfixturevalue(name), width=390) as (page, _):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
