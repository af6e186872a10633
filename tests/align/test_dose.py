"""The bound is a dose: on a tiny world what is held out leans as much as was asked for, and what is licensed stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit import align
from biasaudit.align.methods.constraint import ConstraintSettings
from biasaudit.probes import load_probe
from biasaudit.types import AssociationTexts, Role
from tests.align import world
from tests.align.loops import Tables, d_nats, opened

pytestmark = pytest.mark.slow


def tables(probe: Path, feature: str) -> Tables:
    return [
        (one.texts.contexts, one.texts.continuations)
        for one in load_probe(str(probe)).items
        if one.role is Role.BIAS and one.feature == feature and isinstance(one.texts, AssociationTexts)
    ]


def index(base: Path, adapter: Path | None, probe: Path) -> float:
    """B of occupations on held-out templates and words, by a plain loop of the tests' own."""
    import torch
    from peft import PeftModel

    model, tokenizer = opened(base)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        return float((d_nats(model, tokenizer, tables(probe, "gender")) / 4).tanh().mean())


def test_the_held_out_index_follows_the_bound(world_base: Path, tmp_path: Path) -> None:
    """Never above it, in its order, and what is kept is kept: neutral loss by 0.04 nats, licensed by 0.03."""
    probe = world.save_probe(tmp_path / "probe")
    file = world.save_contrasts(tmp_path / "contrasts.yaml")
    before = index(world_base, None, probe)
    found = {}
    for bound in (0.05, 0.2, 0.4, 0.6):
        settings = ConstraintSettings(
            max_disparity=bound,
            contrasts=str(file),
            features="gender",
            n_steps=80,
            check_every=2,
            learning_rate=5e-4,
            eta=0.005,
            slack=0.06,
            device="cpu",
        )
        out = tmp_path / f"out-{bound}"
        # Its sentences are as short as some of ours: the world is no probe of this package.
        done = align.tune("constraint", str(world_base), None, out, settings=settings, allow_overlap=True)
        found[bound] = index(world_base, out, probe)
        facts = {name: float(str(one)) for name, one in done.card.facts.items() if name != "outcome"}
        assert facts["held-out neutral loss"] <= facts["held-out neutral loss, base"] + 0.04
        assert facts["licensed"] >= facts["licensed, base"] - 0.03
    assert before > 0.65
    for bound, left in found.items():
        assert bound - 0.12 <= left <= bound
    assert sorted(found.values()) == list(found.values())
