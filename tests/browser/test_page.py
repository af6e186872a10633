"""The page in a browser: it loads nothing, runs nothing foreign, fits every width, and works by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.hostile import ATTACK

pytestmark = pytest.mark.slow

REPORTS = ("small_report", "sample_report", "demo_report", "suite_report", "stages_report", "hostile_report")
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => window.violations.push(event.violatedDirective));
"""


@dataclass
class Seen:
    """What a page did that it should not do."""

    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, report: Path, *, width: int = 1280, script: bool = True) -> Iterator[tuple[Page, Seen]]:
    """Open a report in a context of its own and watch it."""
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=script)
    page, seen = context.new_page(), Seen()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.messages.append(message.text))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.add_init_script(_WATCH)
    page.goto(report.as_uri())
    yield page, seen
    context.close()


def open_details(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")


@pytest.mark.parametrize("report", REPORTS)
def test_the_page_loads_nothing_and_reports_nothing(
    browser: Browser, report: str, request: pytest.FixtureRequest
) -> None:
    """One request, the file's own; no message, no error, nothing that the content-security policy had to stop."""
    path: Path = request.getfixturevalue(report)
    with opened(browser, path) as (page, seen):
        open_details(page)
        page.wait_for_timeout(200)
        assert seen.requests == [path.as_uri()]
        assert seen.messages == []
        assert seen.errors == []
        assert page.evaluate("window.violations") == []


def test_decisions_and_stages_are_on_the_pages_that_are_opened(suite_report: Path, stages_report: Path) -> None:
    suite, stages = (path.read_text("utf-8") for path in (suite_report, stages_report))
    assert 'class="part rates"' in suite
    assert "False-positive rate" in suite
    assert 'class="part rates"' in stages
    assert 'id="stages"' in stages


def test_the_watch_sees_what_it_is_there_to_see(browser: Browser, small_report: Path, tmp_path: Path) -> None:
    """The same page with an attack let through is caught, so silence above means something."""
    bad = tmp_path / "bad.html"
    html = small_report.read_text("utf-8")
    bad.write_text(html.replace("</main>", "<img src=x onerror=window.attacked=1></main>"), "utf-8")
    with opened(browser, bad) as (page, seen):
        page.wait_for_timeout(200)
        assert page.evaluate("window.violations") != []
        assert seen.messages != []
        assert page.evaluate("window.attacked") is None


def test_hostile_texts_are_text(browser: Browser, hostile_report: Path) -> None:
    """Nothing ran, no element was made, no template was filled in, and the attack can be read."""
    with opened(browser, hostile_report) as (page, _):
        open_details(page)
        assert page.evaluate("window.attacked") is None
        assert page.locator("main img, main iframe, main object, main form").count() == 0
        assert page.locator("[onerror], [onload]").count() == 0
        text = page.locator("main").inner_text()
        assert text.count(ATTACK[:40]) > 20
        assert "{{ 7 * 7 }}{% raw %}${7*7}" in text
        assert "\ud800" not in text
        assert "more characters)" in text


def test_writing_direction_cannot_leak_out_of_a_foreign_text(browser: Browser, hostile_report: Path) -> None:
    """An override in a name mirrored our own words after it: the label "tuned" was shown as "denut"."""
    leaks = """() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
      while (walker.nextNode()) {
        const node = walker.currentNode;
        if (/[\\u202a-\\u202e\\u2066-\\u2069]/.test(node.data)) found.push(node.data);
        // An option and a word of a chart are paragraphs of their own.
        if (!/[\\u0590-\\u05ff]/.test(node.data) || node.parentElement.closest("option, svg")) continue;
        const kept = node.parentElement.closest("bdi");
        if (!kept || getComputedStyle(kept).unicodeBidi !== "isolate") found.push(node.parentElement.outerHTML);
      }
      return found;
    }"""
    mirrored = """() => {
      const label = [...document.querySelectorAll(".pair .aside")].at(-1).firstChild, range = document.createRange();
      const left = at => {
        range.setStart(label, at);
        range.setEnd(label, at + 1);
        return range.getBoundingClientRect().left;
      };
      return left(0) > left(label.length - 1);
    }"""
    with opened(browser, hostile_report) as (page, _):
        assert page.evaluate(leaks) == []
        assert not page.evaluate(mirrored)


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1100, 1280, 1920])
@pytest.mark.parametrize("report", REPORTS)
def test_no_width_scrolls_sideways(browser: Browser, report: str, width: int, request: pytest.FixtureRequest) -> None:
    """Tables scroll within themselves; the page never does. 320 px is 1280 px at 400 % (WCAG 1.4.10)."""
    with opened(browser, request.getfixturevalue(report), width=width) as (page, _):
        open_details(page)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("report", REPORTS)
def test_no_word_of_a_chart_leaves_its_frame(
    browser: Browser, report: str, width: int, request: pytest.FixtureRequest
) -> None:
    """Text was measured in another font when the chart was laid out."""
    outside = """[...document.querySelectorAll("figure svg text")].filter(word => {
      const box = word.getBoundingClientRect(), frame = word.closest("figure").getBoundingClientRect();
      return box.width && (box.left < frame.left || box.right > frame.right);
    }).map(word => word.textContent)"""
    with opened(browser, request.getfixturevalue(report), width=width) as (page, _):
        open_details(page)
        assert page.evaluate(outside) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_answer_and_its_counts_stand_on_the_first_screen(browser: Browser, sample_report: Path, width: int) -> None:
    """Question, names, answer and interval without scrolling; on a wide screen the counts too."""
    with opened(browser, sample_report, width=width) as (page, _):
        for name in ("#question", ".pair", ".answer", ".strip", *((".tiles",) if width > 1000 else ())):
            box = page.locator(name).bounding_box()
            assert box, name
            assert box["y"] + box["height"] <= 800, name


