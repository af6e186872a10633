"""Look-alikes: letters that look the same and are others, as in text that is to pass a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.robustness.perturbation import Perturbation
from biasaudit.robustness.words import changed_words

if TYPE_CHECKING:
    import numpy as np

    from biasaudit.probes import Probe

_CYRILLIC: Final = str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")
_RATE: Final = 0.3


def _apply(probe: Probe, rng: np.random.Generator) -> Probe:
    return changed_words(probe, rng, rate=_RATE, change=lambda word, _: word.translate(_CYRILLIC))


LOOK_ALIKES: Final = Perturbation(
    name="look-alikes",
    summary=f"Cyrillic letters that look the same in {_RATE:.0%} of the longer words around it",
    family="surface",
    settings=f"rate {_RATE:g}",
    apply=_apply,
)
