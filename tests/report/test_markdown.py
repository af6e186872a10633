from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from biasaudit.errors import UsageError
from biasaudit.report import model_card, render_markdown
from biasaudit.report.outputs.markdown import escaped
from biasaudit.types import Estimate, Status
from tests.report.factory import CELLS, HEADLINE, JOBS, PAIRS, audit, manifest

HOSTILE = "</script><img src=x onerror=alert(1)> | `a` [b](http://c.d) \u202e @someone #1 {{ 7*7 }} \ud800 ![x](y)"
READER = MarkdownIt("commonmark").enable("table")
PLAIN: dict[str, Any] = {"with_disparities": False, "with_families": False}


def kinds_of_tokens(text: str) -> set[str]:
    """Return what a reader of Markdown makes of a text."""
    found = set()
    for token in READER.parse(text):
        found |= {token.type} | {child.type for child in token.children or ()}
    return found


def table_rows(text: str) -> list[list[str]]:
    return [re.split(r" \| ", line.strip("| \n")) for line in text.splitlines() if line.startswith("| ")]


def hostile_audit() -> Any:  # Any: the factory's Audit
    facts = {"name": HOSTILE, "version": HOSTILE, "sha256": "z" * 100_000}
    return audit(
        headlines=(replace(HEADLINE, tuned="tuned"),),
        cells=[(PAIRS, HOSTILE[:-10], True, *CELLS[0][3:5], HOSTILE[:-10], HOSTILE[:-10])],
        contrasts=("weights, plain",),
        manifest_changes={
            "probes": {PAIRS: facts},
            "plan": {"base": HOSTILE, "tuned": {"tuned": HOSTILE}},
            "lineage": {"tuned": f"DIFFERENT LINEAGE {HOSTILE}"},
            "fingerprints": {HOSTILE: {"reference": HOSTILE}},
        },
        **PLAIN,
    )


def test_checkpoints_that_were_computed_differently_are_told_in_the_text() -> None:
    """A comment on a pull request is often all that is read; foreign text in it stays text."""
    base = manifest().fingerprints["base"]
    found = {"fingerprints": {"base": base, "tuned": {**base, "engine": f"server {HOSTILE}"}}}
    text = render_markdown(audit(manifest_changes=found, **PLAIN))
    assert "DIFFERENT ENGINES" in text
    assert "the second model leans" in text
    assert HOSTILE not in text


def test_the_answer_the_verdicts_and_every_cell_stand_in_the_text() -> None:
    """What somebody reads in a pull request is what the page says."""
    text = render_markdown(audit(**PLAIN))
    assert (
        "**On plain text, the tuned model leans 12 % less than the base (between 5 % and 20 % less).**\n\n"
        "Best estimate: 12 % less lean."
    ) in text
    assert "Of 5 comparisons (weights, plain): 1 reduced, 1 unchanged, 1 increased, 1 inconclusive" in text
    rows = {row[1]: row for row in table_rows(text)}
    assert rows["gender"][2:] == [
        "0.61 (0.57 to 0.65)", "0.43 (0.40 to 0.47)", "0.18 (0.15 to 0.21)", "↓ reduced",
    ]  # fmt: skip
    assert rows["disability"][2:] == ["too few clusters"] * 3 + ["– not measured"]
    assert "Between other models or ways of asking. " in text
    assert (
        "As deployed (exploratory): 1 comparison reduced (Gender and occupation, gender); 1 comparison increased "
        "(CrowS-Pairs" in text
    )
    assert "Coverage: 11,997 of 12,000 requests scored" in text
    assert "org/base-it" in text
    assert f"Probe {PAIRS}: version 1, sha256 {'ab' * 32}" in text


def test_a_headline_without_an_estimate_gives_no_number() -> None:
    """The status stands in its place."""
    estimate = Estimate(status=Status.NOT_ESTIMABLE, method="too little lean", unit="relative")
    text = render_markdown(audit(headlines=(replace(HEADLINE, relative_reduction=estimate),), **PLAIN))
    answer = next(line for line in text.splitlines() if line.startswith("**"))
    assert answer.startswith("**Not estimable on plain text: too little lean.")
    assert not re.search(r"\d", answer)
    assert "Nothing was compared." in render_markdown(audit(headlines=(), **PLAIN))


