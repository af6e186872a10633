"""The pages under docs/ name only what is there: files, functions, links, sections, columns."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from biasaudit.audits.asked import probe_facts
from biasaudit.audits.plan import Plan
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
from biasaudit.probes import load_probe
from biasaudit.record import store, tables
from biasaudit.record.audit_record import Headline
from biasaudit.record.manifest import CHECKSUM, SCHEMA_VERSION, Manifest
from biasaudit.stats import FourFifths
from biasaudit.types import ClusterDesign, Contrast, Kind, ModelFingerprint, Role, Status, Verdict, VerdictCode

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


FORMAT = ROOT / "docs" / "audit-format.md"
SCHEMAS = {**{f"{name}.parquet": schema for name, schema in store.TABLES.items()}, "wordings": tables.WORDINGS}
"""Heading on the page -> the table's contract; the wordings are computed and not written."""

_TYPES = {"float64": "number", "int64": "count", "bool": "true/false", "object": "list"}


def section_of(heading: str) -> str:
    """Return what stands under a heading in backticks of the page on the format, up to the next heading."""
    _, _, rest = FORMAT.read_text(encoding="utf-8").partition(f"\n### `{heading}`\n")
    return re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(section: str) -> list[list[str]]:
    """Return the rows of a section's table whose first cell is a name in backticks, each as its cells."""
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.mark.parametrize("heading", SCHEMAS)
def test_the_format_has_every_column_of_a_table_with_its_type_and_no_other(heading: str) -> None:
    """Whoever reads an audit without biasaudit has this page alone: a column that is not on it means nothing."""
    said = [(name.strip("`"), kind, null) for name, kind, null, *_ in first_cells(section_of(heading))]
    there = [
        (name, _TYPES.get(str(column.dtype), "text"), "yes" if column.nullable else "no")
        for name, column in SCHEMAS[heading].columns.items()
    ]
    assert said == there


def test_the_format_has_every_table_and_no_other() -> None:
    """A table that is dropped or added must change the page."""
    headings = re.findall(r"^### `([\w.]+)`$", FORMAT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    objects = ["plan", "fingerprints", "probes", "headlines", "run"]
    assert sorted(headings) == sorted([*SCHEMAS, *objects])
    listed = re.findall(r"`(\w+\.parquet)`", FORMAT.read_text(encoding="utf-8").partition("## The manifest")[0])
    assert {name for name in SCHEMAS if name.endswith(".parquet")} <= set(listed)


def test_every_column_has_a_meaning() -> None:
    """A row with an empty last cell is a column without one."""
    rows = [cells for heading in SCHEMAS for cells in first_cells(section_of(heading))]
    assert len(rows) > 150
    assert [cells[0] for cells in rows if len(cells) != 5 or not cells[-1]] == []


def _fields(section: str) -> set[str]:
    return {name for cells in first_cells(section) for name in re.findall(r"`(\w+)`", cells[0])}


def test_the_format_has_every_field_of_the_manifest_and_no_other() -> None:
    """The manifest, and the objects in it, as the code writes them."""
    text = FORMAT.read_text(encoding="utf-8")
    whole = text.partition("\n## The manifest\n")[2].partition("\n### ")[0]
    assert _fields(whole) == {field.name for field in fields(Manifest)} | {CHECKSUM}
    plan = Plan(base="base", tuned=("tuned",), probes=("occupations",))
    assert _fields(section_of("plan")) == set(plan.as_dict())
    assert _fields(section_of("fingerprints")) == {field.name for field in fields(ModelFingerprint)}
    assert _fields(section_of("headlines")) == {field.name for field in fields(Headline)}
    assert _fields(section_of("probes")) == set(probe_facts(load_probe("dialect")))
    run_says = section_of("run")
    assert [name for name in plan.as_asked() if f"`{name}`" not in run_says] == []


def test_the_format_says_which_version_is_written() -> None:
    """A new version without its row in the table of versions is one that nobody knows the meaning of."""
    text = FORMAT.read_text(encoding="utf-8")
    assert f"writes and opens {SCHEMA_VERSION}." in text
    versions = [int(number) for number in re.findall(r"^\| (\d+) \|", text, flags=re.MULTILINE)]
    assert versions == list(range(1, SCHEMA_VERSION + 1))
