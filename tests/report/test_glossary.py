"""The words of the page: each opens where it stands, needs no other, and is the one of docs/glossary.md."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from biasaudit.report import render_html
from biasaudit.report.outputs.render import _environment
from biasaudit.report.words.glossary import GLOSSARY
from tests.report.factory import audit

DOCS = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"
TEMPLATES = Path(__file__).resolve().parents[2] / "biasaudit" / "report" / "templates"
JARGON = {
    "arm",
    "contrast",
    "cell",
    "fieller",
    "holm",
    "graded",
    "metric",
    "framing",
    "estimand",
    "parity",
    "checkpoint",
}


def written(source: str) -> str:
    return _environment().from_string('{% from "parts.html.jinja" import term with context %}' + source).render()


@pytest.mark.parametrize("word", list(GLOSSARY))
def test_a_word_is_explained_in_two_sentences_at_most_without_jargon(word: str) -> None:
    """Who opens one must not have to open a second."""
    means = GLOSSARY[word].means
    assert len(re.findall(r"[.!?](?:\s|$)", means)) <= 2
    assert means.endswith(".")
    assert not JARGON & set(re.findall(r"[a-z]+", means.lower()))


@pytest.mark.parametrize("word", list(GLOSSARY))
def test_the_glossary_of_the_documents_has_it_too(word: str) -> None:
    """One word, one meaning: a bold word, or a verdict, at the beginning of a row."""
    first_columns = [line.split(" | ")[0] for line in DOCS.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    assert any(f"**{word}**" in column or f"`{word}`" in column for column in first_columns)


def test_a_word_is_a_button_that_opens_its_explanation() -> None:
    """In a text it has the form that the text needs."""
    assert written('{{ term("lean") }}') == (
        '<button type="button" class="term" popovertarget="term-lean">lean</button>'
    )
    assert written('{{ term("share gone", "gone") }}').endswith('popovertarget="term-share-gone">gone</button>')
    assert written('{{ term("p, corrected") }}').count('popovertarget="term-p-corrected"') == 1


def test_a_word_that_is_not_in_it_is_an_error() -> None:
    """Not a button that opens nothing."""
    with pytest.raises(jinja2.UndefinedError):
        written('{{ term("leen") }}')


def test_every_button_of_a_page_leads_to_one_explanation_of_it() -> None:
    """And each explanation stands once, whatever the sections."""
    html = render_html(audit(contrasts=("weights, plain",), with_disparities=False, with_families=False))
    targets = re.findall(r'popovertarget="(term-[^"]+)"', html)
    places = re.findall(r'<div popover id="([^"]+)">', html)
    assert places == [term.place for term in GLOSSARY.values()]
    assert len(set(places)) == len(places)
    assert {"term-inherited-lean", "term-interval", "term-margin", "term-probe"} <= set(targets) <= set(places)


def test_templates_that_stand_alone_have_no_such_words() -> None:
    """A decision in a mail, a notebook and audits side by side hold no explanations to open."""
    for name in ("decision", "notebook", "side_by_side"):
        assert "term(" not in (TEMPLATES / f"{name}.html.jinja").read_text(encoding="utf-8")
