"""What the documents say of the tree is so: links, names, rooms, and the numbers of the worked walk."""

from __future__ import annotations

import ast
import json
import math
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from tests.test_house import LEVELS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "biasaudit"
PAGES = sorted(path for folder in ("", "docs", "probes", "reports") for path in (ROOT / folder).glob("*.md"))
ARCHITECTURE = ROOT / "docs" / "architecture.md"

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAME = re.compile(r"`([\w/]+\.py)::(\w+)`")
FILES = re.compile(r"`([a-z_./]*(?:\{[a-z_,]+\})?[a-z_./]*\.(?:py|yaml|json|jinja))`")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
MOST_LINES = 120
"""Of the README: what it is, how to see it work, and where to read on."""

SAMPLE = ROOT / "reports" / "gemma-3-270m-demo"
ITEM = "applied-for/childcare-worker-construction-worker"


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that a host makes of a page's headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def names_in(path: Path) -> set[str]:
    """Return what a module defines at its top level."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def meant_by(file: str) -> list[Path]:
    """Return the file that a page means: in the package, in the tree, or a test named by its last part alone."""
    places = [place / file for place in (PACKAGE, ROOT) if (place / file).is_file()]
    return places or ([] if "/" in file else [*PACKAGE.rglob(file), *(ROOT / "tests").rglob(file)])


def spelled_out(file: str) -> list[str]:
    """Return `a/{b,c}.py` as two files."""
    before, brace, rest = file.partition("{")
    inner, _, after = rest.partition("}")
    return [f"{before}{one}{after}" for one in inner.split(",")] if brace else [file]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Files that are there, and headings that are in them; addresses of the web are not asked."""
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        where, _, anchor = link.partition("#")
        if ":" in where:
            continue
        target = (page.parent / where).resolve() if where else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_of_code_are_those_of_the_code(page: Path) -> None:
    """Names of the package and of tests, with the file in which they stand."""
    found = NAME.findall(page.read_text(encoding="utf-8"))
    assert [f"{file}::{name}" for file, name in found if not any(name in names_in(one) for one in meant_by(file))] == []


@pytest.mark.parametrize("page", [ARCHITECTURE, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_files_that_an_addition_touches_are_there(page: Path) -> None:
    named = FILES.findall(page.read_text(encoding="utf-8"))
    assert len(named) > 15, "a door names few files, and the pages still name these"
    assert [file for whole in named for file in spelled_out(whole) if not meant_by(file)] == []


def test_every_room_is_described() -> None:
    """The table of rooms has the levels that the house test has, in its order."""
    table = ARCHITECTURE.read_text(encoding="utf-8").split("## The rooms")[1].split("\n## ")[0]
    rows = re.findall(r"^\|([^|]*)\| (`[^|]*`) \|", table, re.MULTILINE)
    described: list[set[str]] = []
    for number, rooms in rows:
        if number.strip().isdigit():
            described.append(set())
        if described:
            described[-1] |= set(re.findall(r"`(\w+)`", rooms))
    assert described == [*LEVELS[:-1], LEVELS[-1] - {"__main__"}]


def test_the_walk_of_an_item_has_the_numbers_of_the_sample() -> None:
    """Parts of the base; d by hand from them; d and tanh(d / 4) of the three checkpoints."""
    page = ARCHITECTURE.read_text(encoding="utf-8")
    plan = json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8"))["plan"]
    named = {reference: name for name, reference in plan["tuned"].items()}
    responses = pd.read_parquet(SAMPLE / "responses.parquet")
    chosen = responses[(responses["item_id"] == ITEM) & (responses["probe"] == "occupations")]
    base = chosen[chosen["checkpoint"] == "base"].set_index("part")
    nats = {part: float(sum(values)) for part, values in base["token_logprobs_nats"].items()}
    said = [f"{nats['1|A']:.3f}, {nats['2|A']:.3f}, {nats['1|B']:.3f} and {nats['2|B']:.3f} nats"]
    scores = pd.read_parquet(SAMPLE / "scores.parquet")
    of_item = scores[(scores["item_id"] == ITEM) & (scores["probe"] == "occupations")].set_index("checkpoint")
    d, graded = of_item["d_nats"], of_item["graded"]
    by_hand = (nats["1|A"] - nats["2|A"]) - (nats["1|B"] - nats["2|B"])
    assert d["base"] == pytest.approx(by_hand)
    sft, bound = named["demo:tuned"], named["demo:aligned"]
    said.append(f"base {by_hand:.3f}, tuned on instructions {d[sft]:.3f}, tuned to a bound {d[bound]:.3f}.")
    said.append(f"base {math.tanh(by_hand / 4):.3f}, and {graded[sft]:.3f} and {graded[bound]:.3f}.")
    lines = " ".join(page.split())
    assert [text for text in said if text not in lines] == []
