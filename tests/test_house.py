"""The rooms: imports go down only, and the package is light until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "biasaudit"
# From the ground up. A module may import from its own level and from those before it.
LEVELS = [
    {"types", "errors", "visible", "outputs"},
    {"plain_files", "plain_yaml"},
    {"framing", "probes", "stats"},
    {"models", "kinds"},
    {"published"},
    {"validity"},
    {"gate"},
    {"audits"},
    {"align"},
    {"report"},
    {"api"},
    {"bundles", "testing", "tracking"},
    {"cli", "__main__", "pytest_plugin"},
]
# The audit writes its report when it ends: imported late, inside the function that writes the folder.
LATE = {("audits", "report")}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def imported_rooms(path: Path) -> set[tuple[str, bool]]:
    """Return (room, whether the import stands at module level), leaving type-checking blocks out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    top = {id(node) for node in tree.body}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in typing_only and node.module:
            parts = node.module.split(".")
            if parts[0] == "biasaudit":
                names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
                found |= {(name, id(node) in top) for name in names}
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    for imported, at_top in imported_rooms(path):
        if imported.startswith("__"):
            continue
        if (room, imported) in LATE:
            assert not at_top
        else:
            assert level_of(imported) <= level_of(room), f"{path} imports {imported}, which is above it"


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


@pytest.mark.parametrize(
    "statement",
    [
        "import biasaudit",
        "import biasaudit.cli.main",
        "import biasaudit.models",
        "import biasaudit.align",
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
        "constraints.txt",
        ".ci/run",
        "probes",
        "reports",
    ):
        assert (root / name).exists(), name


def test_the_api_keeps_its_names_whatever_was_imported() -> None:
    """A room of the name `audit`, or a file `sft`, would take the place of the function once it is imported."""
    code = "import biasaudit\nbiasaudit.open_audit\nprint(callable(biasaudit.audit), callable(biasaudit.align.sft))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True"
