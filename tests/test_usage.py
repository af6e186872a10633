"""The examples of docs/usage.md, run as they stand there, on audits of scripted models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biasaudit.types import Status
from tests.examples import example
from tests.scripted_audits import save_audit
from tests.test_tracking import mlflow

__all__ = ["mlflow"]

# Each computes an audit, or draws several.
pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the folders that the page names: a model that leans half as much as its base."""
    (tmp_path / "reports").mkdir()
    for name in ("mine", "other", "earlier"):
        save_audit(tmp_path / "reports", out=name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reports"


def test_the_notebook_opens_describes_compares_and_computes_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: one cell of one probe, which shrank; a share between none and all of it is gone; no byte changes."""
    before = {path.name: path.read_bytes() for path in (place / "earlier").iterdir() if path.suffix == ".parquet"}
    module = example("usage.md", "notebook.py", place.parent, monkeypatch)
    assert module.cells[["probe", "feature", "verdict"]].values.tolist() == [["mini", "gender", "reduced"]]
    assert module.share.status is Status.OK
    assert 0 < module.share.value < 1
    assert capsys.readouterr().out.startswith("Audit: base scripted:base, tuned scripted:tuned\n")
    assert (place / "mine-as-csv" / "comparisons.csv").is_file()
    page = (place / "both.html").read_text(encoding="utf-8")
    assert "mine" in page
    assert "other" in page
    assert {
        path.name: path.read_bytes() for path in (place / "earlier").iterdir() if path.suffix == ".parquet"
    } == before
    assert module.again.comparisons.equals(module.audit.comparisons)


def test_a_tracked_audit_has_its_numbers_its_decision_and_opens_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, mlflow: Any
) -> None:
    """In a store of the test's own; a reduction is a metric beside both ends of its interval."""
    module = example("usage.md", "tracked.py", place.parent, monkeypatch)
    assert module.found.tags["biasaudit.outcome"] == "passed"
    values = sorted(value for name, value in module.reductions.items() if name.endswith("/value"))
    rows = module.audit.comparisons.query("metric == 'graded' and status == 'ok'")
    assert len(values) > 3
    assert values == pytest.approx(sorted(rows["reduction"]))
    assert {name.rpartition("/")[2] for name in module.reductions} == {"value", "ci_low", "ci_high"}
    assert module.kept.comparisons.equals(module.audit.comparisons)
