"""The updates of counterfactual data augmentation. Imports torch; imported itself when a training begins."""

from __future__ import annotations

from typing import Any

from biasaudit.align.anchored import AnchoredRows, AnchoredSettings
from biasaudit.align.anchored_loop import Term, run_anchored
from biasaudit.align.contrasts.cells import drawn
from biasaudit.align.disparity import EncodedContrasts, Expected, encode_contrasts, expected_nll, slots
from biasaudit.align.method import Job, Trained
from biasaudit.align.training import adapted


def train(job: Job[Any, AnchoredRows], weight: float) -> Trained:  # made from AnchoredSettings
    """Tune on swapped texts until the development templates meet the bound; their loss has a weight."""
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
        batch = encode_contrasts(asked, job.loaded.tokenizer)
        nll = expected_nll(model, whole_texts(batch))
        return Term(batch=batch, loss=weight * nll, slots=slots(model, batch), noted={"swapped texts": nll.item()})

    return run_anchored(job, model, term)


def whole_texts(batch: EncodedContrasts) -> Expected:
    """Return the four texts of each contrast, each as often as it stands in one, with all of their tokens expected."""
    rows = tuple(context + continuation for table in batch.tables for context, continuation in _texts(batch, table))
    return Expected(rows=rows, places=tuple((row, at) for row, ids in enumerate(rows) for at in range(len(ids) - 1)))


def _texts(batch: EncodedContrasts, table: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [batch.texts[text] for text in table]
