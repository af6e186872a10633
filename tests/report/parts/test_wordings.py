from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from biasaudit.record import tables
from biasaudit.report import render_html
from biasaudit.report.charts.chart_parts import NARROW, WIDE
from biasaudit.report.charts.pictures import svg
from biasaudit.report.charts.wording_chart import (
    Mark,
    families_chart,
    families_finding,
    measured_wordings,
    reading,
    wordings_by_feature,
)
from biasaudit.report.parts.wording_sentences import change, leans
from biasaudit.report.parts.wordings import Wordings, wordings
from biasaudit.report.section import Source
from biasaudit.report.words.places import part_place, probe_places
from biasaudit.report.words.same_wordings import same_wordings
from biasaudit.report.words.wording import with_interval
from tests.report.factory import JOBS, PAIRS, WORDINGS, audit, families, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.facade import Audit

QUIET: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}
HOSTILE = "</text></bdi><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x00"
MANY = tuple((f"feature-{n % 6}", f"wording-{n // 6}", 0.2 + 0.01 * n, 0.1) for n in range(30))

Wording = tuple[str, str, float | None, float | None]


def table(wordings: Sequence[Wording]) -> pd.DataFrame:
    return frame(families(wordings), tables.FAMILIES)


def page(wordings: Sequence[Wording]) -> str:
    return render_html(replace(audit(**QUIET), families=table(wordings)))


