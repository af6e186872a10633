"""The cells that a constraint holds in, and which contrasts of them an update sees.

A cell is a feature's template: one wording in one sentence form. What is drawn hangs on the seed and the update's
number, so that an interrupted training goes on with the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from biasaudit.align.contrasts.form import SLOT, Split
from biasaudit.align.contrasts.sets import CONTROL, Contrasts, GroupPair, Template, WordPair
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

        What follows the slot hardly differs between the groups, and would be most of the work. A word that both
        continuations begin with goes to the contexts, where it leaves d as it is: what is expected next is then what
        the two differ in.
        """
        texts = self.template.texts(groups, words)
        *_, slot = SLOT.finditer(self.template.text)
        tail = self.template.text[slot.end() :]
        first, second = (text.removesuffix(tail) for text in texts.continuations)
        shared = _shared(first, second)
        one, other = (context + shared for context in texts.contexts)
        continuations = first.removeprefix(shared), second.removeprefix(shared)
        return Contrast(cell=self.name, contexts=(one, other), continuations=continuations)

    def drawn(self, rng: np.random.Generator, n_words: int) -> list[Contrast]:
        """Return contrasts of one pair of groups and up to `n_words` pairs of words."""
        groups = self.groups[int(rng.integers(len(self.groups)))]
        words = rng.permutation(len(self.words))[:n_words]
        return [self.contrast(groups, self.words[int(one)]) for one in words]


def _shared(first: str, second: str) -> str:
    """Return the words that two continuations begin with, each with its space; something is left of either.

    Examples
    --------
    >>> _shared(" a park ranger", " a park guide"), _shared(" a nurse", " an usher"), _shared(" a cook", " a cook book")
    (' a park', '', ' a')
    """
    words = [text.split(" ")[1:-1] for text in (first, second)]
    same = takewhile(lambda both: both[0] == both[1], zip(*words, strict=False))
    return "".join(f" {one}" for one, _ in same)


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


def control_cells(contrasts: Contrasts) -> tuple[Cell, ...]:
    """Return the templates that are trained with words for no group in place of groups, in the file's order."""
    return tuple(
        replace(cell, name=f"{CONTROL}/{cell.name}", groups=controls)
        for cell in cells_of(contrasts, "train")
        if (controls := contrasts.controls_of(cell.template))
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
    found: list[Contrast] = []
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
        groups=[side for pair in (*contrasts.groups, *own, *contrasts.controls) for side in (pair.a, pair.b)],
        words=[side for pair in contrasts.words for side in (pair.first, pair.second)],
        templates=[template.text for template in contrasts.templates],
    )
