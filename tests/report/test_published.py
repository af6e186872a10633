from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from biasaudit.record import tables
from biasaudit.report import render_html
from tests.report.factory import audit, estimate_columns, frame

QUIET: dict[str, Any] = {"contrasts": ("template, tuned",), "with_disparities": False, "with_families": False}
HOSTILE = "</table><img src=x onerror=alert(1)>"


def row(checkpoint: str, subset: str, score: str, value: float | None, *, framing_id: str = "plain") -> dict[str, Any]:
    return {
        "checkpoint": checkpoint,
        "framing": framing_id.partition("-")[0],
        "framing_id": framing_id,
        "probe": "crows-pairs",
        "subset": subset,
        "score": score,
        **estimate_columns(value, 2.0, unit="percent"),
        "parity": 50.0,
        "n_asked": 1508,
    }


def page(rows: list[dict[str, Any]]) -> str:
    return render_html(replace(audit(**QUIET), published=frame(rows, tables.PUBLISHED)))


def test_base_and_tuned_stand_side_by_side_with_their_intervals() -> None:
    """The table is of the plain framing, where there is one; a score without evidence is a word, not a number."""
    rows = [
        row("base", "all", "stereotype preferred", 61.0),
        row("tuned", "all", "stereotype preferred", 58.5),
        row("tuned", "all", "stereotype preferred", 99.0, framing_id="chat-1"),
        row("base", "age", "stereotype preferred", None),
    ]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(rows)))
    assert "as the papers score it" in text
    found = text[text.index("Scored, of asked") :]
    assert re.search(r"all stereotype preferred 50 \+?61\.0\S* \(.*?59\.0.*?63\.0.*?\) \+?58\.5", found)
    assert "99.0" not in found
    assert "CrowS-Pairs (original release), in the units of the papers; no part of the verdicts." in text
    assert "age stereotype preferred 50 too few clusters not measured" in found


def test_an_audit_without_published_scores_has_no_such_section() -> None:
    assert "as the papers score it" not in render_html(audit(**QUIET))


def test_hostile_names_of_subsets_stay_text() -> None:
    html = page([row("base", HOSTILE, HOSTILE, 1.0), row("tuned", HOSTILE, HOSTILE, 2.0)])
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_score_without_an_interval_and_one_of_a_part_say_so() -> None:
    """Three clusters give a number as the paper prints it; 41 of 1,508 pairs are a score of 41 pairs."""
    few = {**row("base", "age", "stereotype preferred", None), "n_clusters": 3, "point": 61.25}
    part = {**row("base", "all", "stereotype preferred", 61.0), "n_items": 41, "point": 61.0}
    found = page([few, part])
    assert "61.250 (no interval: 3 clusters)" in found
    assert "41 of 1,508 items were scored (2.7 %): these are scores of that part, and not of the set." in found
    assert "these are scores of that part" not in page([{**part, "n_items": 1508}])
