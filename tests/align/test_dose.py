"""The bound is a dose: on a tiny world what is held out leans as much as was asked for, and what is licensed stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from biasaudit import align
from biasaudit.probes import load_probe
from biasaudit.types import AssociationTexts, PairTexts, Role
from tests.align import world
from tests.align.loops import Tables, d_nats, logprobs, opened
from tests.align.recipe import dose

pytestmark = pytest.mark.slow

BOUNDS = (0.05, 0.2, 0.4, 0.6)


def tables(probe: Path) -> Tables:
    return [
        (one.texts.contexts, one.texts.continuations)
        for one in load_probe(str(probe)).items
        if one.role is Role.BIAS and one.feature == "gender" and isinstance(one.texts, AssociationTexts)
    ]


@contextmanager
def asked(base: Path, adapter: Path | None) -> Iterator[tuple[Any, Any]]:  # classes that transformers makes
    import torch
    from peft import PeftModel

    model, tokenizer = opened(base)
    with torch.no_grad():
        yield model if adapter is None else PeftModel.from_pretrained(model, adapter), tokenizer


def index(base: Path, adapter: Path | None, probe: Path) -> float:
    """B of occupations on held-out templates and words, by a plain loop of the tests' own."""
    with asked(base, adapter) as (model, tokenizer):
        return float((d_nats(model, tokenizer, tables(probe)) / 4).tanh().mean())


def licensed(base: Path, adapter: Path | None, probe: Path) -> float:
    """Mean p(right) of the definitional words that no training has, by a plain loop of the tests' own."""
    kept = [one.texts for one in load_probe(str(probe)).items if one.role is Role.LICENSED and one.feature == "gender"]
    pairs = [one for one in kept if isinstance(one, PairTexts)]
    with asked(base, adapter) as (model, tokenizer):
        right, wrong = (
            logprobs(model, tokenizer, [(one.context, end) for one, end in zip(pairs, ends, strict=True)])
            for ends in ([one.first for one in pairs], [one.second for one in pairs])
        )
        return float((right - wrong).sigmoid().mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_the_held_out_index_is_what_was_asked_for(seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Within 0.06 of the bound, whatever it is; held-out neutral loss at most 0.04 nats up, licensed 0.03 down."""
    base = request.getfixturevalue("world_base") if seed == 0 else world.save_base(tmp_path / "base", seed=seed)
    probe = world.save_probe(tmp_path / "probe")
    file = world.save_contrasts(tmp_path / "contrasts.yaml")
    assert index(base, None, probe) > 0.7
    before = licensed(base, None, probe)
    assert before > 0.9
    for bound in BOUNDS:
        out = tmp_path / f"out-{bound}"
        # Its sentences are as short as some of ours: the world is no probe of this package.
        done = align.tune("constraint", str(base), None, out, settings=dose(bound, file), allow_overlap=True)
        assert done.card.facts["outcome"] == "met"
        assert index(base, out, probe) == pytest.approx(bound, abs=0.06)
        assert licensed(base, out, probe) >= before - 0.03
        neutral = [float(str(done.card.facts[f"held-out neutral loss{arm}"])) for arm in (", base", "")]
        assert neutral[1] <= neutral[0] + 0.04
