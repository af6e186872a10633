"""Texts go through a model in passes of like length, and what is read is what one text alone gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from biasaudit.align import passes
from biasaudit.align.passes import logits_at
from tests.align.loops import opened

ROWS = ((5, 6, 7, 8, 9, 10), (5, 6), (7,), (5, 6, 7, 8, 9))
PLACES = [(3, 4), (0, 5), (1, 0), (0, 2), (2, 0), (1, 1)]


@pytest.mark.parametrize("work", [1e9, 0.0], ids=["one pass", "several"])
def test_what_is_read_is_what_a_text_alone_gives(base: Path, monkeypatch: pytest.MonkeyPatch, work: float) -> None:
    """In the order that was asked for, whichever rows went through together."""
    monkeypatch.setattr(passes, "_PASS_WORK", work)
    monkeypatch.setattr(passes, "_PASS_TOKENS", 1.0)
    model, _ = opened(base)
    with torch.no_grad():
        found = logits_at(model, ROWS, PLACES)
        alone = [model(input_ids=torch.tensor([ROWS[row]])).logits[0, at] for row, at in PLACES]
    torch.testing.assert_close(found, torch.stack(alone), atol=1e-5, rtol=1e-5)


def test_rows_in_which_nothing_is_read_are_not_computed(base: Path) -> None:
    model, _ = opened(base)
    seen: list[int] = []
    model.register_forward_pre_hook(lambda *given: seen.append(given[2]["input_ids"].shape[1]), with_kwargs=True)
    passes_of = passes._PASS_WORK, passes._PASS_TOKENS
    assert passes_of[0] / 100_000 > 1_000 > passes_of[0] / 268_098_176  # one pass for the tiny, several for gemma
    with torch.no_grad():
        logits_at(model, ROWS, [(1, 0)])
    assert len(seen) == 1
