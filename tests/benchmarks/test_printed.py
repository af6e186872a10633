"""What a score rests on is said where it is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from biasaudit.analysis.published_rows import score_row
from biasaudit.benchmarks import Settings
from biasaudit.benchmarks.printed import part_of_the_set, point_of, value_text
from biasaudit.benchmarks.stereoset import Triple, of_triples
from biasaudit.cli.main import app

SETTINGS = Settings(rng=np.random.default_rng(0))


def triples(terms: str, *, pro: bool = True) -> list[Triple]:
    return [
        Triple(term=term, prefers_stereotype=pro, stereotype_has_sense=True, anti_has_sense=False) for term in terms
    ]


def test_a_score_of_three_terms_is_printed_and_has_no_interval() -> None:
    """StereoSet's religion has three. By hand: SS is 100, 100 and 0 by term; LM is 50; ICAT = 50 x 33.3 / 50."""
    rows = [score_row(one) for one in of_triples([*triples("aabb"), *triples("c", pro=False)], SETTINGS)]
    assert [row["status"] for row in rows] == ["too few clusters"] * 3
    assert [row["value"] for row in rows] == [None] * 3
    assert [point_of(row) for row in rows] == pytest.approx([50.0, 200 / 3, 100 / 3])
    assert [value_text(row) for row in rows] == ["50 (no interval)", "66.67 (no interval)", "33.33 (no interval)"]


def test_a_score_with_an_interval_and_one_of_nothing_are_not_points() -> None:
    measured = score_row(of_triples(triples("abcdef"), SETTINGS)[1])
    assert point_of(measured) is None
    assert "(no interval)" not in value_text(measured)
    assert [value_text(score_row(one)) for one in of_triples([], SETTINGS)] == ["not measured"] * 3
    assert point_of({"status": "too few clusters", "point": float("nan")}) is None


@pytest.mark.parametrize(
    ("scored", "says"),
    [
        (41, "41 of 1,508 items were scored (2.7 %)"),
        (1477, "1,477 of 1,508"),
        (1478, ""),
        (1508, ""),
        (0, "0 of 1,508"),
    ],
)
def test_a_score_of_a_part_says_so(scored: int, says: str) -> None:
    """2 % of 1,508 are 30.16."""
    rows = [
        {"subset": "age", "n_items": 1, "n_asked": 87},
        {"subset": "all", "n_items": scored, "n_asked": 1508},
        {"subset": "all", "n_items": 0, "n_asked": 0},
    ]
    said = part_of_the_set(rows)
    assert said.startswith(says)
    assert bool(said) == bool(says)
    assert part_of_the_set([]) == ""


def test_the_command_prints_both(tmp_path: Path) -> None:
    """One of two items has predictions, and its term is the only one."""
    sentences = [{"id": f"s{n}", "score": float(n)} for n in range(3)]
    (tmp_path / "predictions.json").write_text(
        json.dumps({"intrasentence": sentences, "intersentence": []}), encoding="utf-8"
    )
    asked = [
        {
            "id": name, "target": "t", "bias_type": "religion", "context": "A t is BLANK.",
            "sentences": [
                {"id": f"{name}{n}", "sentence": f"A t is w{n}.", "gold_label": label, "labels": []}
                for n, label in enumerate(("unrelated", "anti-stereotype", "stereotype"))
            ],
        }
        for name in ("s", "x")
    ]  # fmt: skip
    (tmp_path / "data" / "stereoset").mkdir(parents=True)
    content = {"version": "1", "data": {"intrasentence": asked, "intersentence": []}}
    (tmp_path / "data" / "stereoset" / "dev.json").write_text(json.dumps(content), encoding="utf-8")
    done = CliRunner().invoke(
        app,
        [
            "score",
            "stereoset",
            "--predictions",
            str(tmp_path / "predictions.json"),
            "--data-dir",
            str(tmp_path / "data"),
        ],
    )
    assert "100 (no interval)" in done.output
    assert "1 of 2 items were scored (50.0 %)" in done.output
