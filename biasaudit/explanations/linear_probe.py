"""Whether a linear probe can read the side of a context off states, on words and wordings that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FOLDS: Final = 5
CONTROLS: Final = 20
"""Control tasks, each with labels of its own."""
RIDGE: Final = 0.1
"""Of the mean squared length of a standardised state."""


def held_out_accuracy(
    states: NDArray[np.float64],
    words: Sequence[str],
    wordings: Sequence[str],
    *,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tell context A from context B by ridge regression, and read off a control task in the same way.

    A pair of contexts is tested by a probe that saw neither its words nor, where there are several, its wording. The
    labels of a control task are random and the same for a pair of words wherever it stands: what is read off there,
    a probe does without the side being in the states.

    Parameters
    ----------
    states : array of float, shape (2, n_pairs, width)
        Of context A and of context B.
    words, wordings : sequence of str, length n_pairs
    rng : numpy.random.Generator

    Returns
    -------
    side, control : array of float, shape (n_pairs,)
        Share of the two contexts of a pair that were told rightly, the control's averaged over tasks; NaN where
        nothing was left to learn from.

    References
    ----------
    Hewitt and Liang (2019), Designing and interpreting probes with control tasks, arXiv 1909.03368.
    """
    word, wording = (np.unique(np.asarray(names), return_inverse=True)[1] for names in (words, wordings))
    word_fold, wording_fold = _folds(word, rng), _folds(wording, rng)
    n_words = int(word.max(initial=-1)) + 1
    flips = rng.choice([-1.0, 1.0], size=(n_words, CONTROLS))[word]
    labels = np.concatenate([np.ones((len(word), 1)), flips], axis=1)
    right = np.full(labels.shape, np.nan)
    for test_word, test_wording in sorted(set(zip(word_fold.tolist(), wording_fold.tolist(), strict=True))):
        tested = (word_fold == test_word) & (wording_fold == test_wording)
        other_wording = wording_fold != test_wording if wording_fold.max() else np.ones(len(word), dtype=bool)
        learnt = (word_fold != test_word) & other_wording
        if learnt.sum() > 1:
            right[tested] = _right(states, labels, learnt, tested)
    return right[:, 0], right[:, 1:].mean(axis=1)


def _folds(groups: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of each pair; one group stays in one fold."""
    n_groups = int(groups.max(initial=-1)) + 1
    folds: NDArray[np.intp] = (rng.permutation(n_groups) % FOLDS)[groups]
    return folds


def _right(
    states: NDArray[np.float64], labels: NDArray[np.float64], learnt: NDArray[np.bool_], tested: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the share of both contexts that is told rightly, shape (n_tested, n_tasks); undecided is half."""
    seen = np.concatenate([states[0, learnt], states[1, learnt]])
    wanted = np.concatenate([labels[learnt], -labels[learnt]])
    mean, spread = seen.mean(axis=0), seen.std(axis=0)
    spread[spread <= _SMALL * np.abs(seen).max(initial=1.0)] = np.inf
    seen = (seen - mean) / spread
    products = seen @ seen.T
    size = float(np.trace(products)) / len(products)
    weights = np.linalg.solve(products + max(RIDGE * size, _SMALL) * np.eye(len(products)), wanted)
    told = [((states[side, tested] - mean) / spread) @ seen.T @ weights for side in (0, 1)]
    return np.asarray(0.5 + (np.sign(told[0] * labels[tested]) + np.sign(-told[1] * labels[tested])) / 4)


_SMALL: Final = 1e-9
"""Of the largest value: a coordinate that spreads by less says nothing but rounding."""
