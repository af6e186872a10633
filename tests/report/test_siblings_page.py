"""What a page of siblings says of each, and of whom it says it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import biasaudit
from biasaudit.report.outputs.render import render_html

ROOT = Path(__file__).resolve().parents[2]

SAMPLE = ROOT / "reports" / "gemma-3-270m-demo"


@pytest.fixture(scope="module")
def page() -> str:
    text = re.sub(r"<(style|script).*?</\\1>", "", render_html(biasaudit.open_audit(SAMPLE)), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_the_question_is_not_of_instruction_tuning_where_another_tuning_answers_it(page: str) -> None:
    assert "did each tuning reduce?" in page
    assert "did instruction tuning reduce?" not in page


def test_what_came_of_a_probe_names_the_sibling_that_it_is_said_of(page: str) -> None:
    """Of the other three of four cells are undecided: it moved by an unknown amount."""
    said = re.findall(r"(\S+) No lean moved by more than the margin", page)
    assert said == ["2-constraint:"]
    assert re.findall(r"(\S+) Gender reduced, from", page) == ["2-constraint:"]


def test_verdicts_of_every_sibling_are_claims_and_counted_as_such(page: str) -> None:
    assert "The other tuned models' verdicts are claims too." in page.replace("&#39;", "'")
    assert "Other rows are exploratory" not in page
    assert "over the 10 comparisons asked in this way, of all tuned checkpoints, that the models can read" in page


def test_a_page_of_plain_text_alone_says_that_no_chat_was_asked(page: str) -> None:
    assert "how it leans in a chat template, as users meet it: not asked" in page


def test_an_interval_that_ends_below_as_before_is_not_rounded_onto_it(page: str) -> None:
    """0.9994 would be 1.00."""
    assert "0.999)" in page
