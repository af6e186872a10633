"""The inner search of adversarial training: the opening after which a model tells groups apart most. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.align.contrasts.cells import Cell, drawn
from biasaudit.align.development import Development, Look, Watched, watched_contrasts
from biasaudit.align.disparity import (
    EncodedContrasts,
    as_reference,
    contrast_y,
    encode_contrasts,
    settled_d,
    settled_logprobs,
)
from biasaudit.align.insertions import opened
from biasaudit.models.engine.one_pass import Row

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

    from biasaudit.align.anchored import AnchoredRows

MINED: Final = ", mined"
"""After the name of a cell that has an opening: it has a multiplier of its own."""
_KEPT: Final = 4
"""Openings with the largest disparity that are asked of every development template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How it is searched.

    Attributes
    ----------
    openings : tuple of str
        The bank.
    n_candidates : int
        Openings of it that one search tries, beside all that were the worst of a contrast before.
    n_cells, n_words : int
        Templates of one search, in turns, and pairs of words in each.
    most_nats : float
        By how much less likely, per token, the base may find a context with an opening than without it.
    seed : int
    """

    openings: tuple[str, ...]
    n_candidates: int
    n_cells: int
    n_words: int
    most_nats: float
    seed: int


class Adversary:
    """The openings that were found, by cell; kept in the checkpoints of a training.

    The search is two-sided: it looks for the largest |d|, whichever group it favours. Looked for on one side alone,
    what it does not look for grows.

    Parameters
    ----------
    model : PeftModel
    tokenizer : of transformers
    cells : sequence of Cell
        Of the training split.
    search : Search
    """

    def __init__(
        self, model: PeftModel, tokenizer: PreTrainedTokenizerBase, cells: Sequence[Cell], search: Search
    ) -> None:
        self._model, self._tokenizer, self._cells, self._search = model, tokenizer, tuple(cells), search
        self._of: dict[str, tuple[str, ...]] = {}
        self._worst: dict[str, float] = {}
        self._fluency: dict[Row, float] = {}

    @property
    def worst(self) -> tuple[str, ...]:
        """Openings by the disparity that the last search found after them, at most four."""
        return tuple(sorted(self._worst, key=lambda one: (-self._worst[one], one))[:_KEPT])

    @property
    def found(self) -> Mapping[str, float]:
        """Every opening that was the worst of some contrast, and the mean |y| of the last search after it."""
        return self._worst

    def mine(self, turn: int) -> float:
        """Search once, and return the mean |y| of the contrasts, each after its worst opening.

        Parameters
        ----------
        turn : int
            From 1, in which the whole bank is tried: which templates, words and openings hangs on it and on the seed.
        """
        openings = self._candidates(turn)
        plain, *tried = (self._asked(opening, turn) for opening in ("", *openings))
        # By d: where it is large, y is 1 for all of them.
        d = [settled_d(self._model, one).abs() for one in tried]
        y = [contrast_y(one).tolist() for one in d]
        chosen: dict[str, dict[str, None]] = {}
        sizes = []
        for at, cell in enumerate(plain.cells):
            by_size = sorted(range(len(openings)), key=lambda one: -d[one][at].item())
            worst = next((one for one in by_size if self._is_fluent(tried[one], plain, at)), None)
            if worst is not None:
                chosen.setdefault(cell, {})[openings[worst]] = None
                sizes.append(y[worst][at])
        for cell, several in chosen.items():
            self._of[cell] = tuple(several)
        # Each by what it is now, on the same contrasts: one that training has flattened is the worst of nothing.
        known = {*self._worst, *(one for several in chosen.values() for one in several)}
        self._worst = {one: fmean(values) for one, values in zip(openings, y, strict=True) if one in known}
        return fmean(sizes) if sizes else 0.0

    def cells(self, step: int) -> tuple[Cell, ...]:
        """Return the training cells, each after one of its openings, or of the worst of all; none before a search."""
        cells = []
        for number, cell in enumerate(self._cells):
            openings = self._of.get(cell.name, self.worst)
            if openings:
                rng = np.random.default_rng([self._search.seed, 6, step, number])
                named = replace(cell, name=cell.name + MINED)
                cells.append(opened(named, openings[int(rng.integers(len(openings)))]))
        return tuple(cells)

    def _candidates(self, turn: int) -> tuple[str, ...]:
        bank = self._search.openings
        if turn == 1:
            return bank
        order = np.random.default_rng([self._search.seed, 5, turn]).permutation(len(bank))
        some = (bank[int(one)] for one in order[: self._search.n_candidates])
        return tuple(dict.fromkeys([*sorted(self._worst), *some]))

    def _asked(self, opening: str, turn: int) -> EncodedContrasts:
        """Return the contrasts of one turn after an opening: the same in the same order whatever it is."""
        cells = self._cells if not opening else [opened(cell, opening) for cell in self._cells]
        asked = drawn(
            cells, seed=self._search.seed + 1, step=turn, n_cells=self._search.n_cells, n_words=self._search.n_words
        )
        return encode_contrasts(asked, self._tokenizer)

    def _is_fluent(self, tried: EncodedContrasts, plain: EncodedContrasts, at: int) -> bool:
        """Whether the base finds both contexts of a contrast about as likely per token as without the opening."""
        pairs = zip(_contexts(tried, at), _contexts(plain, at), strict=True)
        return all(self._nats(now) >= self._nats(before) - self._search.most_nats for now, before in pairs)

    def _nats(self, context: Row) -> float:
        """Return the base's log-probability of a context after its first token, per token."""
        if context not in self._fluency:
            with as_reference(self._model):
                found = settled_logprobs(self._model, [(context[:1], context[1:])])
            self._fluency[context] = found.item() / (len(context) - 1)
        return self._fluency[context]

    def state_dict(self) -> dict[str, Any]:  # texts and numbers
        """Return what is to be kept."""
        return {"of": {cell: list(found) for cell, found in self._of.items()}, "worst": dict(self._worst)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:  # as above
        """Take up what was kept."""
        self._of = {str(cell): tuple(found) for cell, found in state["of"].items()}
        self._worst = {str(opening): float(size) for opening, size in state["worst"].items()}


class AttackedDevelopment(Development):
    """Development cells without an opening, and after the worst that were found: the largest upper bound counts.

    Parameters
    ----------
    model, tokenizer, rows, seed
        As of :class:`biasaudit.align.development.Development`.
    adversary : Adversary
        Which has searched the base before.
    """

    def __init__(
        self,
        model: PeftModel,
        tokenizer: PreTrainedTokenizerBase,
        rows: AnchoredRows,
        adversary: Adversary,
        *,
        seed: int,
    ) -> None:
        self._adversary, self._cells, self._tokenizer, self._seed = adversary, rows.development, tokenizer, seed
        self._after: dict[str, Watched] = {}
        super().__init__(model, tokenizer, rows, seed=seed)

    def look(self) -> Look:
        """Measure without an opening and after each of the worst, and return the look with the largest upper bound."""
        return max((self.plain(), *self.attacked().values()), key=lambda one: one.bound)

    def plain(self) -> Look:
        """Measure without an opening."""
        return super().look()

    def attacked(self) -> dict[str, Look]:
        """Measure after each of the worst openings."""
        return {opening: self._watched_after(opening).look() for opening in self._adversary.worst}

    def _watched_after(self, opening: str) -> Watched:
        if opening not in self._after:
            asked = watched_contrasts([opened(cell, opening) for cell in self._cells], seed=self._seed)
            self._after[opening] = Watched(self._model, encode_contrasts(asked, self._tokenizer))
        return self._after[opening]


def _contexts(batch: EncodedContrasts, at: int) -> tuple[Row, Row]:
    """Return the two contexts of one contrast."""
    first, _, second, _ = batch.tables[at]
    return batch.texts[first][0], batch.texts[second][0]