def test_hostile_names_are_nothing_but_text() -> None:
    """No tag, link, image, code or mention comes of a name, and no cell ends early."""
    text = render_markdown(hostile_audit())
    text.encode("utf-8")
    found = kinds_of_tokens(text)
    assert not found & {"html_inline", "html_block", "link_open", "image", "code_inline", "fence", "code_block"}
    assert "\u202e" not in text
    assert not re.search(r"@\w|http://", text)
    assert {len(row) for row in table_rows(text)} == {6}
    assert "{{ 7" in text
    assert len(text) < 30_000


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_one_paragraph_of_text(text: str) -> None:
    """Whatever a data set or a model is called: no list, heading, rule, table or tag."""
    shown = escaped(text)
    shown.encode("utf-8")
    assert "\n" not in shown
    assert kinds_of_tokens(shown) <= {"paragraph_open", "paragraph_close", "inline", "text"}


@given(st.text(alphabet="|\\`*_<>&#;a ", max_size=20))
def test_a_name_never_ends_a_cell(text: str) -> None:
    """A backslash before a pipe must not bring the pipe back."""
    cells = READER.parse(f"| a | b |\n| --- | --- |\n| {escaped(text)} | c |\n")
    assert [token.type for token in cells].count("td_open") == 2
    assert "c" in [token.content for token in cells if token.type == "inline"]


def test_the_text_comes_out_the_same_twice() -> None:
    """Its checksum stands in the manifest."""
    given_audit = audit(**PLAIN)
    assert render_markdown(given_audit) == render_markdown(given_audit)


def test_a_model_card_is_read_back_with_its_numbers_and_intervals(tmp_path: Path) -> None:
    """By huggingface_hub itself: 4 declared cells were measured, each with its index and its reduction."""
    path = audit(**PLAIN).to_model_card(tmp_path / "README.md")
    card = ModelCard.load(path)
    assert card.data.model_name == "base-it"
    results = {
        (result.dataset_type, result.dataset_config, result.metric_type): result for result in card.data.eval_results
    }
    assert len(results) == 8
    index = results[JOBS, "gender", "graded_bias_index"]
    assert index.metric_value == "0.43 (0.40 to 0.47)"
    numbers = [index.metric_args[name] for name in ("value", "ci_low", "ci_high")]
    assert numbers == pytest.approx([0.431, 0.396, 0.466])
    assert index.metric_args["verdict"] == "reduced"
    assert index.metric_config == "weights, plain"
    reduction = results[JOBS, "gender", "graded_bias_index_reduction"]
    assert reduction.metric_value == "0.18 (0.15 to 0.21)"
    assert not any(result.dataset_config == "disability" for result in card.data.eval_results)
    assert "## Bias audit: org/base-it" in card.text


def test_a_card_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """It says more than an audit does."""
    path = tmp_path / "README.md"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is there already"):
        audit(**PLAIN).to_model_card(path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_hostile_names_cannot_end_the_metadata_of_a_card() -> None:
    """The card is parsed by others, and its metadata is YAML."""
    given_audit = hostile_audit()
    card = ModelCard(str(model_card(given_audit, model_name="---\nlicense: mit")))
    assert isinstance(card.data, ModelCardData)
    assert card.data.model_name == "---\nlicense: mit"
    assert card.data.license is None
    results = card.data.eval_results
    assert results is not None
    assert len(results) == 2
    assert results[0].dataset_config == HOSTILE[:-10].replace("\u202e", "\ufffd")


def test_a_card_without_any_measured_cell_has_no_numbers() -> None:
    """An empty model-index would be refused by the hub."""
    card = model_card(audit(headlines=(), **PLAIN))
    assert isinstance(card.data, ModelCardData)
    assert card.data.eval_results is None
    assert "Not measured" in card.text
