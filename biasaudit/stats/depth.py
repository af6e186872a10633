"""Where a reduction sits: what every part of a model contributes to it, and what the halves below and above a cut do.

`below` holds item values of models whose first k parts are the tuned checkpoint's, `above` of models whose first k
parts are the base's and all others tuned; both for k from 0 to the number of parts. So both hold both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import optimize

from biasaudit.stats.fieller import MIN_STANDARD_ERRORS
from biasaudit.stats.intervals import mean_estimate, point
from biasaudit.stats.perturbed.max_t import losses_p
from biasaudit.stats.spread import Spread, spread
from biasaudit.types import Estimate, Status
from biasaudit.types.depth import DepthVerdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered
    from biasaudit.types import ClusterDesign

MOST: Final = 0.5
"""A half that brings about over so much of a reduction alone suffices for most of it."""
LITTLE: Final = 0.25
"""One that brings about less than so much of it does little."""
APART: Final = 0.1
"""The orders disagree where what the halves do alone adds up to more than all by over so much."""
NEARLY_ALL: Final = 0.75
"""Neither half brings about so much where a reduction is distributed."""
_WIDER: Final = (0.1, 0.5, 2.0, 10.0, 100.0)
"""How far beyond a ratio its bound is looked for, step by step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEffect:
    """What one part contributes to D, in index points; positive takes lean away where the base leans with the card.

    Attributes
    ----------
    below : Estimate
        Fall of the index when this part is exchanged after all below it.
    above : Estimate
        When it is exchanged after all above it.
    phi : Estimate
        Mean of the two; over all parts they sum to D.
    p_adjusted : float or None
        Two-sided, of phi, by max-T over all parts that differ; None where the part does not.
    """

    below: Estimate
    above: Estimate
    phi: Estimate
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthProfile:
    """A reduction by depth.

    Attributes
    ----------
    parts : tuple of PartEffect
        From the embeddings to the head.
    base, tuned, reduction : Estimate
        Index at either end, and D, their difference.
    lower, upper : Estimate
        D of the lower parts exchanged alone, and of the upper alone; index points.
    lower_share, upper_share, interaction : Estimate
        These over D, and 1 less both; ``not estimable`` where D is not bounded away from 0.
    verdict : DepthVerdict
    reason : str
        What decided it.
    """

    parts: tuple[PartEffect, ...]
    base: Estimate
    tuned: Estimate
    reduction: Estimate
    lower: Estimate
    upper: Estimate
    lower_share: Estimate
    upper_share: Estimate
    interaction: Estimate
    verdict: DepthVerdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRule:
    """How a profile is judged.

    Attributes
    ----------
    cut : int
        Parts that count as lower ones, fixed before anything is measured.
    level, margin : float
        Of the intervals; largest change of an index that counts as none.
    barred : str
        Why no verdict may be given, whatever the numbers; empty where one may.
    """

    cut: int
    level: float = 0.95
    margin: float = 0.05
    barred: str = ""


