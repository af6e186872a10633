"""Tiny children of which one block was trained, and whether what is put in from the base finds that block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from biasaudit.explanations.cases import Case, Cases, cases_of
from biasaudit.explanations.component_tables import ComponentFacts, component_tables
from biasaudit.explanations.components import CHANGE, IN_BASE, Asking, patches
from biasaudit.framing import PLAIN, framed
from biasaudit.kinds import prompts
from biasaudit.languages import ENGLISH
from biasaudit.models.insides.inside import LocalInside
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.models.tiny import train
from biasaudit.types import AssociationTexts, ClusterDesign, ProbeItem, Role
from tests.align import world
from tests.explanations import planted

N_BLOCKS: Final = planted.N_BLOCKS
FACTS: Final = ComponentFacts(design=ClusterDesign.DESIGNED, level=0.95, seed=0, barred={})


def child_of(work: Path, seed: int) -> tuple[Path, int]:
    """Return a child whose block number `seed` modulo six was trained on sentences without a lean, and that number."""
    block = seed % N_BLOCKS
    folder = work / f"block-{block}-{seed}"
    if not (folder / "config.json").is_file():
        texts = world.sentences(0.5, n=64 * planted.STEPS, seed=seed + 1000)
        train(
            folder,
            texts,
            words=world.vocabulary(),
            seed=seed,
            parent=planted.base_of(work, seed),
            only=lambda name: name.startswith(f"model.layers.{block}."),
        )
    return folder, block


def scrambled(folder: Path, seed: int) -> LoadedModel:
    """Return a model of a folder with weights that are drawn: it has read nothing."""
    import torch

    found = planted.loaded(folder)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in found.model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape, generator=draws) * weight.std())
    return found


def items() -> list[ProbeItem]:
    """Return 24 wordings, which no training saw, with each of 12 pairs of words."""
    words = [pair for split in world.GENDER.words.values() for pair in split]
    forms = [form for form in world.GENDER.forms if form.split in {"audit", "development"}]
    found = []
    for number, form in enumerate(forms):
        for at, pair in enumerate(words):
            fields: dict[str, Any] = dict(world.table(form, world.GENDER.groups, pair))  # JSON values
            (one, other), (first, second) = fields["contexts"], fields["continuations"]
            texts = AssociationTexts(
                contexts=(one, other), continuations=(first, second), group_in_context=fields["group_in_context"]
            )
            found.append(
                ProbeItem(
                    item_id=f"{number}/{at}",
                    cluster_id=f"wording {number}",
                    feature="gender",
                    groups=world.GENDER.groups,
                    role=Role.BIAS,
                    family=f"wording {number}",
                    texts=texts,
                    tags={"words": f"pair {at}"},
                )
            )
    return found


def cases(inside: LocalInside, *, seed: int) -> Cases:
    """Return the cases of these items, in two halves by a seed: more of them than of a large model."""
    asked = items()
    requests = [
        framed(prompt, item_id=item.item_id, framing=PLAIN, chat=None, language=ENGLISH, probe_id="tiny-world")
        for item in asked
        for prompt in prompts(item, ENGLISH)
    ]
    return cases_of(asked, requests, inside.encoded(requests), also="words", seed=seed, n_items=64)


def tables(
    asking: Iterable[Asking], found: Cases, *, seed: int, barred: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what came of some questions: components, and questions."""
    rows = patches(list(asking), found, seed=seed, begin=lambda *_: None, advance=lambda _: None)
    return component_tables(rows, replace(FACTS, barred=barred or {}))


def change(base: Path, child: Path, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return which components bring the change of a child about."""
    one, other = planted.loaded(base), planted.loaded(child)
    inside = LocalInside(other, one)
    return tables([Asking(question=CHANGE, inside=inside)], cases(inside, seed=seed), seed=seed)


def carried(loaded: LoadedModel, *, seed: int, permuted: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return which components carry the lean of a model; `permuted` draws which side is which, wording by wording."""
    inside = LocalInside(loaded)
    found = cases(inside, seed=seed)
    if permuted:
        names = sorted({case.cluster_id for case in found.cases})
        turned = dict(zip(names, np.random.default_rng(seed).integers(0, 2, len(names)) == 1, strict=True))
        found = replace(found, cases=tuple(_turned(one) if turned[one.cluster_id] else one for one in found.cases))
    return tables([Asking(question=IN_BASE, inside=inside)], found, seed=seed)


def _turned(case: Case) -> Case:
    same = None if case.same is None else (case.same[1], case.same[0])
    return replace(case, first=case.second, second=case.first, same=same)


def counted(work: Path, seeds: Iterable[int], *, say: Callable[[str], None]) -> Counter[str]:
    """Count in how many seeds the trained block comes first and is confirmed, and what is said where nothing is."""
    found: Counter[str] = Counter()
    for seed in seeds:
        base = planted.base_of(work, seed)
        child, block = child_of(work, seed)
        components, asked = change(base, child, seed=seed)
        blocks, singles = components[components["is_block"]], components[~components["is_block"]]
        first, top = blocks.iloc[0], singles.iloc[0]
        found["seeds"] += 1
        found["the trained block is first"] += first["unit"] == f"block {block}"
        found["and confirmed"] += bool(first["unit"] == f"block {block}" and first["confirmed"])
        found["the first component is of it"] += top["unit"].startswith(f"block {block},")
        found["and that confirmed"] += bool(top["unit"].startswith(f"block {block},") and top["confirmed"])
        named = components[components["confirmed"]]["unit"]
        found["something of another block confirmed"] += any(not one.startswith(f"block {block}") for one in named)
        turned, _ = carried(planted.loaded(base), seed=seed, permuted=True)
        found["sides permuted: something confirmed"] += bool(turned["confirmed"].any())
        found["sides permuted: without the flags"] += bool((turned["p_adjusted"] <= 1 - FACTS.level).any())
        drawn, of_drawn = carried(scrambled(base, seed), seed=seed)
        found["drawn weights: flagged"] += bool(of_drawn["flag"].iloc[0])
        found["drawn weights: something confirmed"] += bool(drawn["confirmed"].any())
        say(
            f"{seed}: block {block}; {first['unit']} {first['effect']:+.3f} (random {first['random']:+.3f}), "
            f"{top['unit']} {top['effect']:+.3f}; held out {asked['held_out_share'].iloc[0]:.2f}, "
            f"drawn {of_drawn['held_out_share'].iloc[0]}, {of_drawn['flag'].iloc[0]!r}; {asked['flag'].iloc[0]!r}; "
            f"so far {dict(found)}"
        )
    return found
