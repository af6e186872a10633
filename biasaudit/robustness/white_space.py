"""Two spaces for one: what no reader notices, and what splits into other tokens."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np

from biasaudit.probes import Probe
from biasaudit.robustness.frames import reframed
from biasaudit.robustness.perturbation import Perturbation

_BETWEEN: Final = re.compile(r"(?<=\S) (?=\S)")


def _apply(probe: Probe, _: np.random.Generator) -> Probe:
    return replace(probe, items=tuple(reframed(item, _widened) for item in probe.items))


def _widened(before: str, after: str) -> tuple[str, str]:
    return _BETWEEN.sub("  ", before), _BETWEEN.sub("  ", after)


WHITE_SPACE: Final = Perturbation(
    name="white-space", summary="two spaces between the words of the context", apply=_apply
)
