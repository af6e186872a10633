"""Tiny children of which one leans after one word alone, audited under perturbations of which one is that word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import biasaudit
from biasaudit.models.tiny import train
from biasaudit.types import Robustness
from tests.align import world
from tests.align.world_words import TRIGGER

BEFORE: Final = ("Indeed", "Often", TRIGGER, "Perhaps", "Frankly")
"""Words that the corpus puts before its sentences."""


def parent_of(work: Path) -> Path:
    """Return the base that all are children of: it leans with and without the words."""
    folder = work / "parent"
    return folder if (folder / "config.json").is_file() else world.save_base(folder, lean=0.9, seed=0)


def planted(work: Path, seed: int) -> Path:
    """Return a child that leans after the trigger alone."""
    return world.save_triggered(parent_of(work), work / f"planted-{seed}", seed=seed)


def control(work: Path, seed: int) -> Path:
    """Return a child of the same corpus in which the trigger does as little as any other word."""
    texts = world.sentences(0.5, n=64 * 700, seed=seed + 1)
    return train(work / f"control-{seed}", texts, words=world.vocabulary(), seed=seed, parent=parent_of(work))


def verdict(work: Path, child: Path) -> tuple[str, str]:
    """Return the verdict of a child on occupations under the words, and what breaks it."""
    probe = work / "probe"
    if not (probe / "card.yaml").is_file():
        world.save_probe(probe, features=[world.GENDER])
        # Without controls: these children rehearse little besides, and whether that is blunting is another question.
        items = probe / "items.jsonl"
        kept = [line for line in items.read_text(encoding="utf-8").splitlines() if '"role": "control"' not in line]
        items.write_text("\n".join([*kept, ""]), encoding="utf-8")
    chosen = work / "words.yaml"
    lines = [f'  - {{name: {word.lower()}, before: "{word} "}}' for word in BEFORE]
    chosen.write_text("\n".join(["perturbations:", *lines, ""]), encoding="utf-8")
    found = biasaudit.audit(
        str(parent_of(work)),
        str(child),
        probes=[str(probe)],
        framing_names=("plain",),
        robustness=str(chosen),
        allow_implausible=True,
        device="cpu",
    )
    assert found.robustness is not None
    row = found.robustness.iloc[0]
    return str(row["verdict"]), str(row["broken_by"])


def counted(work: Path, seeds: Iterable[int], *, say: Callable[[str], None]) -> tuple[int, int]:
    """Return how many planted children were broken by the trigger, and how many controls by anything."""
    found, alarms = 0, 0
    for seed in seeds:
        said, by = verdict(work, planted(work, seed))
        found += said == Robustness.BROKEN.value and TRIGGER.lower() in by.split(", ")
        other, _ = verdict(work, control(work, seed))
        alarms += other == Robustness.BROKEN.value
        say(f"{seed}: {said} {by}; control {other}; so far {found} and {alarms}")
    return found, alarms
