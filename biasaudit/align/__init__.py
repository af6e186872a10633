"""Tuning a base model, so that what it did to the model's bias can be audited.

One file per method; reading instructions, the adapter's folder and its card are shared. trl, torch
and transformers are imported when a training begins.
"""

from __future__ import annotations

from biasaudit.align.card import TrainingCard
from biasaudit.align.settings import SftSettings
from biasaudit.align.supervised import TunedAdapter, sft

__all__ = ["SftSettings", "TrainingCard", "TunedAdapter", "sft"]
