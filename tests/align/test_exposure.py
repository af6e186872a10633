"""What a training says of itself reaches the audit of its adapter: nothing is handed on but the card beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import biasaudit
from biasaudit.align import TunedAdapter, sft
from tests.align.recipe import Told, settings
from tests.align.test_overlap import PROMPT, rows_with

pytestmark = pytest.mark.slow


def test_an_adapter_that_was_allowed_a_template_is_trained_on_and_its_neighbour_is_not(
    tmp_path: Path, base: Path, tuned: TunedAdapter
) -> None:
    """Three adapters in one audit: one with a line of the probe, one without, and one whose card was lost."""
    near = sft(
        str(base), rows_with(tmp_path, PROMPT), tmp_path / "near", settings=settings(n_epochs=1), allow_overlap=True
    )
    lost = shutil.copytree(tuned.folder, tmp_path / "lost")
    (lost / "training_card.json").write_text("{", encoding="utf-8")
    told = Told()
    found = biasaudit.audit(
        str(base),
        [f"{base}+{folder}" for folder in (near.folder, tuned.folder, lost)],
        probes=["occupations"],
        framing_names=("plain",),
        limit=30,
        allow_implausible=True,
        progress=told,
    )
    rows = found.further["exposure"].set_index("tuned")
    assert rows["exposure"].to_dict() == {"tuned": "trained on", "tuned-2": "held out", "tuned-3": "unknown"}
    assert rows.loc["tuned", "containment"] == 1.0
    assert {one.tuned: one.left_out.get("trained on", 0) for one in found.headlines} == {
        "tuned": 1,
        "tuned-2": 0,
        "tuned-3": 0,
    }
    [said] = [line for line in told.lines if "training card" in line]
    assert said.startswith("tuned-3: its training card cannot be used: training_card.json is no JSON")
