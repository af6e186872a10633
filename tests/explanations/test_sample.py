"""The published sample is what its own scores say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import biasaudit
from biasaudit.explanations import profile, read_explanation
from biasaudit.explanations.asked import barred
from biasaudit.explanations.component_tables import ComponentFacts, component_tables
from biasaudit.explanations.record import PAGE
from biasaudit.report import render_explanation
from biasaudit.report.words.explained.depths import depth_sentence
from biasaudit.report.words.wording import records

SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "gemma-3-270m-demo-explained-occupations"


def test_tables_and_page_of_the_sample_come_out_again() -> None:
    """Within what another processor adds up otherwise."""
    found = read_explanation(SAMPLE)
    parts, cells = profile.profiles(found.scores, found.facts)
    pd.testing.assert_frame_equal(parts, found.parts, check_dtype=False, atol=1e-9)
    pd.testing.assert_frame_equal(cells, found.cells, check_dtype=False, atol=1e-9)
    assert (SAMPLE / PAGE).read_text(encoding="utf-8").count("<tr>") == render_explanation(found).count("<tr>")


def test_the_sample_says_what_was_found() -> None:
    found = read_explanation(SAMPLE)
    (row,) = records(found.cells)
    assert row["verdict"] == "distributed"
    assert depth_sentence(row).startswith("gender: the index goes from 0.507 to 0.198, a fall of 0.31 (0.20 to 0.42).")
    assert found.parts["phi"].sum() == pytest.approx(row["reduction"], abs=1e-9)
    # Eighteen blocks have an adapter; embeddings, norm and head have none.
    assert found.parts["exchanged"].sum() == 18


def test_components_of_the_sample_come_out_of_what_was_put_in() -> None:
    found = read_explanation(SAMPLE)
    facts = ComponentFacts(design=found.facts.design, level=found.facts.level, seed=found.facts.seed, barred={})
    components, questions = component_tables(found.evidence.tables["patches"], facts)
    pd.testing.assert_frame_equal(components, found.components, check_dtype=False, atol=1e-9)
    pd.testing.assert_frame_equal(questions, found.questions, check_dtype=False, atol=1e-9)


def test_what_bars_a_verdict_is_said_of_the_values_that_are_explained() -> None:
    """In the same cells the sign of nearly every item is one: its scale is saturated, that of the values is not."""
    demo = biasaudit.open_audit(SAMPLE.with_name("gemma-3-270m-demo"))
    rows = demo.comparisons
    signs = rows[(rows["probe"] == "occupations") & (rows["metric"] == "sign") & (rows["tuned"] == "2-constraint")]
    assert "scale saturated" in set(signs["verdict_code"])
    assert barred(demo, probe="occupations", tuned="2-constraint", framing="plain") == {}
    suite = biasaudit.open_audit(SAMPLE.with_name("gemma-3-270m-suite"))
    (tuned,) = suite.manifest.plan["tuned"]
    said = barred(suite, probe="decisions", tuned=tuned, framing="plain")
    assert said
    assert all(reason.startswith("the audit calls it not interpretable: ") for reason in said.values())
