"""A browser, and reports for it to open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

import biasaudit
from biasaudit.report import render_html
from tests.browser.hostile import hostile_audit
from tests.report import by_group
from tests.report.by_group import DECISIONS, ERRORS, disparities
from tests.report.factory import JOBS, PAIRS, audit
from tests.report.test_levels import FOUR, THREE, estimates, made

REQUIRED = "BIASAUDIT_BROWSER"
"""Set to "required", tests fail where they would be skipped for want of a browser."""
CHROMIUM = "BIASAUDIT_CHROMIUM"
DEBIAN = Path("/usr/bin/chromium")
SAMPLES = Path(__file__).resolve().parents[2] / "reports"
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Continuous integration runs as root, which Chromium's own sandbox refuses.
    "--no-sandbox",
)


def executable() -> str | None:
    """The named browser, else Debian's, else the first on the path."""
    named = os.environ.get(CHROMIUM)
    if named:
        return named
    return str(DEBIAN) if DEBIAN.is_file() else shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(_playwright: Playwright) -> Iterator[Browser]:
    path = executable()
    if path is None:
        reason = f"no browser: apt-get install chromium, or name one with {CHROMIUM}"
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    launched = _playwright.chromium.launch(executable_path=path, args=list(_QUIET))
    yield launched
    launched.close()


def _written(folder: Path, html: str) -> Path:
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every section, and every verdict but "reversed" and "not interpretable"."""
    return _written(tmp_path_factory.mktemp("small"), render_html(audit()))


@pytest.fixture(scope="session")
def sample_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two probes and ten cells of a real model."""
    return _sample("gemma-3-270m-pair", tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def demo_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two siblings in plain text: an answer each, and one of them is `reduced`."""
    return _sample("gemma-3-270m-demo", tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def suite_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ten probes of the suite `standard`, decisions by group and errors of a classifier among them."""
    return _sample("gemma-3-270m-suite", tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="session")
def stages_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints, one after the other, and decisions."""
    rows = estimates({**FOUR, **THREE}, [(JOBS, "gender"), (PAIRS, "age")])
    decided = disparities(by_group.rows(DECISIONS, probe=JOBS), by_group.rows(ERRORS, probe=JOBS))
    return _written(tmp_path_factory.mktemp("stages"), render_html(replace(made(rows), disparities=decided)))


def _sample(name: str, folder: Path) -> Path:
    if not (SAMPLES / name / "manifest.json").is_file():
        pytest.skip("the published sample audit is not here")
    return _written(folder, render_html(biasaudit.open_audit(SAMPLES / name)))


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every foreign text tries to get out of its place."""
    return _written(tmp_path_factory.mktemp("hostile"), render_html(hostile_audit()))
