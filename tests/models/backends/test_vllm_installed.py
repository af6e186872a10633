"""vLLM itself, where it is installed, beside plain forwards of transformers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from biasaudit.models import ModelShelf, locate, parse_reference
from biasaudit.models.backend import Settings, answers
from biasaudit.models.backends.vllm import PYTHON, VLLM
from biasaudit.models.engine.check_packs import TOLERANCES_NATS
from biasaudit.models.likelihood import Encoded, encode_all
from biasaudit.types import Response, Scored
from tests.models.backends.test_vllm import TEXTS
from tests.tiny import save_adapter, save_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no Python that has vLLM"),
]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base whose heads are as wide as vLLM's attention takes them, and an adapter on it."""
    folder = tmp_path_factory.mktemp("wide")
    save_model(folder / "base", seed=5, hidden_size=256)
    save_adapter(folder / "base", folder / "adapter")
    return folder


def plain(reference: str) -> list[list[float]]:
    """Return what one plain forward of a freshly loaded model gives for the same tokens."""
    loaded = ModelShelf().open(locate(parse_reference(reference)))
    encoded = encode_all(loaded.tokenizer, list({one.key: one for one in TEXTS}.values()))
    rows = [encoded[one.key] for one in TEXTS]
    return [
        loaded.continuation_logprobs([(row.context_ids, row.continuation_ids)])[0]
        for row in rows
        if isinstance(row, Encoded)
    ]


def asked(reference: str) -> list[Response]:
    named = f"vllm:{reference}"
    prepared = VLLM.locate({"base": named, "tuned": named}, Settings(), print).prepared()
    with prepared.opened(print) as opened:
        return answers(opened("base"), TEXTS, name="base")


@pytest.mark.parametrize("adapter", [False, True], ids=["base", "adapter"])
def test_it_scores_as_a_freshly_loaded_model(checkpoints: Path, *, adapter: bool) -> None:
    """As near as single precision is with random weights, the adapter put on by vLLM; and it does something."""
    reference = str(checkpoints / "base") + (f"+{checkpoints / 'adapter'}" if adapter else "")
    found = [one.token_logprobs_nats for one in asked(reference) if isinstance(one, Scored)]
    expected = plain(reference)
    assert len(found) == len(TEXTS)
    assert [len(one) for one in found] == [len(one) for one in expected]
    differences = [
        abs(a - b) for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)
    ]
    assert max(differences) < TOLERANCES_NATS["float32"]
    if adapter:
        base = plain(str(checkpoints / "base"))
        assert (
            max(abs(a - b) for one, other in zip(found, base, strict=True) for a, b in zip(one, other, strict=True))
            > 0.01
        )
