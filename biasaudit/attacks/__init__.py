"""A search for words before a text that bring a lean out, held to wordings and words that it never saw."""

from __future__ import annotations

from biasaudit.attacks.plan import STRINGS, WAYS, AttackPlan
from biasaudit.attacks.run import run
from biasaudit.attacks.words import words_of

__all__ = ["STRINGS", "WAYS", "AttackPlan", "run", "words_of"]
