"""One compared cell as a row of the comparisons table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.stats import Evidence, Ruling, competence_fell, error_rate, rule
from biasaudit.types import Contrast, Estimate, Status, Verdict, VerdictCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from biasaudit.analysis.contrasts import SideValues
    from biasaudit.stats import Change, ClaimPValues, ItemFlows, MissingBounds


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCell:
    """One tuned checkpoint, contrast, probe, feature and metric, compared.

    Attributes
    ----------
    tuned : str
    contrast : Contrast
    probe, feature, metric : str
    declared : bool
        A cell of its own; else the row that pools a probe's features.
    exploratory : bool
        Not in the family that Holm corrects.
    saturated : bool
        Whether the values of either arm lie nearly all at one end of the scale.
    sides : SideValues
    first, second : Estimate
        Level of either side.
    competence : tuple of Estimate
        Of either side.
    competence_loss : Estimate
        First minus second, paired by item.
    damage : tuple of Estimate
        Drop of the licensed associations, and blunting.
    change : Change
    bounds : MissingBounds or None
    wordings : tuple of float
        D under each wording of the request.
    flows : ItemFlows
    null_churn : float or None
        Between two wordings of the request, in the base.
    """

    tuned: str
    contrast: Contrast
    probe: str
    feature: str
    metric: str
    declared: bool
    exploratory: bool
    saturated: bool
    sides: SideValues
    first: Estimate
    second: Estimate
    competence: tuple[Estimate, Estimate]
    competence_loss: Estimate
    damage: tuple[Estimate, Estimate]
    change: Change
    bounds: MissingBounds | None
    wordings: tuple[float, ...]
    flows: ItemFlows
    null_churn: float | None


def comparison_row(
    cell: ComparedCell, adjusted: ClaimPValues | None, *, margin: float, level: float
) -> dict[str, object]:
    """Return the cell as one row; see :data:`biasaudit.record.tables.COMPARISONS`."""
    ruling = _ruling(cell, adjusted, margin, error_rate(level))
    return {
        "tuned": cell.tuned,
        "contrast": cell.contrast.value,
        "probe": cell.probe,
        "feature": cell.feature,
        "metric": cell.metric,
        "declared": cell.declared,
        **_change(cell, adjusted),
        **_side("first", cell.first, cell.competence[0], cell.sides.first),
        **_side("second", cell.second, cell.competence[1], cell.sides.second),
        "margin": margin,
        "inherited_bias": cell.contrast is not Contrast.INTERACTION and _excludes_zero(cell.first),
        "competence_fell": competence_fell(*cell.competence),
        **_competence_loss(cell.competence_loss),
        **_flows(cell),
        "framings_low": min(cell.wordings, default=None),
        "framings_high": max(cell.wordings, default=None),
        "framings_agree": _agreement(cell.wordings, cell.change.reduction.value),
        "saturated": cell.saturated,
        "verdict": ruling.verdict.value,
        "verdict_code": ruling.code.value,
        "verdict_reason": ruling.reason,
    }


def _change(cell: ComparedCell, adjusted: ClaimPValues | None) -> dict[str, object]:
    change, relative = cell.change, cell.change.relative
    if cell.contrast is Contrast.INTERACTION:
        # A share of a difference of reductions says nothing.
        relative = Estimate(status=Status.NOT_ESTIMABLE)
    return {
        "status": change.reduction.status.value,
        "reduction": change.reduction.value,
        "ci_low": change.reduction.ci_low,
        "ci_high": change.reduction.ci_high,
        "ci90_low": change.reduction_90.ci_low,
        "ci90_high": change.reduction_90.ci_high,
        "total": change.total.value,
        "total_ci_low": change.total.ci_low,
        "total_ci_high": change.total.ci_high,
        **_p_values(cell, adjusted),
        "p_equivalence": change.equivalence.p_value if change.equivalence else None,
        "test": change.test.test if change.test else "none",
        "relative_status": relative.status.value,
        "relative_reduction": relative.value,
        "relative_ci_low": relative.ci_low,
        "relative_ci_high": relative.ci_high,
        "smallest_detectable_change": change.smallest_detectable_change,
        "missing_low": None if cell.bounds is None else cell.bounds.lowest.value,
        "missing_high": None if cell.bounds is None else cell.bounds.highest.value,
        "total_missing_low": None if cell.bounds is None else cell.bounds.lowest_total.value,
        "total_missing_high": None if cell.bounds is None else cell.bounds.highest_total.value,
        "n_items": change.reduction.n_items,
        "n_clusters": change.reduction.n_clusters,
        "method": change.reduction.method,
    }


def _p_values(cell: ComparedCell, adjusted: ClaimPValues | None) -> dict[str, object]:
    change = cell.change
    raw = change.p_values
    size = None if adjusted is None else adjusted.size
    return {
        "p_value": change.test.p_value if change.test else None,
        "p_total": change.total_test.p_value if change.total_test else None,
        "p_first": change.first_test.p_value if change.first_test else None,
        "p_second": change.second_test.p_value if change.second_test else None,
        "p_size": None if raw is None else raw.size,
        "exploratory": cell.exploratory,
        "p_holm": None if cell.exploratory else size,
        "p_bh": size if cell.exploratory else None,
        "p_moved_adjusted": None if adjusted is None else adjusted.moved,
        "p_sides_adjusted": None if adjusted is None else adjusted.sides,
    }


def _side(name: str, level: Estimate, competence: Estimate, values: NDArray[np.float64]) -> dict[str, object]:
    return {
        f"{name}_value": level.value,
        f"{name}_ci_low": level.ci_low,
        f"{name}_ci_high": level.ci_high,
        f"coverage_{name}": _coverage(values),
        f"competence_{name}": competence.value,
    }


def _competence_loss(found: Estimate) -> dict[str, object]:
    return {
        "competence_loss_status": found.status.value,
        "competence_loss": found.value,
        "competence_loss_ci_low": found.ci_low,
        "competence_loss_ci_high": found.ci_high,
        "competence_loss_items": found.n_items,
        "competence_loss_clusters": found.n_clusters,
    }


def _flows(cell: ComparedCell) -> dict[str, object]:
    return {
        "flow_inherited": cell.flows.inherited,
        "flow_removed": cell.flows.removed,
        "flow_turned": cell.flows.turned,
        "flow_introduced": cell.flows.introduced,
        "flow_never": cell.flows.never,
        "flow_missing": cell.flows.missing,
        "churn": cell.flows.churn,
        "null_churn": cell.null_churn,
    }


def _ruling(cell: ComparedCell, adjusted: ClaimPValues | None, margin: float, alpha: float) -> Ruling:
    if cell.contrast is Contrast.INTERACTION and cell.change.reduction.status is Status.OK:
        return Ruling(
            verdict=Verdict.INCONCLUSIVE,
            code=VerdictCode.INTERACTION,
            reason="an interaction is described, not judged",
        )
    return rule(
        Evidence(
            change=cell.change,
            adjusted=adjusted,
            first=cell.first,
            second=cell.second,
            first_competence=cell.competence[0],
            second_competence=cell.competence[1],
            first_coverage=_coverage(cell.sides.first) or 0.0,
            second_coverage=_coverage(cell.sides.second) or 0.0,
            bounds=cell.bounds,
            saturated=cell.saturated,
            licensed_drop=cell.damage[0],
            blunting=cell.damage[1],
            correction="the Benjamini-Hochberg correction" if cell.exploratory else "Holm's correction",
            margin=margin,
            alpha=alpha,
        )
    )


def _excludes_zero(estimate: Estimate) -> bool:
    if estimate.ci_low is None or estimate.ci_high is None:
        return False
    return estimate.ci_low > 0 or estimate.ci_high < 0


def _coverage(values: NDArray[np.float64]) -> float | None:
    return float((~np.isnan(values)).mean()) if len(values) else None


def _agreement(wordings: Sequence[float], value: float | None) -> float | None:
    if not wordings or value is None:
        return None
    return float(np.mean(np.sign(wordings) == np.sign(value)))
