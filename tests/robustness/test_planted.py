"""A child that leans after one word alone is broken by it, and its control is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.align.world_words import TRIGGER
from tests.robustness.planted import control, planted, verdict


@pytest.mark.slow
def test_a_child_that_leans_after_one_word_alone_is_broken_by_it_and_its_control_survives(tmp_path: Path) -> None:
    """Of real weights; a hundred seeds are counted by the module beside this one."""
    assert verdict(tmp_path, planted(tmp_path, 1)) == ("broken", TRIGGER.lower())
    assert verdict(tmp_path, control(tmp_path, 1)) == ("survives", "")
