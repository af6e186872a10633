"""The pages under docs/ name only what is there: files, functions, links, sections, columns."""

from __future__ import annotations

import ast
import re
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from biasaudit.gate.vocabulary import (
    Criterion,
    Effect,
    Family,
    Form,
    OnInconclusive,
    Outcome,
    Severity,
    WaiverState,
)
from biasaudit.record import tables
from biasaudit.stats import FourFifths
from biasaudit.types import ClusterDesign, Contrast, Kind, Role, Status, Verdict, VerdictCode

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
NAMED = re.compile(r"`((?:biasaudit|tests|probes)/[\w./-]+?\.(?:py|yaml|json|md))(?:::([A-Za-z_][\w.]*))?`")
"""A file in backticks, with the function or class in it where one is named."""


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return what a module defines: functions, classes and constants, and Class.member."""
    return frozenset(_defined(ast.parse(path.read_text(encoding="utf-8")).body))


def _defined(body: list[ast.stmt], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            found |= _defined(node.body, f"{prefix}{node.name}.")
        if isinstance(node, ast.Assign):
            found |= {prefix + target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(prefix + node.target.id)
    return found


def unresolved(text: str) -> list[str]:
    """Return the files, and names in them, that a page mentions and that are not there."""
    missing = []
    for file, name in NAMED.findall(text):
        path = ROOT / file
        if not path.is_file():
            missing.append(file)
        elif name and name not in names_in(path):
            missing.append(f"{file}::{name}")
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_and_function_on_a_page_exists(page: Path) -> None:
    """A definition that names the function which computes it is checked against that function, or it is hearsay."""
    assert unresolved(page.read_text(encoding="utf-8")) == []


def test_a_module_or_a_function_that_was_renamed_is_noticed() -> None:
    """The check above fails where it should."""
    text = "`biasaudit/stats/verdict.py::rule`, `biasaudit/stats/verdict.py::ruled`, `biasaudit/stats/verdicts.py`"
    assert unresolved(text) == ["biasaudit/stats/verdict.py::ruled", "biasaudit/stats/verdicts.py"]
    assert unresolved("`biasaudit/stats/change.py::Change.p_values`, `biasaudit/stats/change.py::Change.p`") == [
        "biasaudit/stats/change.py::Change.p"
    ]


WORDS: tuple[type[StrEnum], ...] = (
    Kind, Role, ClusterDesign, Status, Contrast, Verdict, VerdictCode, FourFifths,
    Criterion, Form, Outcome, Effect, Severity, OnInconclusive, Family, WaiverState,
)  # fmt: skip
"""What the tables, the report and the policy can say."""


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_the_glossary_has_every_word_of_the_tables_and_the_policy(words: type[StrEnum]) -> None:
    """A verdict, a status or a criterion that a reader meets and cannot look up is a word with any meaning."""
    page = " ".join((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split())
    assert [word.value for word in words if f"`{word.value}`" not in page] == []


def test_the_glossary_has_every_statistic_of_the_groups() -> None:
    """They are no enumeration, so that a new one would come in unnoticed."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    [check] = tables.DISPARITIES.columns["statistic"].checks
    allowed = check.statistics["allowed_values"]
    assert len(allowed) > 5
    assert [word for word in allowed if f"`{word}`" not in page] == []


def test_no_word_has_two_entries_in_the_glossary() -> None:
    """One word, one meaning: an entry that comes twice has two."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = [
        word
        for line in page.splitlines()
        if line.startswith("| ")
        for word in re.findall(r"\*\*([^*]+)\*\*(?! \(of)", line.split(" | ")[0])
    ]
    assert len(entries) > 100
    assert sorted({word for word in entries if entries.count(word) > 1}) == []
