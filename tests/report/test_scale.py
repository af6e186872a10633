"""A large audit has a page that can be opened, sent and compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.big import pickled, rendered

pytestmark = pytest.mark.slow


def test_a_hundred_thousand_items_in_forty_cells_need_little_memory_and_give_the_same_bytes_twice(
    tmp_path: Path,
) -> None:
    """1 GB with Python, pandas, the audit itself and the drawing; how long it takes is a matter of tests/speed."""
    made = pickled(tmp_path)
    first, second = rendered(made), rendered(made)
    assert first["peak_bytes"] < 2**30
    assert first["page_bytes"] < 2_500_000
    assert first["sha256"] == second["sha256"]
