"""How the disparity changes from the first of two arms to the second: the paired comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biasaudit.stats.fieller import relative_reduction
from biasaudit.stats.intervals import RANGES, are_answers, mean_estimate
from biasaudit.stats.multiplicity import ClaimPValues
from biasaudit.stats.power import error_rate, smallest_detectable_change
from biasaudit.stats.significance import TestResult, equivalence, mcnemar_exact, mean_is_zero, sign_flips
from biasaudit.types import ClusterDesign, Estimate, Status

if TYPE_CHECKING:
    from biasaudit.stats.clusters import Clustered


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How the disparity of one cell changed, with what is needed for a verdict.

    |second| is less than |first| exactly where D and S have the same sign.

    Attributes
    ----------
    reduction : Estimate
        D = first minus second, positive where the second arm leans less with the stereotype.
    reduction_90 : Estimate
        The same at level 0.90, for the test of equivalence.
    total : Estimate
        S = first plus second.
    test, total_test, first_test, second_test : TestResult or None
        Of D = 0, of S = 0, and of either arm's index.
    equivalence : TestResult or None
        Of ``|D| >= margin``.
    relative : Estimate
    smallest_detectable_change : float or None
        At 80 % power, two-sided 5 %.
    """

    reduction: Estimate
    reduction_90: Estimate
    total: Estimate
    test: TestResult | None
    total_test: TestResult | None
    first_test: TestResult | None
    second_test: TestResult | None
    equivalence: TestResult | None
    relative: Estimate
    smallest_detectable_change: float | None

    @property
    def p_values(self) -> ClaimPValues | None:
        """What decides the claims of this cell, not adjusted; None where nothing was tested."""
        if self.test is None or self.total_test is None or self.first_test is None or self.second_test is None:
            return None
        return ClaimPValues(
            size=max(self.test.p_value, self.total_test.p_value),
            moved=self.test.p_value,
            sides=max(self.first_test.p_value, self.second_test.p_value),
        )


def paired_change(
    first: Clustered,
    second: Clustered,
    design: ClusterDesign,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    margin: float = 0.05,
    unit: str = "index difference",
) -> Change:
    """Compare two arms item by item.

    Parameters
    ----------
    first, second : Clustered
        Item values of the same items in the same order, and the same clusters.
    design : ClusterDesign
    rng : numpy.random.Generator
        For the permutation tests and the splits.
    level : float
    margin : float
        Largest change that counts as none.
    unit : str
        Of D; another than this has no ends.

    Returns
    -------
    Change
        Without numbers where there are too few clusters.

    Raises
    ------
    ValueError
        If the arms do not hold the same items.

    References
    ----------
    docs/methods.md, sections 3.1, 5.1, 5.7 and 7.1.
    """
    difference = _difference(first, second)
    total = first.with_values(first.values + second.values)
    if unit in RANGES and are_answers(first.values, "index") and are_answers(second.values, "index"):
        unit = "answer difference"
    reduction, reduction_90 = (mean_estimate(difference, design, level=one, unit=unit) for one in (level, 0.90))
    total_estimate = mean_estimate(total, design, level=level, unit=unit.replace("difference", "sum"))
    if reduction.status is not Status.OK:
        nothing = Estimate(status=reduction.status, unit="relative", n_items=first.n_items, n_clusters=first.n_clusters)
        return Change(
            reduction=reduction,
            reduction_90=reduction_90,
            total=total_estimate,
            test=None,
            total_test=None,
            first_test=None,
            second_test=None,
            equivalence=None,
            relative=nothing,
            smallest_detectable_change=None,
        )
    test, total_test, first_test, second_test = change_tests(first, second, design, rng=rng)
    return Change(
        reduction=reduction,
        reduction_90=reduction_90,
        total=total_estimate,
        test=test,
        total_test=total_test,
        first_test=first_test,
        second_test=second_test,
        equivalence=equivalence(difference, design, margin=margin),
        relative=relative_reduction(difference, first, design, rng=rng, level=level),
        smallest_detectable_change=smallest_detectable_change(difference, design, alpha=error_rate(level)),
    )


def change_tests(
    first: Clustered, second: Clustered, design: ClusterDesign, *, rng: np.random.Generator
) -> tuple[TestResult, TestResult, TestResult, TestResult]:
    """Test D = 0, S = 0, and either arm's index against 0.

    By the exact test of McNemar where items are independent and take sides; by two-way t where they have a second
    cluster, whose signs cannot be flipped apart; else by flipping the signs of whole clusters.
    """
    samples = tuple(
        first.with_values(values)
        for values in (first.values - second.values, first.values + second.values, first.values, second.values)
    )
    if design is ClusterDesign.NONE and _binary(first) and _binary(second):
        found = [mcnemar_exact(int((one.values > 0).sum()), int((one.values < 0).sum())) for one in samples]
    elif first.also is not None and design is not ClusterDesign.NONE:
        found = [mean_is_zero(one, design) for one in samples]
    else:
        found = list(sign_flips(samples, design, rng=rng))
    return found[0], found[1], found[2], found[3]


def paired_reduction(first: Clustered, second: Clustered, design: ClusterDesign, *, level: float = 0.95) -> Estimate:
    """Estimate by how much the second arm is lower, item by item; :func:`paired_change` without its tests.

    Raises
    ------
    ValueError
        If the arms do not hold the same items.
    """
    return mean_estimate(_difference(first, second), design, level=level, unit="index difference")


def _difference(first: Clustered, second: Clustered) -> Clustered:
    if first.n_items != second.n_items or not np.array_equal(first.index, second.index):
        msg = "the two arms must hold the same items in the same order"
        raise ValueError(msg)
    return first.with_values(first.values - second.values)


def _binary(sample: Clustered) -> bool:
    return bool((np.abs(sample.values) == 1).all())
