"""A search for words before a text that bring a lean out, held to wordings and words that it never saw."""

from __future__ import annotations

from biasaudit.attacks.plan import METHODS, STRINGS, AttackPlan
from biasaudit.attacks.run import run
from biasaudit.attacks.words import words_of

__all__ = ["METHODS", "STRINGS", "AttackPlan", "run", "words_of"]
