"""The worst of many means, chosen on one half of the clusters and measured on the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.clusters import clustered
from biasaudit.stats.intervals import RANGES, mean_estimate, point, refused
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

SPLITS: Final = 10
"""Splits into halves, each used both ways round."""

METHOD: Final = (
    "chosen on one half of the clusters and measured on the other, both ways round, mean of 10 splits; the interval is "
    "as wide as that of one half"
)


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

    The largest of all, measured where it was chosen, is too large: with 60 that are all 0 it is told from 0 in most
    cases. Of crossed clusters both factors are halved, and chosen is on the quarter that shares neither with the one
    that is measured.

    Parameters
    ----------
    samples : sequence of Clustered
    design : ClusterDesign
    rng : numpy.random.Generator
    level : float
    unit : str
    two_sided : bool
        Whether the largest by its size is sought, on either side of 0: measured is then the mean times the sign that
        the other half gives it.

    Returns
    -------
    Worst
        Its estimate has no number under 10 clusters, of which a half are no 5.

    References
    ----------
    docs/methods.md, section 14.4.
    """
    one = samples[0]
    means = np.array([point(sample, design) for sample in samples])
    place = int(np.argmax(np.abs(means) if two_sided else means))
    refusal = refused(one, level=level, unit=unit, design=design)
    if refusal is not None:
        return Worst(place=place, estimate=refusal)
    values = np.stack([sample.values for sample in samples])
    found = []
    for chosen, held in _halves(one, rng, SPLITS):
        on_chosen = np.array([point(_part(one, row, chosen), design) for row in values])
        best = int(np.argmax(np.abs(on_chosen) if two_sided else on_chosen))
        sign = float(np.sign(on_chosen[best]) or 1.0) if two_sided else 1.0
        found.append(mean_estimate(_part(one, sign * values[best], held), design, level=level, unit=unit))
    refusal = next((one for one in found if one.status is not Status.OK), None)
    if refusal is not None:
        return Worst(place=place, estimate=replace(refusal, n_items=one.n_items, n_clusters=one.n_clusters))
    lowest, highest = RANGES.get(unit, (-np.inf, np.inf))
    value, low, high = (
        float(np.mean([end for one in found if (end := getattr(one, name)) is not None]))
        for name in ("value", "ci_low", "ci_high")
    )
    return Worst(
        place=place,
        estimate=replace(
            found[0],
            value=value,
            ci_low=max(low, lowest),
            ci_high=min(high, highest),
            n_items=one.n_items,
            n_clusters=one.n_clusters,
            method=METHOD,
        ),
    )


def _halves(
    sample: Clustered, rng: np.random.Generator, n_splits: int
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield the items that are chosen on and those that are measured, each split both ways round."""
    for _ in range(n_splits):
        rows = _half(sample.index, sample.n_clusters, rng)
        columns = None if sample.also is None else _half(sample.also, sample.n_also, rng)
        first = rows if columns is None else rows & columns
        second = ~rows if columns is None else ~rows & ~columns
        yield first, second
        yield second, first


def _half(index: NDArray[np.intp], n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.permutation(n)[: n // 2]] = True
    return np.asarray(chosen[index])


def _part(sample: Clustered, values: NDArray[np.float64], there: NDArray[np.bool_]) -> Clustered:
    also = None if sample.also is None else sample.also[there]
    return clustered(values[there], sample.index[there], also)
