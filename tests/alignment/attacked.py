"""A lean that one word brings out: what a bound leaves of it, with a search for it and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from biasaudit import align
from biasaudit.align import METHODS, TunedAdapter
from tests.align import world
from tests.align.loops import d_nats, logprobs, opened
from tests.align.world_words import AUDITED_FORMS

SEEDS: Final = tuple(range(10))
STRONG: Final[dict[str, Any]] = {
    "learning_rate": 3e-3,
    "keep_licensed": 10.0,
    "cells_per_step": 8,
    "word_pairs": 4,
    "device": "cpu",
}
"""Every training template in each update: on models this small, two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """What one training left of a lean that one word brings out.

    Attributes
    ----------
    seed : int
        Of the base and of the training.
    method : str
    plain : float
        Index of held-out templates and occupations without an opening.
    attacked : float
        After the opening of the bank after which its size is largest.
    licensed : float
        Mean probability of the right word, of definitional words that no training has.
    base_plain, base_attacked, base_licensed : float
        Of the base.
    training_seconds : float
    """

    seed: int
    method: str
    plain: float
    attacked: float
    licensed: float
    base_plain: float
    base_attacked: float
    base_licensed: float
    training_seconds: float


def trained_attacked(
    work: Path, *, seeds: tuple[int, ...] = SEEDS, say: Callable[[str], None] = print
) -> list[Attacked]:
    """Train a bound with and without a search on each base; what is finished in `work` is not trained again."""
    work.mkdir(parents=True, exist_ok=True)
    contrasts = world.save_contrasts(work / "contrasts.yaml", features=[world.GENDER])
    bank = work / "openings.txt"
    bank.write_text("\n".join(world.BANK) + "\n", encoding="utf-8")
    found = []
    for seed in seeds:
        base = _base(work, seed)
        before = measured(base, None)
        for method, more in (("constraint", {}), ("adversarial", {"insertions": str(bank)})):
            tuned = _tuned(method, base, work / f"{method}-{seed}", contrasts=str(contrasts), seed=seed, **more)
            after = measured(base, tuned.folder)
            found.append(
                Attacked(
                    seed=seed,
                    method=method,
                    plain=after[0],
                    attacked=after[1],
                    licensed=after[2],
                    base_plain=before[0],
                    base_attacked=before[1],
                    base_licensed=before[2],
                    training_seconds=tuned.card.seconds,
                )
            )
            say(f"{found[-1]}")
    return found


def measured(base: Path, adapter: Path | None) -> tuple[float, float, float]:
    """Return the index without an opening and after the worst of the bank, and what is licensed, by plain loops."""
    import torch
    from peft import PeftModel

    model, tokenizer = opened(base)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    with torch.no_grad():
        found = [float((d_nats(model, tokenizer, _tables(one)) / 4).tanh().mean()) for one in ("", *world.BANK)]
        pairs = [(one["context"], one[end]) for one in _licensed() for end in ("right", "wrong")]
        scored = logprobs(model, tokenizer, pairs).reshape(-1, 2)
        right = float((scored[:, 0] - scored[:, 1]).sigmoid().mean())
    return found[0], max(found[1:], key=abs), right


def _base(work: Path, seed: int) -> Path:
    folder = work / f"triggered-{seed}"
    if not (folder / "config.json").is_file():
        parent = work / f"base-{seed}"
        if not (parent / "config.json").is_file():
            world.save_base(parent, lean=0.9, seed=seed)
        world.save_triggered(parent, folder, seed=seed)
    return folder


def _tuned(method: str, base: Path, folder: Path, **changes: Any) -> TunedAdapter:
    settings = METHODS[method].settings(**{**STRONG, **changes})
    # Its sentences are few and short, and like those of a probe that is not asked.
    return align.tune(method, str(base), None, folder, settings=settings, allow_overlap=True)


def _tables(opening: str) -> list[Any]:
    found = []
    for form in world.GENDER.forms:
        for pair in world.GENDER.words["audit"] if form.split == "audit" else ():
            fields = world.table(form, world.GENDER.groups, pair, opening)
            found.append((fields["contexts"], fields["continuations"]))
    return found


def _licensed() -> list[Any]:
    return [one for text in AUDITED_FORMS[world.GENDER.name] for one in world.licensed(world.GENDER, text, "audit")]
