"""The rooms: imports go down only, and the package is light until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "biasaudit"
# From the ground up. A module may import from its own level and from those before it, type checking included.
LEVELS = [
    {"version", "types", "errors", "visible", "outputs"},
    {"plain_files", "plain_yaml", "languages"},
    {"framing", "kinds", "stats"},
    {"models", "probes"},
    {"benchmarks", "classifiers"},
    {"validity"},
    {"record", "robustness"},
    {"analysis"},
    {"gate"},
    {"audits"},
    {"align", "attacks", "explanations"},
    {"report"},
    {"facade"},
    {"api"},
    {"bundles", "testing", "tracking", "tuned"},
    {"biasaudit"},
    {"cli", "__main__", "pytest_plugin"},
]
LONGEST = 400
"""Lines of a module."""

MOST = 25
"""Modules side by side."""


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported_by(path: Path) -> set[str]:
    """Return the modules of the package that a module imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "biasaudit"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "biasaudit":
            wholes = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole if whole in NAMES else str(node.module) for whole in wholes}
    return found - {name_of(path)}


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE)


NAMES = {name_of(path): path for path in MODULES} | {"biasaudit": PACKAGE / "__init__.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    level = level_of(room_of(path))
    for imported in imported_by(path):
        assert level_of(imported.split(".")[:2][-1]) <= level, f"{path} imports {imported}, which is above it"


def test_no_modules_import_each_other() -> None:
    """Neither directly nor around a circle, for type checking neither."""
    order = TopologicalSorter({name: imported_by(path) for name, path in NAMES.items()})
    try:
        order.prepare()
    except CycleError as exc:
        pytest.fail(" -> ".join(reversed(exc.args[1])))


def test_modules_and_rooms_are_small() -> None:
    long = {name: n for name, path in NAMES.items() if (n := len(path.read_text().splitlines())) > LONGEST}
    rooms = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert (long, {room.name: n for room, n in rooms.items() if n > MOST}) == ({}, {})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_models_and_training_import_torch(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    heavy = {"torch", "transformers", "peft", "trl"}
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        if any(name.split(".")[0] in heavy for name in names):
            assert room_of(path) in {"models", "align"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "import biasaudit",
        "import biasaudit.cli.main",
        "import biasaudit.models",
        "import biasaudit.align",
        "import biasaudit.classifiers",
        "import biasaudit.robustness",
        "import biasaudit.testing",
        "import biasaudit.pytest_plugin",
    ],
)
def test_importing_is_light(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint([m for m in ('torch', 'transformers', 'trl') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_top_level_is_the_house() -> None:
    root = PACKAGE.parent
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "constraints.txt",
        ".ci/run",
        "probes",
        "reports",
    ):
        assert (root / name).exists(), name


@pytest.mark.slow
def test_the_api_keeps_its_names_whatever_was_imported() -> None:
    """A room of the name `audit`, or a file `sft`, would take the place of the function once it is imported."""
    code = "import biasaudit\nbiasaudit.open_audit\nprint(callable(biasaudit.audit), callable(biasaudit.align.sft))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True"
