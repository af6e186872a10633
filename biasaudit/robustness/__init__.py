"""One file a way of perturbing; each perturbation has its line in :data:`PERTURBATIONS`.

A perturbed probe is a probe: it is audited as any other. :mod:`biasaudit.robustness.sets` names sets of them.
"""

from __future__ import annotations

from biasaudit.robustness.frames import reframed
from biasaudit.robustness.known import PERTURBATIONS, perturbed
from biasaudit.robustness.lengths import added_tokens
from biasaudit.robustness.perturbation import FAMILIES, VARIANT_OF, Perturbation
from biasaudit.robustness.sets import (
    SETS,
    PerturbationSet,
    Variant,
    Variants,
    found_words,
    perturbation_set,
    variants_of,
)

__all__ = [
    "FAMILIES",
    "PERTURBATIONS",
    "SETS",
    "VARIANT_OF",
    "Perturbation",
    "PerturbationSet",
    "Variant",
    "Variants",
    "added_tokens",
    "found_words",
    "perturbation_set",
    "perturbed",
    "reframed",
    "variants_of",
]
