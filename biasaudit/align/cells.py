"""The cells that a constraint holds in, and which contrasts of them an update sees.

A cell is a feature's template: one wording in one sentence form. What is drawn hangs on the seed and the update's
number, so that an interrupted training goes on with the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biasaudit.align.contrast_form import SLOT, Split
from biasaudit.align.contrast_sets import Contrasts, GroupPair, Template, WordPair
from biasaudit.align.trained import TrainedWords, trained_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two contexts and two continuations.

    Attributes
    ----------
    cell : str
        What its disparity is averaged in: the feature's template, which has one sentence form.
    contexts : tuple of str
        They differ in the group, or in the word.
    continuations : tuple of str
        They differ in the other of the two; each begins with its space.
    """

    cell: str
    contexts: tuple[str, str]
    continuations: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A feature's template with all that fills it in one split.

    Attributes
    ----------
    name : str
        ``FEATURE/TEMPLATE``.
    template : Template
    groups : tuple of GroupPair
    words : tuple of WordPair
    """

    name: str
    template: Template
    groups: tuple[GroupPair, ...]
    words: tuple[WordPair, ...]

    def contrast(self, groups: GroupPair, words: WordPair) -> Contrast:
        """Return the 2 x 2 table of one pair of groups and one of words, up to the end of the second slot.

        What follows the slot hardly differs between the groups, and would be most of the work.
        """
        texts = self.template.texts(groups, words)
        *_, slot = SLOT.finditer(self.template.text)
        tail = self.template.text[slot.end() :]
        first, second = (text.removesuffix(tail) for text in texts.continuations)
        return Contrast(cell=self.name, contexts=texts.contexts, continuations=(first, second))

    def drawn(self, rng: np.random.Generator, n_words: int) -> list[Contrast]:
        """Return contrasts of one pair of groups and up to `n_words` pairs of words."""
        groups = self.groups[int(rng.integers(len(self.groups)))]
        words = rng.permutation(len(self.words))[:n_words]
        return [self.contrast(groups, self.words[int(one)]) for one in words]


def cells_of(contrasts: Contrasts, split: Split) -> tuple[Cell, ...]:
    """Return the cells of one split of templates and words, in the file's order."""
    found: dict[str, tuple[Template, dict[GroupPair, None], dict[WordPair, None]]] = {}
    for feature, template, groups, words in contrasts.sets(split):
        _, of_groups, of_words = found.setdefault(f"{feature}/{template.id}", (template, {}, {}))
        of_groups[groups] = None
        of_words[words] = None
    return tuple(
        Cell(name=name, template=template, groups=tuple(groups), words=tuple(words))
        for name, (template, groups, words) in found.items()
    )


def drawn(cells: Sequence[Cell], *, seed: int, step: int, n_cells: int, n_words: int) -> list[Contrast]:
    """Return what an update sees: cells in turns, each as often as any other, with what fills them drawn anew.

    Parameters
    ----------
    cells : sequence of Cell
    seed : int
    step : int
        The update, from 1.
    n_cells : int
        Cells of one update; no more than there are.
    n_words : int
        Pairs of words in each, with one pair of groups.
    """
    n_cells = min(n_cells, len(cells))
    found: list[Contrast] = []
    for turn in range((step - 1) * n_cells, step * n_cells):
        round_, place = divmod(turn, len(cells))
        order = np.random.default_rng([seed, 1, round_]).permutation(len(cells))
        found.extend(cells[int(order[place])].drawn(np.random.default_rng([seed, 2, turn]), n_words))
    return found


def settled(cells: Sequence[Cell], *, seed: int, n_groups: int, n_words: int) -> list[Contrast]:
    """Return the contrasts that are asked again and again: of each cell up to so many pairs of groups and of words."""
    found = []
    for number, cell in enumerate(cells):
        rng = np.random.default_rng([seed, 3, number])
        groups = [cell.groups[int(one)] for one in rng.permutation(len(cell.groups))[:n_groups]]
        for one in groups:
            words = [cell.words[int(word)] for word in rng.permutation(len(cell.words))[:n_words]]
            found.extend(cell.contrast(one, pair) for pair in words)
    return found


def trained_on(contrasts: Contrasts) -> TrainedWords:
    """Return what the training card says of contrasts, for audits to compare their probes with."""
    own = [pair for template in contrasts.templates for pair in template.groups]
    return trained_words(
        features=contrasts.features,
        groups=[side for pair in (*contrasts.groups, *own) for side in (pair.a, pair.b)],
        words=[side for pair in contrasts.words for side in (pair.first, pair.second)],
        templates=[template.text for template in contrasts.templates],
    )
