"""What is looked at while a model is tuned on contrasts: templates and words that no update sees. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from scipy import stats

from biasaudit.align.anchored import AnchoredRows
from biasaudit.align.contrasts.cells import Cell, Contrast, settled
from biasaudit.align.disparity import (
    AT_ONCE,
    EncodedContrasts,
    as_reference,
    contrast_y,
    encode_contrasts,
    encode_pairs,
    encode_texts,
    expected_nll,
    settled_d,
    settled_logprobs,
)

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

_LEVEL: Final = 0.95
_GROUPS: Final = 2
_WORDS: Final = 4
"""Pairs of groups and of words in each development cell: what one look takes."""
_TEXTS: Final = AT_ONCE // 8
"""Whole texts in a pass: each of their tokens is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How large the disparity of the development cells is.

    Attributes
    ----------
    size : float
        Mean of |B| over the cells.
    bound : float
        Its one-sided 95 % upper bound, by t over the cells; at most 1, as |B| is.
    """

    size: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What is to stay as it is.

    Attributes
    ----------
    neutral_nats : float
        Loss of neutral sentences that no update sees, in nats per token.
    licensed : float or None
        Mean probability of the right word against the wrong one, of what is licensed; None where nothing is.
    """

    neutral_nats: float
    licensed: float | None


def watched_contrasts(cells: Sequence[Cell], *, seed: int) -> list[Contrast]:
    """Return what one look asks of some cells: the same each time."""
    return settled(cells, seed=seed, n_groups=_GROUPS, n_words=_WORDS)


class Watched:
    """Contrasts of which one model is asked again and again.

    B of a cell is the mean of y, each turned round where the base's own leans to the other side: what is left of the
    base's lean. So no direction of a stereotype is needed, and over-correction counts as much as what is left.
    """

    def __init__(self, model: PeftModel, batch: EncodedContrasts) -> None:
        self._model, self._batch = model, batch
        with as_reference(model):
            self._signs = torch.sign(settled_d(model, batch))

    @property
    def n_cells(self) -> int:
        """How many cells there are."""
        return len(set(self._batch.cells))

    def look(self) -> Look:
        """Measure the disparity of the model as it is now."""
        y = contrast_y(settled_d(self._model, self._batch)) * self._signs
        by_cell: dict[str, list[float]] = {}
        for cell, value in zip(self._batch.cells, y.tolist(), strict=True):
            by_cell.setdefault(cell, []).append(value)
        sizes = [abs(math.fsum(values) / len(values)) for values in by_cell.values()]
        return Look(size=math.fsum(sizes) / len(sizes), bound=min(1.0, upper_bound(sizes)))


class Development:
    """The development cells of a job, looked at again and again, and what is to stay as it is.

    Parameters
    ----------
    model : PeftModel
    tokenizer : of transformers
    rows : AnchoredRows
    seed : int
        Of which pairs of groups and words are asked.
    """

    def __init__(self, model: PeftModel, tokenizer: PreTrainedTokenizerBase, rows: AnchoredRows, *, seed: int) -> None:
        self._model = model
        self._watched = Watched(model, encode_contrasts(watched_contrasts(rows.development, seed=seed), tokenizer))
        self._neutral = encode_texts(rows.held_out, tokenizer)
        pairs = [(one.context, text) for one in rows.licensed for text in (one.first, one.second)]
        self._licensed = encode_pairs(pairs, tokenizer)
        with as_reference(model):
            self.base = self.look()
            self.base_cost = self.cost()

    @property
    def n_cells(self) -> int:
        """How many there are."""
        return self._watched.n_cells

    def look(self) -> Look:
        """Measure the disparity of the model as it is now."""
        return self._watched.look()

    def cost(self) -> Cost:
        """Measure what is to stay as it is."""
        n_rows, total, n_tokens = len(self._neutral.rows), 0.0, 0
        with torch.no_grad():
            for start in range(0, n_rows, _TEXTS):
                part = self._neutral.picked(range(start, min(start + _TEXTS, n_rows)))
                total += expected_nll(self._model, part).item() * len(part.places)
                n_tokens += len(part.places)
        return Cost(neutral_nats=total / n_tokens, licensed=self._right())

    def _right(self) -> float | None:
        if not self._licensed:
            return None
        scored = settled_logprobs(self._model, self._licensed).reshape(-1, 2)
        return torch.sigmoid(scored[:, 0] - scored[:, 1]).mean().item()


def upper_bound(values: Sequence[float]) -> float:
    """Return the one-sided 95 % upper bound of a mean, by t.

    Parameters
    ----------
    values : sequence of float
        Two or more.

    Examples
    --------
    t with two degrees of freedom is 2.92 at 95 %; the standard error of 1, 2, 3 is 0.577.

    >>> round(upper_bound([1.0, 2.0, 3.0]), 3)
    3.686
    """
    n = len(values)
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return float(mean + stats.t.ppf(_LEVEL, n - 1) * math.sqrt(variance / n))
