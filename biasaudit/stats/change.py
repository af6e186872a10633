"""How much less stereotype the second of two arms shows: the paired comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.stats.fieller import relative_reduction
from biasaudit.stats.intervals import mean_estimate
from biasaudit.stats.power import smallest_detectable_change
from biasaudit.stats.significance import TestResult, equivalence, mcnemar_exact, sign_flip
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The reduction D of one cell, with what is needed for a verdict.

    Attributes
    ----------
    reduction : Estimate
        D = first minus second, positive where the second arm leans less with the stereotype.
    reduction_90 : Estimate
        The same at level 0.90, for the test of equivalence.
    test : TestResult or None
        Of D = 0.
    equivalence : TestResult or None
        Of ``|D| >= margin``.
    relative : Estimate
    smallest_detectable_change : float or None
        At 80 % power, two-sided 5 %.
    """

    reduction: Estimate
    reduction_90: Estimate
    test: TestResult | None
    equivalence: TestResult | None
    relative: Estimate
    smallest_detectable_change: float | None


def paired_change(
    first: Clustered,
    second: Clustered,
    design: ClusterDesign,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    margin: float = 0.05,
) -> Change:
    """Compare two arms item by item.

    Parameters
    ----------
    first, second : Clustered
        Item values of the same items in the same order, and the same clusters.
    design : ClusterDesign
    rng : numpy.random.Generator
        For the permutation test.
    level : float
    margin : float
        Largest change that counts as none.

    Returns
    -------
    Change
        Without numbers where there are fewer than 5 clusters.

    Raises
    ------
    ValueError
        If the arms do not hold the same items.

    References
    ----------
    METHODS, "Did tuning reduce it?"; METHODS-REFERENCE, sections 4.1 to 4.6.
    """
    difference = _difference(first, second)
    reduction = _difference_estimate(difference, design, level=level)
    if reduction.status is not Status.OK:
        nothing = Estimate(status=reduction.status, unit="relative", n_items=first.n_items, n_clusters=first.n_clusters)
        return Change(
            reduction=reduction,
            reduction_90=_difference_estimate(difference, design, level=0.90),
            test=None,
            equivalence=None,
            relative=nothing,
            smallest_detectable_change=None,
        )
    return Change(
        reduction=reduction,
        reduction_90=_difference_estimate(difference, design, level=0.90),
        test=_test(first, second, difference, design, rng),
        equivalence=equivalence(difference, design, margin=margin),
        relative=relative_reduction(difference, first, level=level),
        smallest_detectable_change=smallest_detectable_change(difference, design),
    )


def paired_reduction(first: Clustered, second: Clustered, design: ClusterDesign, *, level: float = 0.95) -> Estimate:
    """Estimate by how much the second arm is lower, item by item; :func:`paired_change` without its tests.

    Raises
    ------
    ValueError
        If the arms do not hold the same items.
    """
    return _difference_estimate(_difference(first, second), design, level=level)


def _difference(first: Clustered, second: Clustered) -> Clustered:
    if first.n_items != second.n_items or not np.array_equal(first.index, second.index):
        msg = "the two arms must hold the same items in the same order"
        raise ValueError(msg)
    return first.with_values(first.values - second.values)


def _difference_estimate(difference: Clustered, design: ClusterDesign, *, level: float) -> Estimate:
    # A difference of graded indices is not a proportion, so the rule for items that all sit at
    # one end of the scale must not see it: its unit keeps it away.
    return mean_estimate(difference, design, level=level, unit="index difference")


def _test(
    first: Clustered, second: Clustered, difference: Clustered, design: ClusterDesign, rng: np.random.Generator
) -> TestResult:
    if design is ClusterDesign.NONE and _binary(first) and _binary(second):
        removed = int(((first.values > 0) & (second.values < 0)).sum())
        introduced = int(((first.values < 0) & (second.values > 0)).sum())
        return mcnemar_exact(removed, introduced)
    return sign_flip(difference, design, rng=rng)


def _binary(sample: Clustered) -> bool:
    return bool((np.abs(sample.values) == 1).all())
