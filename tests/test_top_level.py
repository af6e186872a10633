"""What `import biasaudit` offers: what completion, help and type checkers see is what there is."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import biasaudit

MODULE = Path(biasaudit.__file__)


def typed_names() -> set[str]:
    """Return the names that the module imports for type checkers alone."""
    [block] = [node for node in ast.parse(MODULE.read_text(encoding="utf-8")).body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def test_dir_shows_everything_that_there_is_and_nothing_else() -> None:
    """In an interpreter of its own, before any of it was imported: completion asks `dir`, which loads nothing."""
    code = (
        "import sys, biasaudit\n"
        "print([name for name in dir(biasaudit) if not name.startswith('__')])\n"
        "print([name for name in ('pandas', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, loaded = map(ast.literal_eval, done.stdout.splitlines())
    assert shown == [name for name in biasaudit.__all__ if name != "__version__"]
    assert {"audit", "open_audit", "recompute", "side_by_side", "log_to_mlflow", "stats", "Audit"} <= set(shown)
    assert loaded == []


@pytest.mark.parametrize("name", biasaudit.__all__)
def test_every_name_that_is_shown_is_there_and_says_what_it_is(name: str) -> None:
    """A name in the list that no module has fails when somebody takes it."""
    found = getattr(biasaudit, name)
    assert name == "__version__" or inspect.getdoc(found)


def test_type_checkers_see_the_same_names() -> None:
    """They follow no `__getattr__`: a lazy name that they do not import is one that an editor does not complete."""
    assert typed_names() == set(biasaudit.__all__) - {"__version__"}


def test_the_package_says_that_it_has_types() -> None:
    """Without this file, type checkers take nothing of an installed package into account (PEP 561)."""
    assert (MODULE.parent / "py.typed").is_file()


def test_a_name_that_is_not_there_is_an_error_for_python_and_for_type_checkers() -> None:
    """mypy, which runs over the tests, would call the comment useless if it accepted the name."""
    with pytest.raises(AttributeError, match="module 'biasaudit' has no attribute 'adit'") as caught:
        biasaudit.adit  # type: ignore[attr-defined]  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("adit", biasaudit), "what suggestions are made from"
