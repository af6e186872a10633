"""Case and punctuation of the frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from biasaudit.languages import find_language
from biasaudit.robustness.border import WORD, protected
from biasaudit.robustness.frames import Change, reframed
from biasaudit.robustness.perturbation import Perturbation

if TYPE_CHECKING:
    import numpy as np

    from biasaudit.probes import Probe
    from biasaudit.types import ProbeItem

_STOPS: Final = re.compile(r"[.,;:!]+(?=\s|$)")


def _of(change: Change) -> Callable[[Probe, np.random.Generator], Probe]:
    def apply(probe: Probe, _: np.random.Generator) -> Probe:
        return replace(probe, items=tuple(reframed(item, change) for item in probe.items))

    return apply


def _without_stops(before: str, after: str) -> tuple[str, str]:
    return _STOPS.sub("", before), _STOPS.sub("", after)


def _in_case(of_word: Callable[[str], str]) -> Callable[[Probe, np.random.Generator], Probe]:
    """Change the case of words that the item is not about: those stand in the context where both sides share it."""

    def apply(probe: Probe, _: np.random.Generator) -> Probe:
        language = find_language(probe.card.language)
        grammar = frozenset() if language is None else language.grammar

        def changed(item: ProbeItem) -> ProbeItem:
            kept = {word.casefold() for word in protected(item, grammar)}

            def put(text: str) -> str:
                return WORD.sub(lambda one: one[0] if one[0].casefold() in kept else of_word(one[0]), text)

            return reframed(item, lambda before, after: (put(before), put(after)))

        return replace(probe, items=tuple(changed(item) for item in probe.items))

    return apply


LOWER: Final = Perturbation(
    name="lower-case",
    summary="small letters around it",
    family="surface",
    apply=_in_case(str.lower),
)
UPPER: Final = Perturbation(
    name="upper-case",
    summary="capitals around it",
    family="surface",
    apply=_in_case(str.upper),
)
NO_STOPS: Final = Perturbation(
    name="no-punctuation", summary="no stops and commas around it", family="surface", apply=_of(_without_stops)
)
