"""Case and punctuation of the frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from biasaudit.robustness.frames import Change, reframed
from biasaudit.robustness.perturbation import Perturbation

if TYPE_CHECKING:
    import numpy as np

    from biasaudit.probes import Probe

_STOPS: Final = re.compile(r"[.,;:!]+(?=\s|$)")


def _of(change: Change) -> Callable[[Probe, np.random.Generator], Probe]:
    def apply(probe: Probe, _: np.random.Generator) -> Probe:
        return replace(probe, items=tuple(reframed(item, change) for item in probe.items))

    return apply


def _without_stops(before: str, after: str) -> tuple[str, str]:
    return _STOPS.sub("", before), _STOPS.sub("", after)


LOWER: Final = Perturbation(
    name="lower-case",
    summary="small letters around it",
    family="surface",
    apply=_of(lambda before, after: (before.lower(), after.lower())),
)
UPPER: Final = Perturbation(
    name="upper-case",
    summary="capitals around it",
    family="surface",
    apply=_of(lambda before, after: (before.upper(), after.upper())),
)
NO_STOPS: Final = Perturbation(
    name="no-punctuation", summary="no stops and commas around it", family="surface", apply=_of(_without_stops)
)
