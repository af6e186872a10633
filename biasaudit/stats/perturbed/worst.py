"""The worst of many means, chosen on one half of the clusters and measured on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.clusters import MIN_CLUSTERS, clustered
from biasaudit.stats.intervals import RANGES, mean_estimate, point, refused
from biasaudit.stats.perturbed.max_t import factors, is_alike, is_crossed, upper_bounds
from biasaudit.stats.power import error_rate
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

SPLITS: Final = 10
"""Splits into halves, each used both ways round."""

FLIPS: Final = 499
"""Sign flips under which the choice is made again."""

METHOD: Final = (
    f"chosen on one half of the clusters and measured on the other, both ways round, mean of {SPLITS} splits; near end "
    "by sign flips that choose again, far end simultaneous"
)
CROSSED: Final = (
    f"chosen on a quarter of the crossed clusters and measured on the opposite one, both ways round, mean of {SPLITS} "
    "splits; near end of a quarter, far end simultaneous"
)
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The largest of several means.

    Attributes
    ----------
    place : int
        Which of the samples is largest over all clusters.
    estimate : Estimate
        Of the largest, free of its choice.
    """

    place: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class _Found:
    value: float
    near: float


def worst_of(
    samples: Sequence[Clustered],
    design: ClusterDesign,
    *,
    rng: np.random.Generator,
    level: float,
    unit: str,
    two_sided: bool = False,
) -> Worst:
    """Return the largest mean of several, of the same items.

    The largest of all, measured where it was chosen, is too large: of 60 that are all 0, one is told from 0 in most
    cases. The interval holds the largest true mean: its lower end is that of the cross-fitted mean, which is at most as
    large, against flips of the clusters' signs under which the choice is made again; its upper end is the largest
    simultaneous bound. Each end has half of the error rate.

    Parameters
    ----------
    samples : sequence of Clustered
    design : ClusterDesign
    rng : numpy.random.Generator
    level : float
    unit : str
    two_sided : bool
        Whether the largest by its size is sought, on either side of 0: measured is then the mean times the sign that
        the other half gives it, which is below 0 where the halves disagree.

    Returns
    -------
    Worst
        Its estimate has no number under 10 clusters of either factor, of which a half are no 5.

    References
    ----------
    docs/methods.md, section 14.4.
    """
    one, alpha = samples[0], error_rate(level) / 2
    means = np.array([point(sample, design) for sample in samples])
    place = int(np.argmax(np.abs(means) if two_sided else means))
    refusal = refused(one, level=level, unit=unit, design=design) or _too_few(one, design, level=level, unit=unit)
    if refusal is not None:
        return Worst(place=place, estimate=refusal)
    crossed = is_crossed(one, design)
    found = (
        _of_quarters(samples, design, rng=rng, level=level, unit=unit, two_sided=two_sided)
        if crossed
        else _of_halves(samples, design, rng=rng, alpha=alpha, two_sided=two_sided)
    )
    if found is None:
        return Worst(
            place=place,
            estimate=_nothing(
                one,
                Status.NOT_ESTIMABLE,
                "no two opposite quarters hold items in enough clusters",
                level=level,
                unit=unit,
            ),
        )
    worst = samples[place].with_values((np.sign(means[place]) if two_sided else 1.0) * samples[place].values)
    near = min(found.near, found.value)
    if is_alike(worst, design, unit):
        alike = mean_estimate(worst, design, level=level, unit=unit)
        near = near if alike.ci_low is None else min(near, alike.ci_low)
    both = [one.with_values(-one.values) for one in samples] if two_sided else []
    far = float(upper_bounds([*samples, *both], design, rng=rng, alpha=alpha, unit=unit).max())
    lowest, _ = RANGES.get(unit, (-np.inf, np.inf))
    return Worst(
        place=place,
        estimate=Estimate(
            status=Status.OK,
            value=found.value,
            ci_low=max(near, lowest),
            ci_high=max(far, found.value),
            level=level,
            n_items=one.n_items,
            n_clusters=one.n_clusters,
            method=CROSSED if crossed else METHOD,
            unit=unit,
        ),
    )


def _too_few(sample: Clustered, design: ClusterDesign, *, level: float, unit: str) -> Estimate | None:
    n = sample.n_items if design is ClusterDesign.NONE else sample.n_clusters
    fewest = min(n, sample.n_also) if is_crossed(sample, design) else n
    if fewest >= 2 * MIN_CLUSTERS:
        return None
    method = f"needs {2 * MIN_CLUSTERS} clusters of each factor: {MIN_CLUSTERS} to choose on, as many to measure on"
    return _nothing(sample, Status.TOO_FEW_CLUSTERS, method, level=level, unit=unit)


