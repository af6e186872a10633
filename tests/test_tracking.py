from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import biasaudit
from biasaudit.errors import MissingExtraError
from biasaudit.facade import Audit
from biasaudit.testing import leaning, scripted_audit, unscorable
from biasaudit.tracking import metrics_and_tags
from tests.scripted_audits import save_audit
from tests.tiny import save_probe

CELL = "mini/gender"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return save_audit(tmp_path_factory.mktemp("tracked"))


def test_every_number_stands_beside_its_interval(audit: Audit) -> None:
    metrics, _ = metrics_and_tags(audit)
    row = audit.estimates.query("checkpoint == 'tuned' and framing == 'chat' and metric == 'index'").iloc[0]
    for part in ("value", "ci_low", "ci_high"):
        assert metrics[f"index/tuned/chat/{CELL}/{part}"] == row[part]
    row = audit.comparisons.query("contrast == 'weights, plain' and metric == 'graded'").iloc[0]
    assert metrics[f"reduction/tuned/weights plain/{CELL}/value"] == row["reduction"]
    assert metrics[f"reduction/tuned/weights plain/{CELL}/ci_low"] == row["ci_low"]
    assert {name.rsplit("/", 1)[1] for name in metrics} == {"value", "ci_low", "ci_high"}


def test_what_was_not_measured_is_words_and_never_a_number(tmp_path: Path) -> None:
    probe = str(save_probe(tmp_path / "mini"))
    metrics, tags = metrics_and_tags(scripted_audit(leaning("base", 1.0), unscorable(), probes=[probe]))
    assert tags[f"biasaudit.status/index/tuned/plain/{CELL}"] == "not measured"
    assert not any(name.startswith(("index/tuned", "reduction")) for name in metrics)
    assert f"index/base/plain/{CELL}/value" in metrics
    assert all(map(math.isfinite, metrics.values()))


def test_names_that_mlflow_does_not_take_stay_apart(tmp_path: Path) -> None:
    from biasaudit.tracking import _part

    names = ["a/b", "a\\b", "a:b", "a_b", "..", ".", "", " a", "ä", "a" * 41, "a" * 42, "a\nb"]
    parts = [_part(name) for name in names]
    assert len(set(parts)) == len(names)
    assert _part("sexual-orientation") == "sexual-orientation"
    for part in parts:
        assert part.isascii()
        assert "/" not in part
        assert part.strip(". ") == part
        assert 0 < len(part) <= 50


def test_without_mlflow_the_message_names_the_extra(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mlflow", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"biasaudit\[mlflow\]"):
        biasaudit.log_to_mlflow(audit)


def test_importing_mlflow_for_somebody_asks_for_no_telemetry(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow reads the variable when it is imported; who set it, or imported MLflow before, has decided."""
    from biasaudit import tracking

    for set_before, expected in ((None, "true"), ("false", "false")):
        monkeypatch.delitem(sys.modules, "mlflow", raising=False)
        monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
        if set_before is not None:
            monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", set_before)
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: SimpleNamespace())
        monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace())
        tracking._mlflow()
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == expected


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # Any: an optional library
    """MLflow with a store of one test's own."""
    # The package without its servers has no database; its file store has to be asked for.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    module: Any = pytest.importorskip("mlflow", reason="MLflow is not here: pip install '.[mlflow]'")
    before = module.get_tracking_uri()
    module.set_tracking_uri((tmp_path / "store").as_uri())
    yield module
    module.set_tracking_uri(before)


def test_a_store_holds_numbers_words_and_an_audit_that_opens(audit: Audit, tmp_path: Path, mlflow: Any) -> None:
    decision = biasaudit.check(audit, save_policy(tmp_path))
    run_id = biasaudit.log_to_mlflow(audit, decision)
    assert mlflow.active_run() is None
    data = mlflow.get_run(run_id).data
    metrics, tags = metrics_and_tags(audit)
    assert data.metrics == metrics
    assert {name: data.tags[name] for name in tags} == tags
    assert data.tags["biasaudit.outcome"] == "passed"
    assert data.tags["biasaudit.base"] == "scripted:base"
    kept = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="biasaudit"))
    assert biasaudit.open_audit(kept / "audit").comparisons.equals(audit.comparisons)
    assert (kept / "audit" / "report.html").is_file()
    assert json.loads((kept / "decision.json").read_text(encoding="utf-8"))["outcome"] == "passed"


def test_a_run_that_is_active_is_used_and_left_open(tmp_path: Path, mlflow: Any) -> None:
    """With an audit that was never written, and one cell without a number."""
    probe = str(save_probe(tmp_path / "mini"))
    made = scripted_audit(leaning("base", 1.0), unscorable(), probes=[probe])
    with mlflow.start_run() as run:
        assert biasaudit.log_to_mlflow(made) == run.info.run_id
        assert mlflow.active_run() is not None
    data = mlflow.get_run(run.info.run_id).data
    assert data.tags[f"biasaudit.status/index/tuned/plain/{CELL}"] == "not measured"
    assert "biasaudit.outcome" not in data.tags
    kept = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="biasaudit/audit")
    assert biasaudit.open_audit(kept).manifest.plan["base"] == "scripted:base"


def save_policy(folder: Path) -> Path:
    path = folder / "policy.yaml"
    path.write_text("version: 1\nrules:\n  - {id: r, max_increase: 0.5}\n", encoding="utf-8")
    return path
