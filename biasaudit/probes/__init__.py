"""Probe data sets: cards, readers, template expansion, and the registry."""

from __future__ import annotations

from biasaudit.probes.card import Card
from biasaudit.probes.registry import DATA_VARIABLE, Probe, available, load_probe
from biasaudit.probes.sample import limited, of_features, thinned
from biasaudit.probes.suites import Suite, suite_of, suites

__all__ = [
    "DATA_VARIABLE",
    "Card",
    "Probe",
    "Suite",
    "available",
    "limited",
    "load_probe",
    "of_features",
    "suite_of",
    "suites",
    "thinned",
]
