"""The updates of a bound on the disparity of every cell. Imports torch; imported itself when a training begins."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from biasaudit.align.anchored import AnchoredRows
from biasaudit.align.anchored_loop import Term, run_anchored
from biasaudit.align.cells import drawn
from biasaudit.align.disparity import contrast_y, encode_contrasts, measured
from biasaudit.align.lagrangian import Multipliers
from biasaudit.align.method import Job, Trained
from biasaudit.align.training import adapted

if TYPE_CHECKING:
    from biasaudit.align.methods.constraint import ConstraintSettings


def train(job: Job[ConstraintSettings, AnchoredRows]) -> Trained:
    """Tune until the development templates meet the bound."""
    settings = job.settings
    model = adapted(job.loaded, settings)
    multipliers = Multipliers(bound=settings.max_disparity, rho=settings.rho, eta=settings.eta)

    def term(step: int) -> Term:
        asked = drawn(
            job.rows.cells,
            seed=settings.seed,
            step=step,
            n_cells=settings.cells_per_step,
            n_words=settings.word_pairs,
        )
        batch = encode_contrasts(asked, job.loaded.tokenizer)
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

    return run_anchored(
        job,
        model,
        term,
        states={"multipliers": multipliers},
        looked=lambda look: multipliers.tighten(look.bound - settings.max_disparity),
    )
