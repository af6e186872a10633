"""Does a reduction survive every perturbation, does one of them break it, and how bad is the worst."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.stats.intervals import RANGES, are_answers, mean_estimate, point, refused
from biasaudit.stats.perturbed.cell import NOTHING, Pair, Perturbed, Survival, UnderOne
from biasaudit.stats.perturbed.max_t import is_alike, losses_p, upper_bounds
from biasaudit.stats.perturbed.worst import worst_of
from biasaudit.stats.power import error_rate
from biasaudit.stats.quantiles import t_tail
from biasaudit.stats.spread import spread
from biasaudit.types import ClusterDesign, Estimate, Robustness, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biasaudit.stats.clusters import Clustered


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
        If no perturbation is given, two have one name, or a pair holds other items.

    References
    ----------
    docs/methods.md, section 14.

    Examples
    --------
    >>> from biasaudit.stats import clustered
    >>> sample = clustered(np.full(12, 0.6), np.arange(12))
    >>> plain = Pair(sample, sample.with_values(np.linspace(0.0, 0.2, 12)))
    >>> as_before = Pair(sample, sample.with_values(np.linspace(0.4, 0.8, 12)))
    >>> found = survival(
    ...     plain,
    ...     [Perturbed(name="typing errors", pair=as_before, readable=True)],
    ...     ClusterDesign.DESIGNED,
    ...     reduced=True,
    ...     rng=np.random.default_rng(0),
    ... )
    >>> found.verdict.value, found.broken_by
    ('broken', ('typing errors',))
    """
    if not perturbed:
        msg = "no perturbation is given"
        raise ValueError(msg)
    names = [one.name for one in perturbed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"several perturbations are called {twice[0]!r}"
        raise ValueError(msg)
    for one in perturbed:
        if one.pair is not None and not _same_items(one.pair, plain):
            msg = f"under {one.name!r} there are other items than without it"
            raise ValueError(msg)
    nothing = refused(plain.first, level=level, unit="index", design=design)
    if nothing is not None:
        each = tuple(UnderOne(name=one.name, status=nothing.status) for one in perturbed)
        return Survival(verdict=Robustness.NOT_MEASURED, each=each)
    return _Cell(plain, perturbed, design, level=level, rng=rng).survival(reduced=reduced)


def is_held(pair: Pair, side: float, design: ClusterDesign, *, alpha: float) -> tuple[bool, float]:
    """Whether D and S lie above 0 on one side, each by a one-sided bound, and the larger of their p-values.

    Parameters
    ----------
    pair : Pair
    side : {1.0, -1.0}
        The direction of the reduction without the perturbation.
    design : ClusterDesign
    alpha : float

    References
    ----------
    Berger (1982); docs/methods.md, section 14.2.
    """
    p_value = max(
        _above_zero_p(one.with_values(side * one.values), design, _unit(unit, pair))
        for one, unit in ((pair.reduction, "difference"), (pair.total, "sum"))
    )
    return p_value < alpha, p_value


def _same_items(pair: Pair, plain: Pair) -> bool:
    return all(np.array_equal(one.index, plain.first.index) for one in (pair.first, pair.second))


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
        holds, holds_p = is_held(one.pair, self.side, self.design, alpha=self.alpha) if one.readable else (None, None)
        reduction = self._estimate(one.pair.reduction, one.pair)
        return UnderOne(
            name=one.name,
            status=reduction.status,
            first=first,
            second=second,
            reduction=reduction,
            holds=holds,
            holds_p=holds_p,
            loss=NOTHING if loss is None else mean_estimate(loss, self.design, level=self.level, unit="interaction"),
            loss_p=loss_p,
            low=low,
        )

    def _estimate(self, sample: Clustered, pair: Pair) -> Estimate:
        return mean_estimate(sample, self.design, level=self.level, unit=_unit("difference", pair))

    def _loss(self, pair: Pair) -> Clustered:
        plain = self.plain.reduction
        return plain.with_values(self.side * (plain.values - pair.reduction.values))

    def _losses_p(self, losses: Sequence[Clustered]) -> list[float]:
        return [] if not losses else losses_p(losses, self.design, rng=self.rng).tolist()

    def _simultaneous(self) -> tuple[dict[str, float], float | None]:
        """Bound every D from below, and every size of the second index from above, together."""
        if not self.read:
            return {}, None
        against = [self._against(pair) for pair in self.read.values()]
        highs = upper_bounds(against, self.design, rng=self.rng, alpha=self.alpha, unit=self._reduction_unit)
        both = [
            pair.second.with_values(sign * pair.second.values) for pair in self.read.values() for sign in (1.0, -1.0)
        ]
        index_highs = upper_bounds(both, self.design, rng=self.rng, alpha=self.alpha, unit="index")
        return dict(zip(self.read, (-highs).tolist(), strict=True)), float(index_highs.max())

    @property
    def _reduction_unit(self) -> str:
        units = {_unit("difference", pair) for pair in self.read.values()}
        return units.pop() if len(units) == 1 else "index difference"

    def _against(self, pair: Pair) -> Clustered:
        """D, so that more of it is a smaller reduction."""
        return pair.first.with_values(-self.side * pair.reduction.values)

    def _with_worst(self, found: Survival, lows: dict[str, float], index_high: float | None) -> Survival:
        names, pairs = list(self.read), list(self.read.values())
        worst = worst_of(
            [self._against(pair) for pair in pairs],
            self.design,
            rng=self.rng,
            level=self.level,
            unit=self._reduction_unit,
        )
        index = worst_of(
            [pair.second for pair in pairs], self.design, rng=self.rng, level=self.level, unit="index", two_sided=True
        )
        mean = pairs[0].first.with_values(np.mean([pair.reduction.values for pair in pairs], axis=0))
        means = [point(pair.reduction, self.design) for pair in pairs]
        return replace(
            found,
            worst=names[worst.place],
            worst_reduction=_turned(worst.estimate),
            worst_reduction_low=min(lows.values()),
            worst_index=index.estimate,
            worst_index_high=index_high,
            typical=mean_estimate(mean, self.design, level=self.level, unit="index difference"),
            spread=float(np.std(means, ddof=1)) if len(means) > 1 else None,
        )


def _unit(unit: str, pair: Pair) -> str:
    """Name the unit of D or S by what either arm's values are."""
    answered = are_answers(pair.first.values, "index") and are_answers(pair.second.values, "index")
    return f"{'answer' if answered else 'index'} {unit}"


def _above_zero_p(sample: Clustered, design: ClusterDesign, unit: str) -> float:
    found, value = spread(sample, design), point(sample, design)
    if is_alike(sample, design, unit):
        # The level at which the bound of section 4.6 reaches 0: low + q (value - low) with q = p^(1 / clusters).
        lowest = RANGES[unit][0]
        return float((lowest / (lowest - value)) ** sample.n_clusters) if value > 0 else 1.0
    if not found.error:
        return 0.0 if value > 0 else 1.0
    return float(t_tail(value / found.error, found.freedom))


def _turned(estimate: Estimate) -> Estimate:
    """Return the estimate of the negative."""
    if estimate.value is None or estimate.ci_low is None or estimate.ci_high is None:
        return replace(estimate, unit="index difference")
    return replace(
        estimate,
        value=-estimate.value,
        ci_low=-estimate.ci_high,
        ci_high=-estimate.ci_low,
        unit="index difference",
    )