@pytest.mark.parametrize("report", REPORTS)
def test_without_script_everything_can_be_read(browser: Browser, report: str, request: pytest.FixtureRequest) -> None:
    """Script only ever adds: every row, figure and folded part is there without it."""
    with opened(browser, request.getfixturevalue(report), script=False) as (page, _):
        for summary in page.locator("summary").all():
            summary.click()
        hidden = """[...document.querySelectorAll("main tr, main figure, main li, main dd, main p, main summary")]
          .filter(part => !part.checkVisibility() && !part.matches(".paper-only"))
          .map(part => part.outerHTML.slice(0, 200))"""
        assert page.evaluate(hidden) == []


def _focused(page: Page) -> dict[str, object]:
    found: dict[str, object] = page.evaluate("""() => {
      const part = document.activeElement, box = part.getBoundingClientRect(), look = getComputedStyle(part);
      return {tag: part.tagName, text: part.innerText.slice(0, 60), outline: parseFloat(look.outlineWidth),
        style: look.outlineStyle, inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left >= 0};
    }""")
    return found


def test_the_keyboard_reaches_every_part_and_shows_where_it_is(browser: Browser, small_report: Path) -> None:
    """As many stops as there are links, folded parts, scrolling tables and groups of tiles, with outlines in sight."""
    with opened(browser, small_report) as (page, _):
        expected = page.evaluate("""
          [...document.querySelectorAll("a[href], summary, [tabindex='0'], button, input, select")]
          .filter(part => part.type !== "radio" || part.checked)
          .filter(part => part.checkVisibility()).length""")
        stops = []
        for _ in range(expected):
            page.keyboard.press("Tab")
            stops.append(_focused(page))
        assert "BODY" not in {stop["tag"] for stop in stops}
        assert all(stop["style"] != "none" and stop["outline"] == 3 for stop in stops), stops
        assert all(stop["inside"] for stop in stops), stops


def test_the_first_stop_skips_to_the_answer(browser: Browser, small_report: Path) -> None:
    """Out of sight until it has the focus; the next stop is then in the answer, not in the menu."""
    with opened(browser, small_report) as (page, _):
        skip = page.locator(".skip")
        before = skip.bounding_box()
        assert before
        assert before["y"] + before["height"] <= 0
        page.keyboard.press("Tab")
        assert _focused(page)["text"] == "Skip to the answer"
        assert _focused(page)["inside"]
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_folded_part_opens_and_closes_by_key(browser: Browser, small_report: Path, key: str) -> None:
    """The evidence must not need a mouse."""
    with opened(browser, small_report) as (page, _):
        part = page.locator("details:has(table)").first
        summary, table = part.locator("summary").first, part.locator("table").first
        summary.focus()
        page.keyboard.press(key)
        assert table.is_visible()
        page.keyboard.press(key)
        assert not table.is_visible()


def test_nothing_moves_for_those_who_asked_for_less_motion(browser: Browser, small_report: Path) -> None:
    """No animation, transition or smooth scroll."""
    with opened(browser, small_report) as (page, _):
        page.emulate_media(reduced_motion="reduce")
        open_details(page)
        assert page.evaluate("document.getAnimations().length") == 0
        moving = """[...document.querySelectorAll("*")].filter(part => {
          const look = getComputedStyle(part);
          return look.transitionDuration.split(",").some(time => parseFloat(time) > 0.01)
            || look.scrollBehavior === "smooth";
        }).map(part => part.outerHTML.slice(0, 100))"""
        assert page.evaluate(moving) == []


@pytest.mark.parametrize("report", ["small_report", "suite_report"])
@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_a_cell_has_its_verdict_and_change_without_scrolling(
    browser: Browser, report: str, width: int, request: pytest.FixtureRequest
) -> None:
    """The rows are stacked: the change comes next after the verdict, and every number has its name beside it."""
    with opened(browser, request.getfixturevalue(report), width=width) as (page, _):
        open_details(page)
        beyond = """[...document.querySelectorAll(".verdict-table td, .fates td, .fates .bar span")].filter(
          part => part.getBoundingClientRect().right > innerWidth).map(part => part.textContent)"""
        assert page.evaluate(beyond) == []
        verdict, change, first = (
            page.locator(f".verdict-table .compared {part}").first.bounding_box()
            for part in (".ruled", ".change", ".num:not(.change)")
        )
        assert verdict
        assert change
        assert first
        assert verdict["y"] < change["y"] < first["y"]
        named = "getComputedStyle(document.querySelector('.verdict-table .change'), '::before').content"
        assert "Change" in page.evaluate(named)


def test_column_heads_stay_in_sight_on_a_wide_screen(browser: Browser, sample_report: Path) -> None:
    """A long table is read far from its first row; the contents lie above its head and do not cover it."""
    with opened(browser, sample_report) as (page, _):
        open_details(page)
        page.evaluate("document.querySelector('.verdict-table tbody:nth-of-type(8)').scrollIntoView({block: 'center'})")
        box = page.locator(".verdict-table thead th").first.bounding_box()
        assert box
        contents = page.locator(".top").bounding_box()
        assert contents
        assert contents["height"] - 2 <= box["y"] < 50
