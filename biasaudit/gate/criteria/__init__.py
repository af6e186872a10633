"""One file a criterion: to add one, write its file and name it in :data:`CRITERIA`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.gate.criteria.collateral import COLLATERAL
from biasaudit.gate.criteria.max_abs_index import MAX_ABS_INDEX
from biasaudit.gate.criteria.max_competence_loss import MAX_COMPETENCE_LOSS
from biasaudit.gate.criteria.max_increase import MAX_INCREASE
from biasaudit.gate.criteria.max_increase_over_baseline import MAX_INCREASE_OVER_BASELINE
from biasaudit.gate.criteria.max_index import MAX_INDEX
from biasaudit.gate.criteria.max_worst_case import MAX_WORST_CASE
from biasaudit.gate.criteria.min_coverage import MIN_COVERAGE
from biasaudit.gate.criteria.min_impact_ratio import MIN_IMPACT_RATIO
from biasaudit.gate.criteria.min_ratio import MIN_RATIO
from biasaudit.gate.criteria.survives import SURVIVES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.gate.criterion import Criterion

__all__ = ["CRITERIA"]

CRITERIA: Final[Mapping[str, Criterion]] = {
    "max_index": MAX_INDEX,
    "max_abs_index": MAX_ABS_INDEX,
    "max_increase": MAX_INCREASE,
    "max_increase_over_baseline": MAX_INCREASE_OVER_BASELINE,
    "min_ratio": MIN_RATIO,
    "min_impact_ratio": MIN_IMPACT_RATIO,
    "min_coverage": MIN_COVERAGE,
    "max_competence_loss": MAX_COMPETENCE_LOSS,
    "collateral": COLLATERAL,
    "survives": SURVIVES,
    "max_worst_case": MAX_WORST_CASE,
}
"""Name, which is the key of a rule, -> criterion. In this order messages list them and a first policy has them."""
