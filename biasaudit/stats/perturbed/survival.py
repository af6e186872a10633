"""Does a reduction survive every perturbation, does one of them break it, and how bad is the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.intervals import RANGES, are_answers, mean_estimate, point, refused
from biasaudit.stats.perturbed.max_t import largest_t, losses_p
from biasaudit.stats.perturbed.worst import worst_of
from biasaudit.stats.power import error_rate
from biasaudit.stats.quantiles import t_quantile, t_tail
from biasaudit.stats.spread import spread
from biasaudit.types import ClusterDesign, Estimate, Robustness, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered

_NOTHING: Final = Estimate(status=Status.NOT_MEASURED)


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
    first: Estimate = _NOTHING
    second: Estimate = _NOTHING
    reduction: Estimate = _NOTHING
    holds: bool | None = None
    holds_p: float | None = None
    loss: Estimate = _NOTHING
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
    worst_reduction: Estimate = _NOTHING
    worst_reduction_low: float | None = None
    worst_index: Estimate = _NOTHING
    worst_index_high: float | None = None
    typical: Estimate = _NOTHING
    spread: float | None = None


def survival(
    plain: Pair,
    perturbed: Sequence[Perturbed],
    design: ClusterDesign,
    *,
    reduced: bool,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Survival:
    """Answer the three questions of one cell.

    Parameters
    ----------
    plain : Pair
        Of the probe as it is.
    perturbed : sequence of Perturbed
        Each pair holds the items of `plain` in the same order.
    design : ClusterDesign
    reduced : bool
        Whether the audit calls the cell reduced as it is. Only then is there something to survive: that claim is part
        of the intersection, and gives the direction.
    rng : numpy.random.Generator
    level : float

    Raises
    ------
    ValueError
        If no perturbation is given, or a pair holds other items.

    References
    ----------
    docs/methods.md, section 14.
    """
    if not perturbed:
        msg = "no perturbation is given"
        raise ValueError(msg)
    for one in perturbed:
        if one.pair is not None and not np.array_equal(one.pair.first.index, plain.first.index):
            msg = f"under {one.name!r} there are other items than without it"
            raise ValueError(msg)
    if refused(plain.first, level=level, unit="index", design=design) is not None:
        status = mean_estimate(plain.first, design, level=level, unit="index").status
        return Survival(
            verdict=Robustness.NOT_MEASURED, each=tuple(UnderOne(name=one.name, status=status) for one in perturbed)
        )
    return _Cell(plain, perturbed, design, level=level, rng=rng).survival(reduced=reduced)


class _Cell:
    def __init__(
        self,
        plain: Pair,
        perturbed: Sequence[Perturbed],
        design: ClusterDesign,
        *,
        level: float,
        rng: np.random.Generator,
    ) -> None:
        self.plain, self.perturbed, self.design, self.level, self.rng = plain, perturbed, design, level, rng
        self.alpha = error_rate(level)
        self.side = float(np.sign(point(plain.reduction, design))) or 1.0
        self.read = {one.name: one.pair for one in perturbed if one.pair is not None and one.readable}

    def survival(self, *, reduced: bool) -> Survival:
        losses = {name: self._loss(pair) for name, pair in self.read.items()}
        loss_p = dict(zip(losses, self._losses_p(list(losses.values())), strict=True))
        lows, index_high = self._simultaneous()
        each = tuple(
            self._under(one, losses.get(one.name), loss_p.get(one.name), lows.get(one.name)) for one in self.perturbed
        )
        broken = tuple(
            one.name for one in each if one.loss_p is not None and one.loss_p <= self.alpha and one.holds is False
        )
        claimed = [one for one in each if one.holds_p is not None]
        verdict = self._verdict(each, broken) if reduced else Robustness.NO_REDUCTION
        found = Survival(
            verdict=verdict,
            each=each,
            broken_by=broken if verdict is Robustness.BROKEN else (),
            survives_p=max((one.holds_p for one in claimed if one.holds_p is not None), default=None)
            if len(claimed) == len(each)
            else None,
        )
        return self._with_worst(found, lows, index_high) if self.read else found

    def _verdict(self, each: Sequence[UnderOne], broken: Sequence[str]) -> Robustness:
        if broken:
            return Robustness.BROKEN
        if any(one.holds is None for one in each):
            return Robustness.NOT_INTERPRETABLE
        return Robustness.SURVIVES if all(one.holds for one in each) else Robustness.INCONCLUSIVE

    def _under(self, one: Perturbed, loss: Clustered | None, loss_p: float | None, low: float | None) -> UnderOne:
        if one.pair is None:
            return UnderOne(name=one.name, status=Status.NOT_MEASURED)
        first, second = (
            mean_estimate(side, self.design, level=self.level, unit="index")
            for side in (one.pair.first, one.pair.second)
        )
        holds, holds_p = self._holds(one.pair) if one.readable else (None, None)
        reduction = self._estimate(one.pair.reduction, one.pair)
        return UnderOne(
            name=one.name,
            status=reduction.status,
            first=first,
            second=second,
            reduction=reduction,
            holds=holds,
            holds_p=holds_p,
            loss=_NOTHING if loss is None else mean_estimate(loss, self.design, level=self.level, unit="interaction"),
            loss_p=loss_p,
            low=low,
        )

    def _holds(self, pair: Pair) -> tuple[bool, float]:
        """Whether D and S lie above 0 in the direction of the reduction, each by a one-sided bound."""
        one_sided = 1 - 2 * self.alpha
        shown, p_values = [], []
        for sample, unit in ((pair.reduction, "index difference"), (pair.total, "index sum")):
            oriented = sample.with_values(self.side * sample.values)
            found = mean_estimate(oriented, self.design, level=one_sided, unit=_unit(unit, pair))
            shown.append(found.ci_low is not None and found.ci_low > 0)
            p_values.append(_above_zero_p(oriented, self.design))
        return all(shown), max(p_values)

    def _estimate(self, sample: Clustered, pair: Pair) -> Estimate:
        return mean_estimate(sample, self.design, level=self.level, unit=_unit("index difference", pair))

    def _loss(self, pair: Pair) -> Clustered:
        plain = self.plain.reduction
        return plain.with_values(self.side * (plain.values - pair.reduction.values))

    def _losses_p(self, losses: Sequence[Clustered]) -> list[float]:
        return [] if not losses else losses_p(losses, self.design, rng=self.rng).tolist()

    def _simultaneous(self) -> tuple[dict[str, float], float | None]:
        """Bound every D from below, and every size of the second index from above, together."""
        if not self.read:
            return {}, None
        oriented = [self._oriented(pair) for pair in self.read.values()]
        reach = largest_t(oriented, self.design, rng=self.rng, alpha=self.alpha)
        lows = {
            name: max(point(one, self.design) - self._reach(one, reach), -2.0)
            for name, one in zip(self.read, oriented, strict=True)
        }
        both = [
            pair.second.with_values(sign * pair.second.values) for pair in self.read.values() for sign in (1.0, -1.0)
        ]
        reach = largest_t(both, self.design, rng=self.rng, alpha=self.alpha)
        return lows, min(max(point(one, self.design) + self._reach(one, reach) for one in both), 1.0)

    def _oriented(self, pair: Pair) -> Clustered:
        return pair.first.with_values(self.side * pair.reduction.values)

    def _reach(self, sample: Clustered, reach: float) -> float:
        found = spread(sample, self.design)
        return found.error * max(reach, t_quantile(1 - self.alpha, found.freedom))

    def _with_worst(self, found: Survival, lows: dict[str, float], index_high: float | None) -> Survival:
        names, pairs = list(self.read), list(self.read.values())
        reductions = [self._oriented(pair) for pair in pairs]
        against = [one.with_values(-one.values) for one in reductions]
        worst = worst_of(against, self.design, rng=self.rng, level=self.level, unit="worst reduction")
        index = worst_of(
            [pair.second for pair in pairs], self.design, rng=self.rng, level=self.level, unit="index", two_sided=True
        )
        mean = reductions[0].with_values(np.mean([pair.reduction.values for pair in pairs], axis=0))
        means = [point(pair.reduction, self.design) for pair in pairs]
        return Survival(
            verdict=found.verdict,
            each=found.each,
            broken_by=found.broken_by,
            survives_p=found.survives_p,
            worst=names[worst.place],
            worst_reduction=_turned(worst.estimate),
            worst_reduction_low=min(lows.values()),
            worst_index=index.estimate,
            worst_index_high=index_high,
            typical=mean_estimate(mean, self.design, level=self.level, unit="mean of differences"),
            spread=float(np.std(means, ddof=1)) if len(means) > 1 else None,
        )


def _unit(unit: str, pair: Pair) -> str:
    answered = are_answers(pair.first.values, "index") and are_answers(pair.second.values, "index")
    return unit.replace("index", "answer") if answered and unit in RANGES else unit


def _above_zero_p(sample: Clustered, design: ClusterDesign) -> float:
    found, value = spread(sample, design), point(sample, design)
    if not found.error:
        return 0.0 if value > 0 else 1.0
    return float(t_tail(value / found.error, found.freedom))


def _turned(estimate: Estimate) -> Estimate:
    """Return the estimate of the negative."""
    if estimate.value is None or estimate.ci_low is None or estimate.ci_high is None:
        return estimate
    return Estimate(
        status=estimate.status,
        value=-estimate.value,
        ci_low=-estimate.ci_high,
        ci_high=-estimate.ci_low,
        level=estimate.level,
        n_items=estimate.n_items,
        n_clusters=estimate.n_clusters,
        method=estimate.method,
        unit="index difference",
    )
