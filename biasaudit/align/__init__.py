"""Tuning a base model, so that what it did to the model's bias can be audited.

One file per method in `methods`; what they have in common is done by `run`. trl, torch and transformers are imported
when a training begins.
"""

from __future__ import annotations

from biasaudit.align.card import TrainingCard
from biasaudit.align.methods import METHODS, tune
from biasaudit.align.methods.sft import SftSettings, sft
from biasaudit.align.run import TunedAdapter

__all__ = ["METHODS", "SftSettings", "TrainingCard", "TunedAdapter", "sft", "tune"]
