"""Typing errors: two neighbouring letters of a word in the wrong order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.robustness.perturbation import Perturbation
from biasaudit.robustness.words import changed_words

if TYPE_CHECKING:
    import numpy as np

    from biasaudit.probes import Probe


def typing_errors(name: str, rate: float) -> Perturbation:
    """Return typing errors in a share of the words; the first letter of a word stays.

    Parameters
    ----------
    name : str
    rate : float
        Above 0, at most 1: share of the words of at least 4 letters, in each frame at least one.
    """

    def apply(probe: Probe, rng: np.random.Generator) -> Probe:
        return changed_words(probe, rng, rate=rate, change=_swapped)

    return Perturbation(
        name=name,
        summary=f"letters in the wrong order in {rate:.0%} of the longer words around it",
        family="surface",
        settings=f"rate {rate:g}",
        apply=apply,
    )


def _swapped(word: str, rng: np.random.Generator) -> str:
    places = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    if not places:
        return word
    at = places[int(rng.integers(len(places)))]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


TYPING: Final = typing_errors("typing", 0.2)
TYPING_HEAVY: Final = typing_errors("typing-heavy", 0.6)
