"""Golden bytes: what audits write does not change unless somebody says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.works import WORKS, digests, make

GOLDEN = Path(__file__).with_name("golden.json")


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKS)
def test_every_table_and_page_is_what_it_was(name: str, tmp_path: Path) -> None:
    """`python -m tests.golden FOLDER` writes the texts of a tree, to see by `diff -r` what differs.

    Where a change is meant, `python -m tests.golden` writes the digests anew, in the commit that means it.
    """
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    found = digests(make(name, tmp_path))
    assert found.keys() == golden.keys()
    assert not [file for file, digest in found.items() if digest != golden[file]]
