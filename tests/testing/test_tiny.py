from __future__ import annotations

import math
from pathlib import Path

import pytest

import biasaudit
from biasaudit.errors import UsageError
from biasaudit.probes import findings, load_probe
from biasaudit.testing import tiny_biased_model, tiny_probe, tiny_tuned_child


def test_the_tiny_probe_is_whole(tmp_path: Path) -> None:
    """12 templates x 10 occupations, as many of competence, 3 controls a template."""
    probe = load_probe(str(tiny_probe(tmp_path / "probe")))
    counts = {role: sum(one.role == role for one in probe.items) for role in ("bias", "competence", "control")}
    assert counts == {"bias": 120, "competence": 120, "control": 36}
    assert not findings(probe)


@pytest.mark.parametrize("lean", [-0.1, 1.1, float("nan")])
def test_a_lean_is_a_probability(tmp_path: Path, lean: float) -> None:
    with pytest.raises(UsageError, match="probability"):
        tiny_biased_model(tmp_path / "model", lean=lean)


@pytest.mark.slow
def test_a_model_is_trained_and_audited_as_any(tmp_path: Path) -> None:
    """Equal seeds give equal weights, and its lean is of the corpus: log(0.9 / 0.1) = 2.2 nats."""
    probe = str(tiny_probe(tmp_path / "probe"))
    one = tiny_biased_model(tmp_path / "one", lean=0.9)
    two = tiny_biased_model(tmp_path / "two", lean=0.9)
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    assert (one / "model.safetensors").stat().st_size < 4_000_000
    child = tiny_tuned_child(one, tmp_path / "child", lean=0.5)
    audit = biasaudit.audit(str(one), str(child), probes=[probe], framing_names=("plain",))
    row = audit.estimates.query("checkpoint == 'base' and metric == 'mean_d'").iloc[0]
    assert row["value"] == pytest.approx(math.log(9), abs=0.35)
    assert audit.comparisons.query("metric == 'graded'")["verdict"].item() == "reduced"