def said(html: str, probe: str = JOBS) -> str:
    """Return the words of the part of a probe."""
    place = part_place(probe_places([JOBS, PAIRS])[probe], "wordings")
    found = re.search(rf'<section class="part wordings[^"]*" id="{place}".*?</section>', html, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def view(of_families: pd.DataFrame) -> Wordings:
    made = replace(audit(**QUIET), families=of_families)
    return wordings(Source(audit=made, recorded={}, names={JOBS: JOBS, PAIRS: PAIRS}, level="95 %"))[JOBS]


def around(value: float) -> str:
    """Return a value of the factory as the page shows it: half-width 0.05."""
    return with_interval(value, value - 0.05, value + 0.05)


def mark(family: str, value: float, *, feature: str = "gender") -> Mark:
    return Mark(feature=feature, family=family, arm="", value=value, low=value - 0.05, high=value + 0.05)


def test_the_part_begins_with_how_many_wordings_lean_which_way_and_whether_they_moved_alike(small_page: str) -> None:
    """0.6 and 0.3 lie clearly above 0 in the base, 0.02 ± 0.05 does not; after tuning 0.4 does, and -0.2 below.

    Both that have a number in either went down. Plain text and chat have the same values here: said once.
    """
    text = said(small_page)
    assert text.startswith(
        " How much hangs on the wording Asked in 4 wordings: the lean is clearly with the stereotype in 2 of 3 in base "
        "and 1 of 2 in tuned; clearly against it in 0 in base and 1 in tuned. From base to tuned, it moved away from "
        "the stereotype in both wordings: the change goes the same way in each. "
    )
    assert "Plain text. Open circle: base." in text
    assert "cell" not in text


def test_the_long_table_is_folded_and_the_part_stays_on_screen(small_page: str) -> None:
    """Long tables are left to the CSV folder on paper."""
    place = part_place(probe_places([JOBS, PAIRS])[JOBS], "wordings")
    assert f'<section class="part wordings screen-only" id="{place}"' in small_page
    own = small_page[small_page.index(f'id="{place}"') :]
    assert own.index("<figure") < own.index("<details>") < own.index("<table")


def test_base_and_tuned_are_columns_under_their_framing(small_page: str) -> None:
    assert "Wording plain text chat base tuned base tuned gender" in said(small_page)


def test_every_wording_has_its_numbers_or_its_status(small_page: str) -> None:
    """SD of 0.6, 0.3 and 0.02 is 0.290; of 0.4 and -0.2 it is 0.6 / sqrt(2) = 0.424."""
    text = said(small_page)
    assert f"works-as 40 items, 20 clusters {around(0.6)} {around(0.4)}" in text
    assert f"became 40 items, 20 clusters {around(0.02)} too few clusters" in text
    assert re.search(r"lost-keys 40 items, 20 clusters( too few clusters){4}", text)
    assert "0.020 to 0.600, SD 0.290; clearly with 2, against 0 of 3, 4 asked" in text
    assert "−0.200 to 0.400, SD 0.424; clearly with 1, against 1 of 2, 4 asked" in text
    assert "0.000" not in text


def test_competence_by_wording_stands_beside_it(small_page: str) -> None:
    """0.9 and 0.7 ± 0.05 lie above 0.5; a value would want its interval, which is in the table."""
    text = said(small_page)
    assert "read better than by guessing: 2 of 2 in base and 2 of 2 in tuned (plain text)." in text
    assert "Too few items for a number: 1 of 3 wordings." in text


def test_a_probe_that_was_asked_in_one_wording_says_so_in_one_line(small_page: str) -> None:
    """One wording says nothing on how much hangs on the wording."""
    assert said(small_page, PAIRS).strip() == (
        "How much hangs on the wording Asked in one wording only: nothing shows how it would be in others."
    )


def test_framings_that_differ_are_said_one_by_one() -> None:
    """0.4 lower in chat: two of three wordings of the base are clear there no more, and one is against."""
    of_both = table(WORDINGS)
    of_both.loc[of_both["framing"] == "chat", ["value", "ci_low", "ci_high"]] -= 0.4
    plain, chat = view(of_both).said
    assert (plain.framing, chat.framing) == ("plain text", "chat")
    assert "in 2 of 3 in base" in plain.sentences[0]
    assert "in 1 of 3 in base and 0 of 2 in tuned; clearly against it in 2 in base and 1 in tuned" in chat.sentences[0]


def test_several_tuned_checkpoints_are_named_and_drawn_one_by_one() -> None:
    """In the order in which they were made; the second is 0.6 higher, which is up in both wordings."""
    of_one = table(WORDINGS)
    later = of_one[of_one["checkpoint"] == "tuned"].assign(checkpoint="tuned-2")
    later[["value", "ci_low", "ci_high"]] += 0.6
    shown = view(pd.concat([later, of_one], ignore_index=True))
    assert [chart.tuned for chart in shown.charts] == ["tuned", "tuned-2"]
    _, first, second = shown.said[0].sentences
    assert first.startswith("From base to tuned, it moved away from the stereotype in both")
    assert second.startswith("From base to tuned-2, it moved toward the stereotype in both")
    assert shown.columns.checkpoints == ("base", "tuned", "tuned-2", "base", "tuned", "tuned-2")


def test_a_change_that_differs_between_wordings_is_counted() -> None:
    """One up, two down, one as it was; the fifth has no number before."""
    base = [mark("a", 0.1), mark("b", 0.2), mark("c", 0.3), mark("d", 0.4)]
    tuned = [mark("a", 0.2), mark("b", 0.1), mark("c", 0.1), mark("d", 0.4), mark("e", 0.4)]
    assert change(base, tuned, "sft") == (
        "From base to sft, it moved toward the stereotype in 1, away from it in 2 and stayed as it was in 1 of 4 "
        "wordings: the change does not go the same way in all of them."
    )
    assert change(base[1:3], tuned, "sft").startswith("From base to sft, it moved away from the stereotype in both")
    assert change(base[3:], tuned, "sft") == (
        "From base to sft, no more than one wording was measured in both: nothing shows how others would change."
    )
    assert change([], tuned, "sft") == ""


def test_the_change_of_several_comparisons_is_said_by_comparison() -> None:
    """Of age both wordings fall, of race one rises; of body-size one was measured, which shows nothing of others."""
    base = [mark(family, 0.3, feature=feature) for feature in ("age", "race") for family in ("a", "b")]
    tuned = [mark("a", 0.2, feature="age"), mark("b", 0.1, feature="age"), mark("a", 0.2, feature="race")]
    one = [mark("a", 0.1, feature="body-size")]
    both = [*tuned, mark("b", 0.4, feature="race"), *one]
    assert change([*base, *one], both, "tuned") == (
        "From base to tuned, the change goes the same way in every wording in 1 of 2 comparisons with several wordings "
        "(age); in the others it hangs on the wording."
    )
    assert "in none of 2 comparisons." in change(base, [mark("a", 0.4, feature="age"), *both[1:4]], "tuned")
    assert "in all 2 comparisons." in change(base, [*tuned, mark("b", 0.2, feature="race")], "tuned")


def test_a_comparison_in_one_wording_is_not_said_to_change_alike_in_every_one() -> None:
    """Of age there is one wording only; of gender two, which both moved away."""
    base = [mark("a", 0.4), mark("b", 0.3), mark("a", 0.4, feature="age")]
    tuned = [mark("a", 0.2), mark("b", 0.2), mark("a", 0.5, feature="age")]
    assert change(base, tuned, "tuned") == (
        "From base to tuned, the change goes the same way in every wording in the 1 comparison with several wordings."
    )


def test_leans_of_several_comparisons_are_values_and_a_checkpoint_without_any_has_no_zero() -> None:
    """Nought of nought would read as no lean."""
    own = [mark(family, 0.3, feature=feature) for feature in ("age", "race") for family in ("a", "b")]
    assert leans({"base": own, "tuned": []}, {"age": ("a", "b"), "race": ("a", "b", "c")}) == (
        "Asked in 2 to 3 wordings for each of 2 comparisons: the lean is clearly with the stereotype in 4 of 4 values "
        "in base and none measured in tuned; clearly against it in none."
    )


def test_the_title_of_the_chart_is_one_line() -> None:
    """74 letters are a line; a checkpoint without numbers has a dash."""
    title = families_finding(table(WORDINGS), probe=JOBS, tuned="tuned", framing="plain").title
    assert title == "Clearly with the stereotype 2 → 1, against it 0 → 1, of 3 → 2 wordings"
    assert len(title) <= 74
    none = table([("gender", "a", 0.3, None), ("gender", "b", 0.3, None)])
    title = families_finding(none, probe=JOBS, tuned="tuned", framing="plain").title
    assert title == "Clearly with the stereotype 2 → –, against it 0 → –, of 2 → 0 wordings"


def test_wordings_without_any_number_are_words() -> None:
    html = page([("gender", "a", None, None), ("gender", "b", None, None)])
    text = said(html)
    few = "No single wording has enough items for an interval: each has fewer than 5 clusters"
    assert f"{few}." in text
    features = [(feature, family, None, None) for feature in ("age", "race") for family in ("a", "b")]
    pooled = table([*features, ("all", "a", 0.1, 0.1), ("all", "b", 0.2, 0.2)])
    assert families_finding(pooled, probe=JOBS, tuned="tuned", framing="plain").title == few
    assert "not measured" in text
    assert "too few clusters" in text
    assert view(table([("gender", "a", None, None), ("gender", "b", None, None)])).charts == ()
    assert "Clearly:" not in text


def test_an_audit_without_families_has_no_such_part() -> None:
    assert "How much hangs on the wording" not in render_html(audit(**QUIET))


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
    assert title == "Clearly with the stereotype 30 → 30, against it 0 → 0, of 30 values"
    alt = families_finding(of_many, probe=JOBS, tuned="tuned", framing="plain").description
    assert "in 30 of 30 values in the base and in 30 of 30 values after tuning (6 features, 5 wordings of each)" in alt
    assert len(svg(families_chart(of_many, probe=JOBS, tuned="tuned", framing="plain"))) < 30_000


def test_very_many_wordings_are_drawn_by_their_ends_and_listed_as_far_as_a_page_goes() -> None:
    wordings = [("gender", f"w{n:03d}", 0.001 * n, 0.1 + 0.001 * n) for n in range(310)]
    of_many = table(wordings)
    spec = families_chart(of_many, probe=JOBS, tuned="tuned", framing="plain").to_dict()
    values = [row["value"] for rows in spec["datasets"].values() for row in rows if "arm" in row and "value" in row]
    assert sorted(values) == pytest.approx([0.0, 0.1, 0.155, 0.255, 0.309, 0.409])
    assert "the middle" in reading(of_many, probe=JOBS, level="95 %")
    text = said(page(wordings))
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
    assert title == "Clearly with the stereotype 1 → 1, against it 0 → 0, of 2 wordings"
    text = said(page(wordings))
    assert "same values throughout are counted and shown once: unknown 1 to 3." in text
    assert f"unknown 1 to 3 40 items, 20 clusters each, same values {around(0.3)}" in text
    assert "over 4 as asked" in text
    assert "clearly with 1, against 0 of 2" in text


def test_wordings_that_differ_in_one_feature_or_have_no_number_are_not_one() -> None:
    """Two that chance made equal, and two of which nothing is known."""
    chance = table([(feature, family, value, value) for feature, family, value in (
        ("age", "a", 0.1), ("age", "b", 0.1), ("race", "a", 0.2), ("race", "b", 0.3))])  # fmt: skip
    assert same_wordings(chance, probe=JOBS) == {}
    unknown = table([("age", "a", None, None), ("age", "b", None, None), ("age", "c", 0.1, 0.1)])
    assert same_wordings(unknown, probe=JOBS) == {}
    alike = table([("age", "a", 0.1, 0.1), ("age", "b", 0.1, 0.1)])
    assert same_wordings(alike, probe=JOBS) == {}
    assert view(alike).same.startswith("Every wording gives the same values:")
    assert view(chance).same == ""


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
