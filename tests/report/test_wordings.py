from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.charts.chart_parts import NARROW, WIDE
from biasaudit.report.charts.pictures import svg
from biasaudit.report.charts.wording_chart import (
    families_chart,
    families_finding,
    measured_wordings,
    reading,
    wordings_by_feature,
)
from biasaudit.report.words.same_wordings import same_wordings
from tests.report.factory import JOBS, audit, families, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from biasaudit.facade import Audit

QUIET: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}
HOSTILE = "</text></bdi><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x00"
MANY = tuple((f"feature-{n % 6}", f"wording-{n // 6}", 0.2 + 0.01 * n, 0.1) for n in range(30))

Wording = tuple[str, str, float | None, float | None]


def table(wordings: Sequence[Wording]) -> pd.DataFrame:
    return frame(families(wordings), tables.FAMILIES)


def page(wordings: Sequence[Wording]) -> str:
    return render_html(replace(audit(**QUIET), families=table(wordings)))


def section(html: str) -> str:
    found = re.search(r'<section id="wordings".*?</section>', html, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_the_section_stands_after_the_cells_with_the_finding_first(small_page: str) -> None:
    """0.6 and 0.3 lie clearly above 0 in the base, 0.02 ± 0.05 does not; after tuning 0.4 does, and -0.2 below."""
    assert small_page.index('id="cells"') < small_page.index('id="wordings"') < small_page.index('id="flows"')
    assert '<a href="#wordings">' in small_page
    text = section(small_page)
    assert "Wordings: how fragile is it?" in text
    title = (
        "The lean is clearly with the stereotype in 2 of 3 wordings in the base and in 1 of 2 wordings after tuning; "
        "clearly against it in 0 and 1"
    )
    assert title in small_page
    assert f"{title}." not in text


def test_every_wording_has_its_numbers_or_its_status(small_page: str) -> None:
    """SD of 0.6, 0.3 and 0.02 is 0.290; of 0.4 and -0.2 it is 0.6 / sqrt(2) = 0.424."""
    text = section(small_page)
    assert "works-as 40 items, 20 clusters 0.60 (0.55 to 0.65) 0.40 (0.35 to 0.45)" in text
    assert "became 40 items, 20 clusters 0.02 (−0.03 to 0.07) too few clusters" in text
    assert re.search(r"lost-keys 40 items, 20 clusters( too few clusters){4}", text)
    assert "SD 0.290, 0.020 to 0.600; clearly with 2, against 0 of 3, 4 asked" in text
    assert "SD 0.424, −0.200 to 0.400; clearly with 1, against 1 of 2, 4 asked" in text
    assert "0.000" not in text


def test_competence_stands_beside_it(small_page: str) -> None:
    """0.9 and 0.7 ± 0.05 lie above 0.5; a value would want its interval, which is in the table."""
    text = section(small_page)
    assert "Competence by wording: base, above chance in 2 of 2; tuned, above chance in 2 of 2." in text
    assert "Without a number, for too few items: 1 of 3 wordings." in text


def test_a_probe_whose_features_have_one_family_each_is_named_and_not_drawn(small_page: str) -> None:
    """One wording says nothing on how much hangs on the wording."""
    text = section(small_page)
    assert "one wording family only: CrowS-Pairs (original release)" in text
    assert "race-color" not in text


def test_wordings_without_any_number_are_words() -> None:
    html = page([("gender", "a", None, None), ("gender", "b", None, None)])
    text = section(html)
    few = "No single wording has enough items for an interval: each has fewer than 5 clusters"
    assert f"{few}." in text
    features = [(feature, family, None, None) for feature in ("age", "race") for family in ("a", "b")]
    pooled = table([*features, ("all", "a", 0.1, 0.1), ("all", "b", 0.2, 0.2)])
    assert families_finding(pooled, probe=JOBS, tuned="tuned", framing="plain").title == few
    assert "not measured" in text
    assert "too few clusters" in text
    assert "<figure" not in html[html.index('id="wordings"') : html.index('id="flows"')]


def test_an_audit_without_families_has_no_such_section() -> None:
    html = render_html(audit(**QUIET))
    assert "how fragile" not in html
    assert "#wordings" not in html


def test_hostile_names_are_text_in_page_and_picture() -> None:
    wordings = [(HOSTILE, HOSTILE, 0.3, 0.2), (HOSTILE, "b", 0.1, None)]
    html = page(wordings)
    assert html.count("<script") == 1
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html
    assert "\x00" not in html
    drawn = svg(families_chart(table(wordings), probe=JOBS, tuned="tuned", framing="plain"))
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
    assert tags <= {"svg", "g", "path", "line", "text", "rect", "defs", "title", "desc", "tspan"}


def test_many_wordings_share_a_row_per_feature() -> None:
    """30 wordings: six rows, and every wording is a mark."""
    of_many = table(MANY)
    spec = families_chart(of_many, probe=JOBS, tuned="tuned", framing="plain").to_dict()
    values = [row for rows in spec["datasets"].values() for row in rows]
    assert len({row["row"] for row in values if "row" in row}) == 6
    assert sum("arm" in row and "value" in row for row in values) == 60
    assert "least to the greatest" in reading(of_many, probe=JOBS, level="95 %")
    title = families_finding(of_many, probe=JOBS, tuned="tuned", framing="plain").title
    assert title.endswith(
        "in 30 of 30 values in the base and in 30 of 30 values after tuning (6 features, 5 wordings of each)"
    )
    assert len(svg(families_chart(of_many, probe=JOBS, tuned="tuned", framing="plain"))) < 30_000


def test_very_many_wordings_are_drawn_by_their_ends_and_listed_as_far_as_a_page_goes() -> None:
    wordings = [("gender", f"w{n:03d}", 0.001 * n, 0.1 + 0.001 * n) for n in range(310)]
    of_many = table(wordings)
    spec = families_chart(of_many, probe=JOBS, tuned="tuned", framing="plain").to_dict()
    values = [row["value"] for rows in spec["datasets"].values() for row in rows if "arm" in row and "value" in row]
    assert sorted(values) == pytest.approx([0.0, 0.1, 0.155, 0.255, 0.309, 0.409])
    assert "the middle" in reading(of_many, probe=JOBS, level="95 %")
    text = section(page(wordings))
    assert "w299" in text
    assert "w300" not in text
    assert "13 further rows are in families.parquet" in text


def test_wordings_with_the_same_values_throughout_count_once() -> None:
    """A model that is deaf to a wording has not been asked three times."""
    wordings: list[Wording] = [("gender", f"unknown {n}", 0.3, 0.2) for n in (1, 2, 3)]
    wordings.append(("gender", "other", 0.02, 0.0))
    of_four = table(wordings)
    assert same_wordings(of_four, probe=JOBS) == {"unknown 1 to 3": ("unknown 1", "unknown 2", "unknown 3")}
    title = families_finding(of_four, probe=JOBS, tuned="tuned", framing="plain").title
    assert (
        title
        == "The lean is clearly with the stereotype in 1 of 2 wordings in the base and in 1 of 2 wordings after tuning"
    )
    text = section(page(wordings))
    assert "each set counted once: unknown 1 to 3 ." in text
    assert "unknown 1 to 3 40 items, 20 clusters each, same values 0.30 (0.25 to 0.35)" in text
    assert "over 4 as asked" in text
    assert "clearly with 1, against 0 of 2" in text


def test_wordings_that_differ_in_one_feature_or_have_no_number_are_not_one() -> None:
    """Two that chance made equal, and two of which nothing is known."""
    chance = table([(feature, family, value, value) for feature, family, value in (
        ("age", "a", 0.1), ("age", "b", 0.1), ("race", "a", 0.2), ("race", "b", 0.3))])  # fmt: skip
    assert same_wordings(chance, probe=JOBS) == {}
    unknown = table([("age", "a", None, None), ("age", "b", None, None), ("age", "c", 0.1, 0.1)])
    assert same_wordings(unknown, probe=JOBS) == {}
    assert same_wordings(table([("age", "a", 0.1, 0.1), ("age", "b", 0.1, 0.1)]), probe=JOBS) == {}


def test_a_small_lean_does_not_fill_the_chart() -> None:
    """The scale goes to 0.1 either way at least."""
    small = table([("gender", "a", 0.01, 0.02), ("gender", "b", 0.02, 0.0)])
    small[["ci_low", "ci_high"]] = 0.01, 0.02
    spec = families_chart(small, probe=JOBS, tuned="tuned", framing="plain").to_dict()
    low, high = spec["vconcat"][0]["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low <= -0.1
    assert high >= 0.1
    assert "scale differs" in reading(small, probe=JOBS, level="95 %")


def test_the_row_that_pools_features_is_no_feature_of_its_own() -> None:
    of_all = table([(feature, family, 0.1, 0.1) for feature in ("all", "age", "race") for family in ("a", "b")])
    assert wordings_by_feature(of_all, probe=JOBS) == {"age": ("a", "b"), "race": ("a", "b")}
    marks = measured_wordings(of_all, probe=JOBS, tuned="tuned", framing="plain")
    assert {mark.feature for mark in marks} == {"age", "race"}


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_same_chart_gives_the_same_svg(small_audit: Audit, width: int) -> None:
    """Reports are compared byte for byte."""
    first, second = (
        svg(families_chart(small_audit.families, probe=JOBS, tuned="tuned", framing="plain", width=width))
        for _ in range(2)
    )
    assert first == second
