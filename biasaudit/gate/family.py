"""Many cells judged at once: every interval is made wider, so that a pass is harder to come by.

A policy with ``family: bonferroni`` or ``family: holm`` treats all cells of all its rules as one family of m cells,
measured or not, so that evidence that is missing never makes the others' intervals narrower. Coverage is counted and
has no interval; it is not in the family.

An audit holds a value, its bounds at the level 1 - a, and the number of clusters k. Each bound is moved away from the
value by the ratio of t quantiles with k - 1 degrees of freedom, at 1 - a' over at 1 - a. Where one bound is the value
itself, every item sits at one end of the scale, and the ratio is that of the Clopper-Pearson bounds by which such
intervals were made. A rise of |B| is bounded by two intervals, that of the change and that of the sum: both are widened
so, and the rise is bounded by the wider ones.

Bonferroni: a' = a / m. Holm: a' = a / (m - r), where r is the number of cells that are decided at that very a':
starting from r = 0 it grows until no further cell is decided, which is Holm's step-down procedure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from biasaudit.gate.lean import LARGEST, Halves, Interval
from biasaudit.gate.rules import Cell
from biasaudit.gate.vocabulary import Family, Outcome

_FEWEST: Final = 2
"""Clusters without which there is no t interval."""


def intervals_of(cells: Sequence[Cell], family: Family) -> tuple[list[Interval | None], int]:
    """Return the interval by which each cell is judged, and by what its error rate was divided.

    Parameters
    ----------
    cells : sequence of Cell
    family : Family

    Returns
    -------
    list of (value, low, high) or None
        None where nothing was measured, or where what is needed to widen the interval is not known.
    int
        1 where nothing was widened.
    """
    n_cells = sum(not cell.rule.criterion.is_exact for cell in cells)
    if family is Family.NONE or not n_cells:
        return [cell.interval for cell in cells], 1
    divisor = n_cells
    found = [_widened(cell, divisor) for cell in cells]
    while family is Family.HOLM:
        fewer = max(n_cells - _n_decided(cells, found), 1)
        if fewer >= divisor:
            break
        divisor = fewer
        found = [_widened(cell, divisor) for cell in cells]
    return found, divisor


def _n_decided(cells: Sequence[Cell], intervals: Sequence[Interval | None]) -> int:
    return sum(
        interval is not None
        and not cell.rule.criterion.is_exact
        and cell.judged(interval[1], interval[2])[0] is not Outcome.INCONCLUSIVE
        for cell, interval in zip(cells, intervals, strict=True)
    )


def _widened(cell: Cell, divisor: int) -> Interval | None:
    if cell.found is None or cell.interval is None or cell.rule.criterion.is_exact:
        return cell.interval
    level, n_clusters = cell.found.level, cell.found.n_clusters
    if level is None or n_clusters < _FEWEST:
        return None

    def wider(found: Interval, lowest: float, highest: float) -> Interval:
        value, low, high = found
        one_ended = low < high and value in {low, high}
        factor = _factor(1 - level, (1 - level) / divisor, n_clusters, one_ended=one_ended)
        # Never narrower than it was, whatever the rounding or a value outside its own interval does.
        return Interval(
            value,
            min(low, max(value - factor * (value - low), lowest)),
            max(high, min(value + factor * (high - value), highest)),
        )

    if cell.found.halves is not None:
        return Halves(*(wider(half, -LARGEST, LARGEST) for half in cell.found.halves)).rise
    return wider(cell.interval, *cell.rule.criterion.values)


def _factor(alpha: float, stricter: float, n_clusters: int, *, one_ended: bool) -> float:
    """Return how many times as wide an interval at `stricter` is as one at `alpha`; at least 1."""
    if one_ended:
        wide, narrow = (1 - (rate / 2) ** (1 / n_clusters) for rate in (stricter, alpha))
    else:
        from scipy.special import stdtrit  # noqa: PLC0415  # a third of a second, and few policies need it

        # The lower tail, where small rates keep their digits.
        wide, narrow = (-float(stdtrit(n_clusters - 1, rate / 2)) for rate in (stricter, alpha))
    return max(float(wide / narrow), 1.0)
