"""The updates of adversarial training. Imports torch; imported itself when a training begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean
from typing import Any

from biasaudit.align.anchored_loop import Term, run_anchored
from biasaudit.align.contrasts.cells import drawn
from biasaudit.align.lagrangian import Multipliers
from biasaudit.align.method import Job, Trained
from biasaudit.align.methods.constrained import bounded
from biasaudit.align.mining import MINED, Adversary, AttackedDevelopment, Search
from biasaudit.align.training import adapted, telling_why
from biasaudit.visible import in_short


def train(job: Job[Any, Any]) -> Trained:  # settings and rows of `adversarial`, whose module imports this one
    """Tune until the development templates meet the bound, without an opening and after the worst that were found."""
    settings, rows, tokenizer = job.settings, job.rows, job.loaded.tokenizer
    model = adapted(job.loaded, settings)
    multipliers = Multipliers(bound=settings.max_disparity, rho=settings.rho, eta=settings.eta)
    search = Search(
        openings=rows.openings,
        n_candidates=settings.candidates,
        n_cells=settings.mined_cells,
        n_words=settings.mined_words,
        most_nats=settings.fluency,
        seed=settings.seed,
    )
    adversary = Adversary(model, tokenizer, rows.cells, search)
    with telling_why(settings):
        job.progress.say(f"searching {len(rows.openings)} openings")
        # Of the base: a training that goes on finds the same, and takes up what it had found since.
        adversary.mine(1)
        job.progress.say(f"worst openings: {in_short(adversary.worst)}")
        development = AttackedDevelopment(model, tokenizer, rows, adversary, seed=settings.seed)
    of_the_base = adversary.worst

    def term(step: int) -> Term:
        noted: dict[str, float] = {}
        if step % settings.mine_every == 0:
            noted["mined |y|"] = adversary.mine(1 + step // settings.mine_every)
        share = {
            "seed": settings.seed,
            "step": step,
            "n_cells": settings.cells_per_step,
            "n_words": settings.word_pairs,
        }
        asked = [one for cells in (rows.cells, adversary.cells(step)) if cells for one in drawn(cells, **share)]
        found = bounded(model, tokenizer, multipliers, asked)
        return replace(found, noted={**_by_kind(multipliers.values), **found.noted, **noted})

    done = run_anchored(
        job,
        model,
        term,
        states={"multipliers": multipliers, "adversary": adversary},
        looked=lambda look: multipliers.tighten(look.bound - settings.max_disparity),
        development=development,
    )
    plain, attacked = development.plain(), development.attacked()
    facts = {
        "worst openings": ", ".join(of_the_base) or "none is fluent",
        "development |B|, no opening": round(plain.size, 4),
        "development |B|, attacked": round(max((one.size for one in attacked.values()), default=plain.size), 4),
        "openings that were the worst of a contrast": len(adversary.found),
    }
    return replace(done, facts={**done.facts, **facts})


def _by_kind(multipliers: Mapping[str, float]) -> dict[str, float]:
    """Return the mean multiplier of the cells without an opening, and of those with one."""
    kinds: dict[str, list[float]] = {}
    for cell, value in multipliers.items():
        kinds.setdefault("lambda, after an opening" if cell.endswith(MINED) else "lambda, no opening", []).append(value)
    return {name: fmean(values) for name, values in kinds.items()}
