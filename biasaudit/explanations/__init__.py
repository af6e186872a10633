"""Where a reduction sits in a model: what every part contributes to it, and either half of the parts alone."""

from __future__ import annotations

from biasaudit.explanations.names import EVIDENCE
from biasaudit.explanations.plan import ExplanationPlan
from biasaudit.explanations.record import PAGE, Explanation, read_explanation
from biasaudit.explanations.run import run

__all__ = ["EVIDENCE", "PAGE", "Explanation", "ExplanationPlan", "read_explanation", "run"]
