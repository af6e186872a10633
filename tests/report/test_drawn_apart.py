"""A chart that cannot be drawn costs its picture: not the page, not the table, and not the charts after it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from biasaudit.report import render_html
from biasaudit.report.charts import drawn_apart
from biasaudit.report.charts.drawn_apart import NotDrawnError, svg_apart
from biasaudit.report.charts.pictures import UNDRAWN
from tests.report.factory import audit

CHART: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"values": [{"a": 1, "b": "é <&> \u202e"}, {"a": 2, "b": "x"}]},
    "mark": "point",
    "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "nominal"}},
}
VERSION = "6.1"


@pytest.fixture
def artist(monkeypatch: pytest.MonkeyPatch) -> drawn_apart._Artist:
    """A process of this test's own."""
    made = drawn_apart._Artist()
    monkeypatch.setattr(drawn_apart, "_ARTIST", made)
    return made


def script(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    path = folder / "artist.py"
    path.write_text(f"import os, sys, time\nsys.stdin.readline(); sys.stdin.readline()\n{code}\n", encoding="utf-8")
    monkeypatch.setattr(drawn_apart, "_SCRIPT", path)


def test_a_chart_drawn_apart_is_the_chart(artist: drawn_apart._Artist) -> None:
    import vl_convert

    expected = vl_convert.vegalite_to_svg(CHART, vl_version=VERSION)
    assert [svg_apart(CHART, VERSION) for _ in range(2)] == [expected] * 2
    artist.close()


def test_after_a_death_the_next_chart_is_drawn_by_another_process(artist: drawn_apart._Artist) -> None:
    first = svg_apart(CHART, VERSION)
    assert artist._process is not None
    os.kill(artist._process.pid, signal.SIGKILL)
    artist._process.wait()
    assert svg_apart(CHART, VERSION) == first
    artist.close()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("os.abort()", r"ended with SIGABRT \(a limit of the memory\?\)"),
        ("os.kill(os.getpid(), 5)", "ended with SIGTRAP"),
        ("os.kill(os.getpid(), 9)", r"was killed \(out of memory\?\)"),
        ("sys.exit(3)", "the process that draws ended"),
    ],
)
def test_a_death_is_said_and_not_tried_for_ever(
    artist: drawn_apart._Artist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, says: str
) -> None:
    """The same words every time, so that equal audits give equal pages."""
    script(monkeypatch, tmp_path, f"open({str(tmp_path / 'begun')!r}, 'a').write('x')\n{code}")
    said = set()
    for _ in range(10):
        with pytest.raises(NotDrawnError, match=says) as caught:
            svg_apart(CHART, VERSION)
        said.add(str(caught.value))
    assert len(said) == 1
    assert (tmp_path / "begun").read_text(encoding="utf-8") == "xxx"
    artist.close()


def test_a_chart_without_end_is_given_up(
    artist: drawn_apart._Artist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(monkeypatch, tmp_path, "time.sleep(60)")
    monkeypatch.setattr(drawn_apart, "_LONGEST_SECONDS", 0.3)
    with pytest.raises(NotDrawnError, match="was killed"):
        svg_apart(CHART, VERSION)
    artist.close()


def test_a_chart_that_is_refused_leaves_the_process_as_it_is(artist: drawn_apart._Artist) -> None:
    svg_apart(CHART, VERSION)
    process = artist._process
    with pytest.raises(NotDrawnError, match="refused"):
        svg_apart({"mark": "nothing", "encoding": 3}, VERSION)
    assert svg_apart(CHART, VERSION)
    assert artist._process is process
    artist.close()


def test_a_process_that_cannot_be_begun_is_said(artist: drawn_apart._Artist, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", none_left)
    with pytest.raises(NotDrawnError, match="could not be begun"):
        svg_apart(CHART, VERSION)
    artist.close()


@pytest.mark.slow
def test_a_page_without_pictures_has_every_table_and_says_so(
    artist: drawn_apart._Artist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = audit(contrasts=("as deployed",))
    whole = render_html(small)
    n_pictures = whole.count('<div class="drawing"')
    assert n_pictures > 0
    artist.close()
    script(monkeypatch, tmp_path, "os.abort()")
    page = render_html(small)
    assert page.count(UNDRAWN) == n_pictures
    assert '<div class="drawing"' not in page
    assert page.count("<table") == whole.count("<table")
    assert "No number is missing." in page
    artist.close()