def _nothing(sample: Clustered, status: Status, method: str, *, level: float, unit: str) -> Estimate:
    return Estimate(
        status=status, level=level, n_items=sample.n_items, n_clusters=sample.n_clusters, method=method, unit=unit
    )


def _of_halves(
    samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator, alpha: float, two_sided: bool
) -> _Found:
    one, values = samples[0], np.stack([sample.values for sample in samples], axis=1)
    means = np.array([point(sample, design) for sample in samples])
    [left] = factors(one, values - means, design)
    left *= len(left)  # what each unit has beside the mean
    chosen = np.concatenate([[half, 1 - half] for half in (_half(len(left), rng) for _ in range(SPLITS))])
    found, error = _cross_fitted(left + means, chosen, np.ones((1, len(left))), two_sided=two_sided)
    signs = rng.choice([-1.0, 1.0], size=(FLIPS, len(left)))
    flipped, errors = _cross_fitted(left, chosen, signs, two_sided=two_sided)
    t = np.divide(flipped, errors, out=np.zeros(FLIPS), where=errors > _ROUNDING)
    reach = float(np.quantile(t, 1 - alpha, method="higher"))
    return _Found(float(found[0]), float(found[0] - reach * error[0]))


def _cross_fitted(
    units: NDArray[np.float64], chosen: NDArray[np.float64], signs: NDArray[np.float64], *, two_sided: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose the largest on each half of each flip and measure it on the other; mean and its error, one a flip.

    Parameters
    ----------
    units : array of float, shape (n_units, n_samples)
    chosen : array of float, shape (n_halves, n_units)
        1 where a unit is chosen on.
    signs : array of float, shape (n_flips, n_units)
    two_sided : bool
    """
    n = len(units)
    found, errors = np.empty(len(signs)), np.empty(len(signs))
    held = (1 - chosen) / (1 - chosen).sum(axis=1, keepdims=True) / len(chosen)
    step = max(1, 2_000_000 // (len(chosen) * max(units.shape)))
    for start in range(0, len(signs), step):
        part = signs[start : start + step]
        scores = (part[:, np.newaxis, :] * chosen).reshape(-1, n) @ units
        best = (np.abs(scores) if two_sided else scores).argmax(axis=1)
        measured = units.T[best].reshape(len(part), len(chosen), n)
        if two_sided:
            # Where the half says 0, either sign would do.
            side = np.where(scores[np.arange(len(best)), best] < 0, -1.0, 1.0)
            measured *= side.reshape(len(part), len(chosen), 1)
        each = n * np.einsum("fhn,hn->fn", measured, held) * part
        found[start : start + step] = each.mean(axis=1)
        errors[start : start + step] = each.std(axis=1, ddof=1) / np.sqrt(n)
    return found, errors


def _of_quarters(
    samples: Sequence[Clustered],
    design: ClusterDesign,
    *,
    rng: np.random.Generator,
    level: float,
    unit: str,
    two_sided: bool,
) -> _Found | None:
    """Choose on the items of half of the rows and half of the columns; those measured share neither with them."""
    one = samples[0]
    values = np.stack([sample.values for sample in samples])
    ends = []
    for _ in range(SPLITS):
        rows = _half(one.n_clusters, rng)[one.index] > 0
        columns = _half(one.n_also, rng)[one.also] > 0
        quarters = (rows & columns, ~rows & ~columns)
        for there, held in (quarters, quarters[::-1]):
            parts, measured = _part(one, there), _part(one, held)
            if refused(measured, level=level, unit=unit, design=design) is not None:
                return None
            scores = np.array([point(parts.with_values(row[there]), design) for row in values])
            best = int(np.argmax(np.abs(scores) if two_sided else scores))
            side = -1.0 if two_sided and scores[best] < 0 else 1.0
            sample = measured.with_values(side * values[best][held])
            found = mean_estimate(sample, design, level=level, unit=unit)
            ends.append((point(sample, design), -np.inf if found.ci_low is None else found.ci_low))
    value, near = np.mean(ends, axis=0)
    return _Found(float(value), float(near))


def _half(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    chosen = np.zeros(n)
    chosen[rng.permutation(n)[: n // 2]] = 1.0
    return chosen


def _part(sample: Clustered, there: NDArray[np.bool_]) -> Clustered:
    also = None if sample.also is None else sample.also[there]
    return clustered(np.zeros(int(there.sum())), sample.index[there], also)
