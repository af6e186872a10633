"""The updates of a bound on the disparity of every cell. Imports torch; imported itself when a training begins."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from biasaudit.align.anchored import AnchoredRows, AnchoredSettings
from biasaudit.align.anchored_loop import Term, run_anchored
from biasaudit.align.contrasts.cells import Contrast, drawn
from biasaudit.align.disparity import contrast_y, encode_contrasts, measured
from biasaudit.align.lagrangian import Multipliers
from biasaudit.align.method import Job, Trained
from biasaudit.align.training import adapted

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase


def train(job: Job[Any, AnchoredRows], multipliers: Multipliers) -> Trained:  # made from AnchoredSettings
    """Tune until the development templates meet the bound."""
    settings: AnchoredSettings = job.settings
    model = adapted(job.loaded, settings)

    def term(step: int) -> Term:
        asked = drawn(
            job.rows.cells,
            seed=settings.seed,
            step=step,
            n_cells=settings.cells_per_step,
            n_words=settings.word_pairs,
        )
        return bounded(model, job.loaded.tokenizer, multipliers, asked)

    return run_anchored(
        job,
        model,
        term,
        states={"multipliers": multipliers},
        looked=lambda look: multipliers.tighten(look.bound - settings.max_disparity),
    )


def bounded(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, multipliers: Multipliers, asked: Sequence[Contrast]
) -> Term:
    """Return what the bound adds to the loss on some contrasts."""
    batch = encode_contrasts(asked, tokenizer)
    found = measured(model, batch)
    penalty = multipliers.penalty(contrast_y(found.d), batch.cells)
    excess = list(penalty.excess.values())
    of_cells = [multipliers.values.get(cell, 0.0) for cell in penalty.excess]
    return Term(
        batch=batch,
        loss=penalty.loss,
        slots=found.slots,
        active=penalty.active,
        noted={
            "g, mean": fmean(excess),
            "g, largest": max(excess),
            "lambda, mean": fmean(of_cells),
            "lambda, largest": max(of_cells),
        },
        then=lambda: multipliers.follow(penalty.excess),
    )
