"""Whether a checkpoint still reads under a perturbation: less lean in what it cannot read is no reduction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.analysis.arms import ALL, CellItems, cell_items
from biasaudit.analysis.damage import known_drop
from biasaudit.stats import competence_loss, mean_estimate
from biasaudit.stats.verdict import COMPETENCE_CHANCE, LEAST_COVERAGE, licensed_fell
from biasaudit.types import Estimate, Role, Status

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from biasaudit.analysis.contrasts import Arm
    from biasaudit.types import ClusterDesign

_NOT_MEASURED: Final = Estimate(status=Status.NOT_MEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one arm lost from the probe as it is to the perturbed one.

    Attributes
    ----------
    competence : Estimate
        Share of sense over nonsense, or of right persons, under the perturbation.
    competence_loss : Estimate
        How much of it was lost, paired by item.
    licensed_drop : Estimate
        How much of the licensed associations was lost, paired by item.
    unanswered : str
        What went unanswered under the perturbation, of what was answered without; empty if hardly any.
    """

    competence: Estimate
    competence_loss: Estimate
    licensed_drop: Estimate
    unanswered: str = ""

    @property
    def why_not(self) -> str:
        """Why nothing can be read from this arm, in words; empty where it can."""
        if self.unanswered:
            return f"{self.unanswered} went unanswered"
        if self.competence.ci_low is not None and self.competence.ci_low <= COMPETENCE_CHANCE:
            return "competence includes chance"
        if self.competence_loss.ci_low is not None and self.competence_loss.ci_low > 0:
            return "competence fell"
        if licensed_fell(self.licensed_drop):
            return "licensed associations fell"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The scores of a probe and of what it was perturbed to, with the ids of either."""

    scores: pd.DataFrame
    probe: str
    variant_scores: pd.DataFrame
    variant: str

    def cells(self, feature: str, role: Role, column: str) -> tuple[CellItems, CellItems]:
        """Return the same items of the probe as it is and perturbed."""
        return (
            cell_items(self.scores, probe=self.probe, feature=feature, role=role, column=column),
            cell_items(self.variant_scores, probe=self.variant, feature=feature, role=role, column=column),
        )


def reading_of(both: Both, feature: str, arm: Arm, design: ClusterDesign, *, level: float) -> Reading:
    """Measure what one arm still reads.

    Parameters
    ----------
    both : Both
    feature : str
        Of the licensed associations; competence is that of the whole probe.
    arm : tuple of str
        Checkpoint and framing.
    design : ClusterDesign
    level : float
    """
    plain, perturbed = both.cells(ALL, Role.COMPETENCE, "sign")
    share = loss = drop = _NOT_MEASURED
    unanswered = ["items of competence"] if _lost(plain, perturbed, arm) else []
    if plain.n_asked and arm in plain.values and arm in perturbed.values:
        shares = perturbed.scored((perturbed.values[arm] + 1) / 2)
        share = mean_estimate(shares, design, level=level, unit="share")
        loss = competence_loss(*plain.paired(plain.values[arm], perturbed.values[arm]), design, level=level)
    licensed, licensed_perturbed = both.cells(feature, Role.LICENSED, "d_nats")
    if licensed.n_asked and arm in licensed.values and arm in licensed_perturbed.values:
        right = [(1 + np.tanh(one.values[arm] / 2)) / 2 for one in (licensed, licensed_perturbed)]
        drop = known_drop(*licensed.paired(right[0], right[1]), design, level=level)
    unanswered += ["licensed associations"] if _lost(licensed, licensed_perturbed, arm) else []
    return Reading(competence=share, competence_loss=loss, licensed_drop=drop, unanswered=" and ".join(unanswered))


def _lost(plain: CellItems, perturbed: CellItems, arm: Arm) -> bool:
    """Whether over 2 % of what an arm answered without the perturbation has no answer under it."""
    if arm not in plain.values:
        return False
    there = ~np.isnan(plain.values[arm])
    if not there.any():
        return False
    return arm not in perturbed.values or too_few(perturbed.values[arm][there])


def too_few(values: NDArray[np.float64]) -> bool:
    """Whether over 2 % of the items have no value."""
    return not len(values) or float((~np.isnan(values)).mean()) < LEAST_COVERAGE
