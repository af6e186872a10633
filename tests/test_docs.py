"""The pages under docs/ name only what is there: files, functions, links, sections, columns."""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import tokenize
from dataclasses import fields
from enum import StrEnum
from functools import cache
from pathlib import Path

import pandera.pandas as pa
import pytest

from biasaudit.analysis.tables import TABLES
from biasaudit.audits.asked import probe_facts
from biasaudit.audits.plan import Plan
from biasaudit.explanations import profile, schemas
from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.vocabulary import (
    Effect,
    Family,
    Form,
    OnInconclusive,
    Outcome,
    Severity,
    WaiverState,
)
from biasaudit.kinds import KINDS
from biasaudit.probes import load_probe
from biasaudit.record import influences, tables
from biasaudit.record.audit_record import Headline
from biasaudit.record.columns import described
from biasaudit.record.exposure_facts import CardExposure, ProbeExposure, SeenWords
from biasaudit.record.manifest import CHECKSUM, SCHEMA_VERSION, Manifest
from biasaudit.stats import FourFifths
from biasaudit.types import (
    ClusterDesign,
    Contrast,
    Exposure,
    ModelFingerprint,
    Robustness,
    Role,
    Status,
    Verdict,
    VerdictCode,
)

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
    Role, ClusterDesign, Status, Contrast, Verdict, VerdictCode, Exposure, Robustness, FourFifths,
    Form, Outcome, Effect, Severity, OnInconclusive, Family, WaiverState,
)  # fmt: skip
"""What the tables, the report and the policy can say."""


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_the_glossary_has_every_word_of_the_tables_and_the_policy(words: type[StrEnum]) -> None:
    """A verdict, a status or a criterion that a reader meets and cannot look up is a word with any meaning."""
    page = " ".join((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split())
    assert [word.value for word in words if f"`{word.value}`" not in page] == []


def test_the_glossary_has_every_kind_of_probe() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert [name for name in KINDS if f"`{name}`" not in page] == []


def test_the_glossary_has_every_criterion_of_the_policy() -> None:
    """They are no enumeration either."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert [name for name in CRITERIA if f"`{name}`" not in page] == []


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
SCHEMAS = {**{table.file: table.schema for table in TABLES.values()}, "wordings": tables.WORDINGS}
"""Heading on the page -> the table's contract; the wordings are computed and not written."""


def section_of(heading: str) -> str:
    """Return what stands under a heading in backticks of the page on the format, up to the next heading."""
    _, _, rest = FORMAT.read_text(encoding="utf-8").partition(f"\n### `{heading}`\n")
    return re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(section: str) -> list[list[str]]:
    """Return the rows of a section's table whose first cell is a name in backticks, each as its cells."""
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def lines_of(schema: pa.DataFrameSchema) -> list[str]:
    """Return the lines that the page has of a table's columns: what to put there where a test says that they differ."""
    return [
        f"| `{name}` | {kind} | {'yes' if may_be_missing else 'no'} | {unit} | {meaning.replace('|', chr(92) + '|')} |"
        for name, kind, unit, may_be_missing, meaning in described(schema).itertuples(index=False)
    ]


@pytest.mark.parametrize("heading", SCHEMAS)
def test_the_format_has_every_column_of_a_table_in_the_words_of_its_schema_and_no_other(heading: str) -> None:
    """Whoever reads an audit without biasaudit has this page alone: a column that is not on it means nothing.

    The words stand in the schema, from which `Audit.describe` takes them: two places would say two things.
    """
    assert [line for line in section_of(heading).splitlines() if line.startswith("| `")] == lines_of(SCHEMAS[heading])


EXPLAINED = {
    "parts": profile.PARTS,
    "cells": profile.CELLS,
    **{name: schema for tables in schemas.SCHEMAS.values() for name, schema in tables.items()},
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_the_page_of_explanations_has_every_column_in_the_words_of_its_schema(name: str) -> None:
    text = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8").partition(f"`{name}.parquet`:")[2]
    lines = re.split(r"^`\w+\.parquet`:", text, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    assert [line for line in lines if line.startswith("| `")] == lines_of(EXPLAINED[name])


@pytest.mark.parametrize("name", ["records", "record_groups"])
def test_the_page_of_explanations_has_every_column_of_training_data(name: str) -> None:
    text = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8").partition(f"`{name}.parquet`:\n\n")[2]
    schema = {"records": influences.RECORDS, "record_groups": influences.RECORD_GROUPS}[name]
    assert [line for line in text.partition("\n\n")[0].splitlines() if line.startswith("| `")] == lines_of(schema)


def test_the_format_has_every_table_and_no_other() -> None:
    """A table that is dropped or added must change the page."""
    headings = re.findall(r"^### `([\w.]+)`$", FORMAT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    objects = ["plan", "fingerprints", "probes", "headlines", "run", "exposure", "perturbed"]
    assert sorted(headings) == sorted([*SCHEMAS, *objects])
    listed = re.findall(r"`(\w+\.parquet)`", FORMAT.read_text(encoding="utf-8").partition("## The manifest")[0])
    assert {name for name in SCHEMAS if name.endswith(".parquet")} <= set(listed)


def test_every_column_has_a_meaning_that_stands_by_itself() -> None:
    """Of one column alone: "likewise" says nothing without the row before it, which a reader may not have seen."""
    rows = [(heading, *row) for heading in SCHEMAS for row in described(SCHEMAS[heading]).itertuples(index=False)]
    assert len(rows) > 150
    meanings = {f"{heading}: {column}": meaning for heading, column, *_, meaning in rows}
    leaning = re.compile(r"(likewise|the same|its|of these|ditto)\b")
    assert [place for place, meaning in meanings.items() if not meaning or leaning.match(meaning)] == []


def _fields(section: str) -> set[str]:
    return {name for cells in first_cells(section) for name in re.findall(r"`(\w+)`", cells[0])}


def test_the_format_has_every_field_of_the_manifest_and_no_other() -> None:
    """The manifest, and the objects in it, as the code writes them."""
    text = FORMAT.read_text(encoding="utf-8")
    whole = text.partition("\n## The manifest\n")[2].partition("\n### ")[0]
    assert _fields(whole) == {field.name for field in fields(Manifest)} | {CHECKSUM}
    plan = Plan(
        base="base",
        tuned=("one", "other"),
        siblings=True,
        robustness="quick",
        probes=("occupations",),
        allow_different_engines=True,
        quantize="nf4",
        device_map="auto",
        draws=2,
    )
    assert _fields(section_of("plan")) == set(plan.as_dict())
    assert _fields(section_of("fingerprints")) == {field.name for field in fields(ModelFingerprint)}
    inner = {field.name for one in (ProbeExposure, SeenWords) for field in fields(one)} - {"unknown"}
    assert _fields(section_of("exposure")) == {field.name for field in fields(CardExposure)}
    assert [name for name in inner if f"`{name}`" not in section_of("exposure")] == []
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


HERE = Path(__file__).resolve()
CITING = sorted(path for room in ("biasaudit", "tests") for path in (ROOT / room).rglob("*.py") if path != HERE)
NUMBER = r"\d+(?:\.\d+)?"
CITED = re.compile(rf"docs/([\w-]+\.md), sections? ({NUMBER}(?:(?:,| and| to) {NUMBER})*)")
SECTION = re.compile(rf"^#+ ({NUMBER})\.? ", flags=re.MULTILINE)
ELSEWHERE = re.compile(r"""\b(?:METHODS(?:-REFERENCE)?|DESIGN|STYLE)\b(?:\.md)?(?![`"'])""")
"""Pages that are not in the repository; in quotes or backticks it is the name of a thing."""


@cache
def headings_of(page: str) -> frozenset[str]:
    """Return the numbers of a page's sections; none of a page that is not there."""
    path = ROOT / "docs" / page
    return frozenset(SECTION.findall(path.read_text(encoding="utf-8"))) if path.is_file() else frozenset()


def prose_of(path: Path) -> str:
    """Return the strings and comments of a module, or a page as it is: a constant of some name is no citation."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join(token.string for token in tokens if token.type in {tokenize.STRING, tokenize.COMMENT})


def as_one_line(text: str) -> str:
    """Return a text with its citations on one line each, as where a docstring or a comment wraps."""
    return re.sub(r"\s*\n\s*(?:#\s*)?", " ", text)


def without_a_heading(text: str) -> list[str]:
    """Return the sections that a text cites and that no page has."""
    return [
        f"docs/{page}, section {number}"
        for page, numbers in CITED.findall(as_one_line(text))
        for number in re.findall(NUMBER, numbers)
        if number not in headings_of(page)
    ]


def test_every_section_that_the_code_cites_exists() -> None:
    """A citation that leads nowhere makes a formula unprovable."""
    texts = {path: path.read_text(encoding="utf-8") for path in CITING}
    assert sum(len(CITED.findall(as_one_line(text))) for text in texts.values()) > 20
    missing = {str(path.relative_to(ROOT)): found for path, text in texts.items() if (found := without_a_heading(text))}
    assert missing == {}


def test_a_citation_of_a_section_that_is_not_there_is_noticed() -> None:
    """Also where it is one of several, on another page, or broken over two lines."""
    assert without_a_heading("docs/methods.md, sections 4.1 to 4.6 and 12; docs/methods.md,\n    section 6.1.") == []
    assert without_a_heading("docs/methods.md, sections 3.2, 6.9 and\n    # 99.") == [
        "docs/methods.md, section 6.9",
        "docs/methods.md, section 99",
    ]
    assert without_a_heading("docs/nothing.md, section 1") == ["docs/nothing.md, section 1"]


@pytest.mark.slow
def test_nothing_outside_the_repository_is_cited() -> None:
    """Whoever has the repository has every page that it cites."""
    files = [*CITING, *PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"]
    found = {str(path.relative_to(ROOT)): ELSEWHERE.findall(prose_of(path)) for path in files}
    assert {path: cited for path, cited in found.items() if cited} == {}


def test_a_citation_of_a_page_elsewhere_is_noticed_and_a_constant_is_none(tmp_path: Path) -> None:
    """In a docstring and in a comment; a mapping that is called METHODS is the name of a thing."""
    module = tmp_path / "module.py"
    module.write_text(
        '"""METHODS-REFERENCE, section 4.1, `METHODS.md`."""\n# See STYLE.md and :data:`METHODS`.\nMETHODS = {}\n',
        encoding="utf-8",
    )
    assert ELSEWHERE.findall(prose_of(module)) == ["METHODS-REFERENCE", "METHODS", "STYLE.md"]


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def broken_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead nowhere, in a file or to a heading of it."""
    missing = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        there = path.exists() and path.is_relative_to(ROOT)
        if not there or (anchor and anchor not in _anchors(path)):
            missing.append(target)
    return missing


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_relative_link_of_a_page_leads_somewhere(page: Path) -> None:
    """In the files themselves: a page is read where there is no net, too."""
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    """To a file, to a heading, and out of the repository."""
    page = ROOT / "docs" / "methods.md"
    text = "[a](glossary.md#verdicts) [b](glossary.md#no-such) [c](gone.md) [d](../../outside.md) [e](https://x.org/y)"
    assert broken_links(page, text) == ["glossary.md#no-such", "gone.md", "../../outside.md"]


SECTIONS_SAID = re.compile(rf"\bsections? ({NUMBER}(?:(?:,| and| to| or) {NUMBER})*)")


@pytest.mark.parametrize("name", ["methods.md", "glossary.md", "audit-format.md"])
def test_the_pages_themselves_cite_sections_that_exist(name: str) -> None:
    """They say "section 6.1" of docs/methods.md, without naming the page each time."""
    text = as_one_line((ROOT / "docs" / name).read_text(encoding="utf-8"))
    cited = [number for numbers in SECTIONS_SAID.findall(text) for number in re.findall(NUMBER, numbers)]
    assert len(cited) > 5
    assert sorted({number for number in cited if number not in headings_of("methods.md")}) == []


DOTTED = re.compile(r"`(biasaudit(?:\.[a-z_]\w*)+)(?:\(\))?`")


def unimportable(text: str) -> list[str]:
    """Return the dotted names of the package in backticks that are neither modules nor what a module offers."""
    return sorted({name for name in DOTTED.findall(text) if not _is_there(name)})


def _is_there(name: str) -> bool:
    place, _, last = name.rpartition(".")
    if importlib.util.find_spec(place) is None:
        return False
    return hasattr(importlib.import_module(place), last) or importlib.util.find_spec(name) is not None


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_dotted_name_on_a_page_can_be_imported(page: Path) -> None:
    """A reader types it."""
    assert unimportable(page.read_text(encoding="utf-8")) == []


def test_a_dotted_name_that_is_not_there_is_noticed() -> None:
    """A function that is gone, and a module that is."""
    text = (
        "`biasaudit.audit`, `biasaudit.stats.rule()`, `biasaudit.stats.verdict`, `biasaudit.judge`, `biasaudit.law.it`"
    )
    assert unimportable(text) == ["biasaudit.judge", "biasaudit.law.it"]
