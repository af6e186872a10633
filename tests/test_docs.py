"""The pages under docs/ name only what is there: files, functions, links, sections, columns."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

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
