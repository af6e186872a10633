"""What stands open on the first screen is read by people who never saw the tables: none of their words are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import biasaudit
from biasaudit.facade import Audit
from biasaudit.report.outputs.render import _environment
from biasaudit.report.section import Source
from biasaudit.report.sections.first_screen import SECTION
from biasaudit.report.view import probe_names
from biasaudit.types import Estimate, Status
from tests.report.factory import HEADLINE, JOBS, PAIRS, audit

REPORTS = Path(__file__).parents[2] / "reports"
PLAIN: dict[str, Any] = {"with_disparities": False, "with_families": False}
JARGON = re.compile(r"\b(?:cells?|contrasts?|arms?|framings?|Fieller|sign[- ]flips?|Holm\S*|clusters?|S|D|\|B\|)\b")
WITH_MACROS = (
    '{% from "parts.html.jinja" import facts, figure, term, verdict with context %}{% include "first.html.jinja" %}'
)
FOLDED = re.compile(r"<details(?:(?!<details|</details>).)*?</details>", re.DOTALL)


def open_text(made: Audit) -> str:
    """Return what stands on the first screen when nothing was opened, with the titles of what can be."""
    recorded = made.manifest.as_dict()
    source = Source(audit=made, recorded=recorded, names=probe_names(made, recorded), level="95 %")
    page = SimpleNamespace(level="95 %")
    html = _environment().from_string(WITH_MACROS).render(shown=SECTION.view(source), page=page)
    while FOLDED.search(html):
        html = FOLDED.sub(lambda part: " ".join(re.findall(r"<summary>(.*?)</summary>", part[0], re.DOTALL)), html)
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def unmeasured() -> Audit:
    """No share, two reasons, and changes elsewhere."""
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method="no cell can be counted (1 not interpretable)")
    cells = [(PAIRS, "a", True, 0.3, 0.1, "not interpretable", ""), (JOBS, "b", True, None, None, "not measured", "")]
    first = replace(HEADLINE, relative_reduction=nothing, n_cells=2, counts={"not interpretable": 1, "not measured": 1})
    return audit(cells=cells, headlines=(first,), **PLAIN)


def with_a_leaning_control() -> Audit:
    made = audit(manifest_changes={"told": ["tuned is the same files as base."]}, **PLAIN)
    estimates = made.estimates.copy()
    estimates.loc[estimates["metric"] == "control", ["value", "ci_low", "ci_high"]] += 0.1
    return replace(made, estimates=estimates)


def sample(name: str) -> Callable[[], Audit]:
    return lambda: biasaudit.open_audit(REPORTS / name)


CASES: dict[str, Callable[[], Audit]] = {
    "changed": lambda: audit(**PLAIN),
    "nothing": lambda: audit(headlines=(), cells=(), **PLAIN),
    "unmeasured": unmeasured,
    "control": with_a_leaning_control,
    "demo": sample("gemma-3-270m-demo"),
    "pair": sample("gemma-3-270m-pair"),
    "suite": sample("gemma-3-270m-suite"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_what_stands_open_has_none_of_the_words_of_the_tables(name: str) -> None:
    """Nor the lines of notes, which stand cut at one line; the folds may name a method."""
    text = open_text(CASES[name]())
    assert "How much of the social bias" in text
    assert "What this audit cannot say" in text
    assert JARGON.findall(text) == []


def test_the_reasons_of_what_cannot_be_said_are_as_plain() -> None:
    """A link leads there from the first screen."""
    for made in (unmeasured(), audit(**PLAIN)):
        recorded = made.manifest.as_dict()
        source = Source(audit=made, recorded=recorded, names=probe_names(made, recorded), level="95 %")
        page: Any = SECTION.view(source)  # Any: a view of the section's own
        said = [part for fact in page.screen.not_measured for part in (fact.term, *fact.values)]
        assert len(said) > 5
        assert [part for part in said if JARGON.search(part)] == []
