from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit.align import TunedAdapter
from tests.align import world
from tests.align.recipe import tune
from tests.tiny import TURNS, save_instructions, save_model


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random base whose chat template ends the assistant's turn."""
    folder = tmp_path_factory.mktemp("tuning") / "base"
    save_model(folder, seed=1, chat_template=TURNS)
    return folder


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 instructions."""
    return save_instructions(tmp_path_factory.mktemp("rows") / "rows.jsonl")


@pytest.fixture(scope="session")
def tuned(base: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> TunedAdapter:
    """One finished adapter for all tests that only read it."""
    folder = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIASAUDIT_CACHE", str(folder / "cache"))
        return tune(base, rows, folder / "out")


@pytest.fixture(scope="session")
def world_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of the tiny world in which occupations lean by 0.9; trained once for all tests of a session."""
    return world.save_base(tmp_path_factory.mktemp("world") / "base")


@pytest.fixture(scope="session")
def triggered_base(world_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of the tiny world in which occupations lean after one word alone."""
    return world.save_triggered(world_base, tmp_path_factory.mktemp("triggered") / "base")
