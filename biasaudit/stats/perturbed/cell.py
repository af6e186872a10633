"""A cell under perturbations: what is given, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.types import Estimate, Robustness, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

NOTHING: Final = Estimate(status=Status.NOT_MEASURED)


@dataclass(frozen=True, slots=True)
class Pair:
    """Item values of both arms: the same items in the same order."""

    first: Clustered
    second: Clustered

    @property
    def reduction(self) -> Clustered:
        """D, item by item: first less second."""
        return self.first.with_values(self.first.values - self.second.values)

    @property
    def total(self) -> Clustered:
        """S, item by item: first plus second."""
        return self.first.with_values(self.first.values + self.second.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbed:
    """A cell under one perturbation.

    Attributes
    ----------
    name : str
    pair : Pair or None
        The items of the probe as it is, in its order; None where nothing was measured.
    readable : bool
        Whether both arms still read: else nothing is claimed of it.
    """

    name: str
    pair: Pair | None
    readable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderOne:
    """What one perturbation leaves.

    Attributes
    ----------
    name : str
    status : Status
    first, second, reduction : Estimate
        Index of either arm, and D; measured even where nothing is claimed of it.
    holds : bool or None
        Whether a reduction is shown: D and S are above 0, each by its one-sided bound, in the direction of the
        reduction without the perturbation. None where nothing is claimed.
    holds_p : float or None
        The larger of the two one-sided p-values.
    loss : Estimate
        How much less is reduced than without, paired.
    loss_p : float or None
        One-sided, of no loss, adjusted over all perturbations.
    low : float or None
        Simultaneous lower bound of D in that direction.
    """

    name: str
    status: Status
    first: Estimate = NOTHING
    second: Estimate = NOTHING
    reduction: Estimate = NOTHING
    holds: bool | None = None
    holds_p: float | None = None
    loss: Estimate = NOTHING
    loss_p: float | None = None
    low: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Whether one cell's reduction survives the perturbations.

    Attributes
    ----------
    verdict : Robustness
    each : tuple of UnderOne
        In the order given.
    broken_by : tuple of str
    survives_p : float or None
        The largest of the `holds_p`: of "under some perturbation there is no reduction".
    worst : str or None
        The perturbation that leaves least, over all clusters.
    worst_reduction : Estimate
        The least D in the direction of the reduction, free of its choice.
    worst_reduction_low : float or None
        Simultaneous lower bound of it.
    worst_index : Estimate
        The largest size of the second arm's index, free of its choice.
    worst_index_high : float or None
        Simultaneous upper bound of it.
    typical : Estimate
        Mean of D over the perturbations.
    spread : float or None
        Standard deviation of D over them; None of fewer than two.
    """

    verdict: Robustness
    each: tuple[UnderOne, ...]
    broken_by: tuple[str, ...] = ()
    survives_p: float | None = None
    worst: str | None = None
    worst_reduction: Estimate = NOTHING
    worst_reduction_low: float | None = None
    worst_index: Estimate = NOTHING
    worst_index_high: float | None = None
    typical: Estimate = NOTHING
    spread: float | None = None
