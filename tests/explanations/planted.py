"""Tiny six-layer children of which it is known which parts were trained, told apart by their depth profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from biasaudit.models.hybrids.exchange import HybridPair
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.tiny import train
from biasaudit.stats import clustered
from biasaudit.stats.depth import DepthProfile, DepthRule, depth_profile
from biasaudit.types import ClusterDesign, ModelFingerprint
from biasaudit.types.depth import FROM_ABOVE, FROM_BELOW, DepthVerdict, Hybrid
from tests.align import world
from tests.align.loops import d_nats, opened

N_BLOCKS: Final = 6
BELOW: Final = 4
"""Blocks below the cut: all but the last third."""
BASE_STEPS: Final = 2 * world.STEPS
"""With the steps of two blocks, two of five bases of six had not learned the form that names the group first."""
STEPS: Final = 150
BASES: Final = 5

_LATE = ("lm_head", "model.norm")
TRAINED: Final[dict[str, Callable[[str], bool]]] = {
    "head": lambda name: name.startswith(_LATE),
    "last block and head": lambda name: name.startswith((*_LATE, f"model.layers.{N_BLOCKS - 1}.")),
    "embeddings and first block": lambda name: name.startswith(("model.embed_tokens", "model.layers.0.")),
    "a middle block": lambda name: name.startswith("model.layers.2."),
    "everything": lambda _: True,
    "placebo": lambda _: True,
}
"""Kind of child -> which weights are trained on sentences without a lean; a placebo on those with the base's."""

_NOTHING = {DepthVerdict.NOT_ESTIMABLE, DepthVerdict.UNCHANGED}
RIGHT: Final = {
    "head": {DepthVerdict.MASKED},
    "last block and head": {DepthVerdict.MASKED},
    "embeddings and first block": {DepthVerdict.UPSTREAM},
    # Block 2 lies below the cut: what is below suffices.
    "a middle block": {DepthVerdict.UPSTREAM},
    # Nobody decided where: both halves were trained, and neither is all of it.
    "everything": {DepthVerdict.REDUNDANT, DepthVerdict.DISTRIBUTED},
    "placebo": _NOTHING,
}
"""What may be said of each, laid down before any was counted."""


def base_of(work: Path, seed: int, *, steps: int = BASE_STEPS) -> Path:
    """Return a base that leans; five serve all seeds. That of seed 0 needs half the steps to learn both forms."""
    number = seed % BASES
    folder = work / f"base-{number}"
    if not (folder / "config.json").is_file():
        texts = world.sentences(0.9, n=64 * steps, seed=number)
        train(folder, texts, words=world.vocabulary(), seed=number, parent=None, n_layers=N_BLOCKS)
    return folder


def child_of(work: Path, kind: str, seed: int) -> Path:
    """Return a child of which some parts were trained."""
    folder = work / f"{kind.replace(' ', '-')}-{seed}"
    if not (folder / "config.json").is_file():
        texts = world.sentences(0.9 if kind == "placebo" else 0.5, n=64 * STEPS, seed=seed + 1000)
        parent = base_of(work, seed)
        train(folder, texts, words=world.vocabulary(), seed=seed, parent=parent, only=TRAINED[kind])
    return folder


def loaded(folder: Path) -> LoadedModel:
    """Return a model of a folder as the package holds one."""
    model, tokenizer = opened(folder)
    fingerprint = ModelFingerprint(
        reference=str(folder),
        weights=str(folder),
        dtype="float32",
        device="cpu",
        tokenizer_sha256="",
        architecture=type(model).__name__,
    )
    return LoadedModel(
        model=model.eval(), tokenizer=tokenizer, fingerprint=fingerprint, chat_template=None, max_length=None
    )


def tables() -> tuple[list[Any], list[str]]:
    """Return what is asked, held-out templates and occupations, and the template of each."""
    found, templates = [], []
    for number, form in enumerate(world.GENDER.forms):
        for pair in world.GENDER.words["audit"] if form.split == "audit" else ():
            fields = world.table(form, world.GENDER.groups, pair)
            found.append((fields["contexts"], fields["continuations"]))
            templates.append(f"t{number}")
    return found, templates


def profile(base: Path, child: Path, *, seed: int = 0) -> DepthProfile:
    """Return the profile of a pair, each hybrid asked by a plain loop."""
    import torch

    asked, templates = tables()
    pair = HybridPair(loaded(base), loaded(child))

    def values(order: str, n_parts: int) -> np.ndarray:
        with pair.opened(Hybrid(order=order, n_parts=n_parts)) as hybrid, torch.no_grad():
            return np.asarray((d_nats(hybrid.model, hybrid.tokenizer, asked) / 4).tanh(), dtype=np.float64)

    below, above = (
        np.stack([values(order, number) for number in range(pair.n_parts + 1)]) for order in (FROM_BELOW, FROM_ABOVE)
    )
    return depth_profile(
        below,
        above,
        clustered(below[0], templates),
        ClusterDesign.DESIGNED,
        DepthRule(cut=1 + BELOW),
        rng=np.random.default_rng(seed),
    )


def counted(
    work: Path, seeds: Iterable[int], *, kinds: Iterable[str] = tuple(TRAINED), say: Callable[[str], None]
) -> dict[str, Counter[str]]:
    """Return how often each verdict was given, by kind of child."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    for seed in seeds:
        for kind, counts in found.items():
            one = profile(base_of(work, seed), child_of(work, kind, seed), seed=seed)
            counts[one.verdict.value] += 1
            say(
                f"{seed}: {kind}: {one.verdict}; D {one.reduction.value:+.3f}, lower {one.lower.value:+.3f}, "
                f"upper {one.upper.value:+.3f}; so far {dict(counts)}"
            )
    return found
