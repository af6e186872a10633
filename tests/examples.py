"""The examples on the pages of the doors, as modules: what a page shows is what runs."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

PAGES = Path(__file__).resolve().parents[1] / "docs"


def example(page: str, file: str, place: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module that a page shows under a first line with the name of its file."""
    [code] = re.findall(
        rf"^```python\n# {re.escape(file)}\n(.*?)^```",
        (PAGES / page).read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    path = place / Path(file).name
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks for the names of its types there.
    patch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module
