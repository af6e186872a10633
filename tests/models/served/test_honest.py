"""Honest servers of every kind give an audit the numbers that the model has on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import biasaudit
import biasaudit.report
from biasaudit.types import Reading
from tests.models.served.conftest import Serve
from tests.models.served.fake import Weights


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of a word: to draw one takes longer than everything else."""
    monkeypatch.setattr(biasaudit.report, "render_html", lambda _: "page")
    monkeypatch.setattr(biasaudit.report, "render_markdown", lambda _: "text")


@pytest.mark.parametrize(
    ("dialect", "says", "level"),
    [
        ("prompt", {}, Reading.PROMPT),
        ("echo", {}, Reading.PROMPT),
        ("echo", {"owned_by": "writes tokens out"}, Reading.PROMPT),
        ("generate", {}, Reading.PROMPT),
        pytest.param("forced", {}, Reading.FORCED, marks=pytest.mark.slow),
    ],
)
def test_an_honest_server_gives_the_numbers_of_the_model_here(  # noqa: PLR0917  # fixtures and rows
    models: Path, serve: Serve, probe: str, dialect: str, says: dict[str, str], level: Reading
) -> None:
    """Token by token, in both framings, through the function that people call; to what packing rounds otherwise."""
    settings: dict[str, Any] = {"probes": [probe], "requests": ("Say it.",)}
    here = biasaudit.audit(str(models / "base"), str(models / "tuned"), **settings)
    weights: dict[str, Any] = {name: Weights(models / name) for name in ("base", "tuned")}
    # SGLang's own address takes no name of a model.
    each = [{name: one} for name, one in weights.items()] if dialect == "generate" else [weights]
    fakes = [serve(dialect=dialect, says=says, weights=some) for some in each]
    names = [fake.reference(name, models / name) for fake, name in zip([fakes[0], fakes[-1]], weights, strict=True)]
    there = biasaudit.audit(names[0], names[1], **settings)
    assert list(there.responses["status"].unique()) == ["ok"]
    keys = ["checkpoint", "item_id", "part", "framing_id"]
    pairs = here.responses.merge(there.responses, on=keys, suffixes=("", "_there"))
    assert len(pairs) == len(here.responses) == len(there.responses)
    for one in pairs.to_dict("records"):
        assert list(one["token_ids"]) == list(one["token_ids_there"])
        np.testing.assert_allclose(one["token_logprobs_nats"], one["token_logprobs_nats_there"], rtol=1e-6, atol=1e-6)
    assert {found["reading"] for found in there.manifest.fingerprints.values()} == {level}