def depth_profile(
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    clusters: Clustered,
    design: ClusterDesign,
    rule: DepthRule,
    *,
    rng: np.random.Generator,
) -> DepthProfile:
    """Split a reduction over the parts of a model, and say where it sits.

    Parameters
    ----------
    below, above : array of float, shape (n_parts + 1, n_items)
        Item values in [-1, 1]; see the module.
    clusters : Clustered
        Of these items; its own values are not used.
    design : ClusterDesign
    rule : DepthRule
    rng : numpy.random.Generator
        Of the flips.

    Raises
    ------
    ValueError
        If the two do not have the same ends: they are then not of one pair.

    References
    ----------
    Shapley (1953) for the mean over orders, of which these are two; docs/methods.md, section 15.

    Examples
    --------
    >>> from biasaudit.stats.clusters import clustered
    >>> from biasaudit.types import ClusterDesign
    >>> base, tuned = np.linspace(0.5, 0.7, 12), np.linspace(0.0, 0.1, 12)
    >>> below, above = np.stack([base, tuned, tuned]), np.stack([tuned, base, base])
    >>> found = depth_profile(
    ...     below, above, clustered(base, range(12)), ClusterDesign.DESIGNED, DepthRule(cut=1),
    ...     rng=np.random.default_rng(0),
    ... )  # fmt: skip
    >>> str(found.verdict), [round(part.phi.value, 2) for part in found.parts]
    ('removed upstream', [0.55, 0.0])
    """
    if not (np.array_equal(below[0], above[-1]) and np.array_equal(below[-1], above[0])):
        msg = "the two orders do not share their ends"
        raise ValueError(msg)
    cell = _Cell(clusters=clusters, design=design, level=rule.level)
    falls, rises = below[:-1] - below[1:], above[1:] - above[:-1]
    phi = (falls + rises) / 2
    p_values = _adjusted(phi, cell, rng)
    parts = tuple(
        PartEffect(below=cell.mean(one), above=cell.mean(other), phi=cell.mean(both), p_adjusted=p_value)
        for one, other, both, p_value in zip(falls, rises, phi, p_values, strict=True)
    )
    halves = _Halves(
        all=below[0] - below[-1],
        lower=below[0] - below[rule.cut],
        upper=below[0] - above[rule.cut],
        total=below[0] + below[-1],
    )
    verdict, reason = _verdict(halves, cell, rule)
    shares = {
        name: cell.share(of, halves.all)
        for name, of in (
            ("lower_share", halves.lower),
            ("upper_share", halves.upper),
            ("interaction", halves.all - halves.lower - halves.upper),
        )
    }
    return DepthProfile(
        parts=parts,
        base=cell.mean(below[0], unit="index"),
        tuned=cell.mean(below[-1], unit="index"),
        reduction=cell.mean(halves.all),
        lower=cell.mean(halves.lower),
        upper=cell.mean(halves.upper),
        verdict=verdict,
        reason=reason,
        **shares,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Halves:
    """Item by item: D, what either half alone takes away, and base plus tuned."""

    all: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    total: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    clusters: Clustered
    design: ClusterDesign
    level: float

    def sample(self, values: NDArray[np.float64]) -> Clustered:
        return self.clusters.with_values(values)

    def mean(self, values: NDArray[np.float64], *, unit: str = "index points", level: float | None = None) -> Estimate:
        return mean_estimate(self.sample(values), self.design, level=level or self.level, unit=unit)

    def above(self, values: NDArray[np.float64]) -> bool:
        """Whether the mean is shown to lie above 0."""
        found = self.mean(values)
        return found.ci_low is not None and found.ci_low > 0

    def share(self, part: NDArray[np.float64], whole: NDArray[np.float64]) -> Estimate:
        """Return mean(part) / mean(whole) with Fieller's interval, where the whole is bounded away from 0."""
        counts: dict[str, Any] = {
            "level": self.level,
            "n_items": self.clusters.n_items,
            "n_clusters": self.clusters.n_clusters,
        }
        found = self.mean(whole)
        if found.status is not Status.OK:
            return Estimate(status=found.status, unit="relative", method=found.method, **counts)
        value = point(self.sample(part), self.design) / point(self.sample(whole), self.design)
        bounds = None
        if abs(point(self.sample(whole), self.design)) > MIN_STANDARD_ERRORS * self.spread(whole).error:
            bounds = [self._bound(part, whole, value, side) for side in (-1.0, 1.0)]
        if bounds is None or None in bounds:
            why = "the reduction is not bounded away from 0"
            return Estimate(status=Status.NOT_ESTIMABLE, unit="relative", method=why, **counts)
        low, high = bounds
        return Estimate(
            status=Status.OK,
            value=value,
            ci_low=low,
            ci_high=high,
            unit="relative",
            method="ratio of means over the same items, Fieller interval",
            **counts,
        )

    def spread(self, values: NDArray[np.float64]) -> Spread:
        return spread(self.sample(values), self.design)

    def _bound(self, part: NDArray[np.float64], whole: NDArray[np.float64], value: float, side: float) -> float | None:
        """Return the farthest ratio on one side that the t interval of part - ratio x whole does not exclude."""

        def beyond(ratio: float) -> float:
            left = part - ratio * whole
            return abs(point(self.sample(left), self.design)) - self.spread(left).reach(self.level)

        if beyond(value) >= 0:  # no spread at all
            return value
        for step in _WIDER:
            if beyond(value + side * step) > 0:
                return float(optimize.brentq(beyond, value, value + side * step))
        return None


def _adjusted(phi: NDArray[np.float64], cell: _Cell, rng: np.random.Generator) -> list[float | None]:
    """Return two-sided p-values of the parts that differ, adjusted over all of them by max-T."""
    there = [number for number, values in enumerate(phi) if values.any()]
    found: list[float | None] = [None] * len(phi)
    if there and cell.mean(phi[there[0]]).status is Status.OK:
        samples = [cell.sample(sign * phi[number]) for sign in (1.0, -1.0) for number in there]
        one_sided = losses_p(samples, cell.design, rng=rng)
        for place, number in enumerate(there):
            found[number] = float(min(one_sided[place], one_sided[place + len(there)]))
    return found


def _verdict(halves: _Halves, cell: _Cell, rule: DepthRule) -> tuple[DepthVerdict, str]:
    reduction = cell.mean(halves.all)
    if reduction.status is not Status.OK or reduction.value is None:
        return DepthVerdict.NOT_ESTIMABLE, reduction.status.value
    if rule.barred:
        return DepthVerdict.NOT_ESTIMABLE, rule.barred
    narrow = cell.mean(halves.all, level=2 * rule.level - 1)
    ends = (narrow.ci_low, narrow.ci_high)
    if all(end is not None and abs(end) < rule.margin for end in ends):
        return DepthVerdict.UNCHANGED, f"the whole change lies within the margin of {rule.margin:g}"
    sign = 1.0 if reduction.value > 0 else -1.0
    whole = sign * halves.all
    error = spread(cell.sample(halves.all), cell.design).error
    if not (cell.above(whole) and abs(reduction.value) > MIN_STANDARD_ERRORS * error):
        return DepthVerdict.NOT_ESTIMABLE, "the change is not bounded away from 0, so that nothing is a share of it"
    if not cell.above(sign * halves.total):
        return DepthVerdict.NOT_ESTIMABLE, "the lean is not shown to be smaller than the base's: there is no reduction"
    return _of_halves(sign * halves.lower, sign * halves.upper, whole, cell)


def _of_halves(
    lower: NDArray[np.float64], upper: NDArray[np.float64], whole: NDArray[np.float64], cell: _Cell
) -> tuple[DepthVerdict, str]:
    """Judge by what is shown of the two shares: each is over or under a bound where a t interval says so."""

    def over(half: NDArray[np.float64], bound: float) -> bool:
        return cell.above(half - bound * whole)

    def under(half: NDArray[np.float64], bound: float) -> bool:
        return cell.above(bound * whole - half)

    both = lower + upper
    neither_most = under(lower, NEARLY_ALL) and under(upper, NEARLY_ALL)
    rules = (
        (
            over(lower, MOST) and under(upper, LITTLE),
            DepthVerdict.UPSTREAM,
            "the lower parts alone bring most of it about, the upper alone little",
        ),
        (
            over(upper, MOST) and under(lower, LITTLE),
            DepthVerdict.MASKED,
            "the upper parts alone bring most of it about, the lower alone little",
        ),
        (
            over(both, 1 + APART),
            DepthVerdict.REDUNDANT,
            "the halves alone add up to more than all of it: the orders disagree",
        ),
        (
            neither_most and under(both, 1 - APART),
            DepthVerdict.DISTRIBUTED,
            "it takes both: the halves alone add up to less than all of it",
        ),
        (neither_most, DepthVerdict.DISTRIBUTED, "neither half alone brings three quarters of it about"),
        (
            over(lower, LITTLE) and over(upper, LITTLE),
            DepthVerdict.DISTRIBUTED,
            "either half alone brings over a quarter of it about",
        ),
    )
    for is_shown, verdict, reason in rules:
        if is_shown:
            return verdict, reason
    return DepthVerdict.NOT_ESTIMABLE, "the intervals of what the halves do alone are too wide to tell"
