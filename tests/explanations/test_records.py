"""Records of a training in an explanation: asked by their file, held against the audit, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import biasaudit
from biasaudit.errors import UsageError
from biasaudit.explanations import read_explanation
from biasaudit.report import render_explanation
from tests.align.recipe import tune
from tests.attacks.scripted import save_crossed
from tests.tiny import TURNS, instruction, save_instructions, save_model

NASTY = "<script>alert(1)</script>"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the folder of an audit of an adapter, and the file that it was trained on."""
    folder = tmp_path_factory.mktemp("records")
    rows = [instruction(number, source=("web", "forum")[number % 3 == 0]) for number in range(23)]
    data = save_instructions(folder / "rows.jsonl", [*rows, instruction(99, response=NASTY, source="web")])
    base = folder / "base"
    save_model(base, seed=0, chat_template=TURNS)
    adapter = tune(base, data, folder / "adapter", lora_rank=2, lora_alpha=4)
    probe = save_crossed(folder / "mini")
    given: dict[str, Any] = {"framing_names": ("plain",), "device": "cpu", "out": folder / "audit"}
    biasaudit.audit(str(base), f"{base}+{adapter.folder}", probes=[str(probe)], **given)
    return folder / "audit", data


def test_records_are_attributed_kept_and_shown_as_text(audited: tuple[Path, Path], tmp_path: Path) -> None:
    audit, data = audited
    found = biasaudit.explain(audit, probe="mini", evidence=("records",), records=data, out=tmp_path / "out")
    facts = found.evidence.facts["records"]
    assert facts["status"] == "ok"
    assert facts["index"]["gender"][-1] == pytest.approx(found.cells["tuned"].iloc[0], abs=1e-3)
    assert len(found.records) == 24
    assert set(found.record_groups["group"]) == {"web", "forum"}
    again = read_explanation(tmp_path / "out")
    pd.testing.assert_frame_equal(again.records, found.records, check_dtype=False)
    page = render_explanation(again).split('id="training-data"')[1].split("</section>")[0]
    assert "attribution to first order, not proof" in page
    assert NASTY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("which", ["none", "other"])
def test_without_the_trainings_own_file_it_says_why(audited: tuple[Path, Path], tmp_path: Path, which: str) -> None:
    audit, _ = audited
    other = save_instructions(tmp_path / "other.jsonl", [instruction(number) for number in range(5)])
    found = biasaudit.explain(audit, probe="mini", evidence=("records",), records=None if which == "none" else other)
    said = {"none": "no file of training data was named", "other": "other.jsonl"}[which]
    assert said in found.evidence.unmeasured["records"]
    assert found.records.empty
    assert said in render_explanation(found)


def test_a_file_that_is_not_there_is_refused_at_once(audited: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file of training records"):
        biasaudit.explain(audited[0], probe="mini", records=tmp_path / "nowhere.jsonl")
