"""Whether a mean of paired differences is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats.intervals import point
from biasaudit.stats.quantiles import t_tail
from biasaudit.stats.spread import spread
from biasaudit.types import ClusterDesign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

RESAMPLES: Final = 9_999
SIGN_FLIP: Final = "sign-flip permutation of clusters"
"""How the name of the test begins; see :func:`is_by_sign_flips`."""

_BATCH: Final = 500
_EXACT: Final = 60
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """A two-sided p-value and the test that gave it."""

    __test__ = False  # not for pytest

    p_value: float
    test: str


def is_by_sign_flips(test: str) -> bool:
    """Whether a test, by its name in :class:`TestResult`, flips the signs of clusters.

    Its smallest p-value is then set by their number: c clusters have 2**c sign flips.

    Examples
    --------
    >>> is_by_sign_flips(SIGN_FLIP), is_by_sign_flips("two-way t test")
    (True, False)
    """
    return test.startswith(SIGN_FLIP)


def sign_flip(differences: Clustered, design: ClusterDesign, *, rng: np.random.Generator) -> TestResult:
    """Test whether the mean difference is 0 by flipping the signs of whole clusters.

    Flips cluster means where clusters are designed, cluster sums where they are a nuisance.
    Exact where 2 ** n_clusters is at most `RESAMPLES`.

    Parameters
    ----------
    differences : Clustered
        Item by item, first arm minus second.
    design : ClusterDesign
    rng : numpy.random.Generator

    References
    ----------
    docs/methods.md, section 5.1.
    """
    return sign_flips([differences], design, rng=rng)[0]


def sign_flips(
    samples: Sequence[Clustered], design: ClusterDesign, *, rng: np.random.Generator
) -> tuple[TestResult, ...]:
    """Test several means over the same clusters, all by the same flips.

    scipy's ``permutation_test``, with which this agrees, takes one sample at a time: four times as long for the
    four tests of a cell.

    Parameters
    ----------
    samples : sequence of Clustered
        Of the same clusters.
    design : ClusterDesign
    rng : numpy.random.Generator
    """
    units = np.stack([one.means if design is ClusterDesign.DESIGNED else one.sums for one in samples], axis=1)
    found = np.abs(units.sum(axis=0))
    # A flip that gives the same sum in another order is as large as what was found.
    least = found - _ROUNDING * np.abs(units).sum(axis=0)
    reached, n_flips, extra = np.zeros(len(samples)), 0, 0
    for signs in flips(len(units), rng):
        reached += (np.abs(signs @ units) >= least).sum(axis=0)
        n_flips += len(signs)
    if n_flips < 2 ** len(units):
        extra = 1  # what was found is one of the flips that could have been drawn
    p_values = (reached + extra) / (n_flips + extra)
    return tuple(
        TestResult(p_value=float(p_value), test=SIGN_FLIP)
        if unit.any()
        else TestResult(p_value=1.0, test=f"{SIGN_FLIP} (no difference at all)")
        for p_value, unit in zip(p_values, units.T, strict=True)
    )


def flips(n_clusters: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield signs, shape (at most _BATCH, n_clusters): all there are, or `RESAMPLES` of them by chance."""
    if n_clusters < _EXACT and 2**n_clusters <= RESAMPLES:
        numbers = np.arange(2**n_clusters)
        yield 1.0 - 2.0 * ((numbers[:, np.newaxis] >> np.arange(n_clusters)) & 1).astype(np.float64)
        return
    width = -(-n_clusters // 8)
    for start in range(0, RESAMPLES, _BATCH):
        rows = min(_BATCH, RESAMPLES - start)
        drawn = np.frombuffer(rng.bytes(rows * width), dtype=np.uint8).reshape(rows, width)
        yield 1.0 - 2.0 * np.unpackbits(drawn, axis=1, count=n_clusters).astype(np.float64)


def mcnemar_exact(n_removed: int, n_introduced: int) -> TestResult:
    """Test whether as many preferences were removed as introduced.

    Only for items that are each their own cluster: with clusters it rejects a true null in
    14 to 40 % of cases (docs/methods.md, section 5.2).

    Parameters
    ----------
    n_removed, n_introduced : int
        Discordant items of either direction; both at least 0.

    Examples
    --------
    >>> mcnemar_exact(5, 0).p_value
    0.0625
    >>> mcnemar_exact(0, 0).p_value
    1.0
    """
    discordant = n_removed + n_introduced
    from scipy.stats import binomtest  # noqa: PLC0415  # half a second to import

    p_value = 1.0 if discordant == 0 else float(binomtest(n_removed, discordant).pvalue)
    return TestResult(p_value=p_value, test="exact McNemar")


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust the p-values of a declared family (Holm 1979).

    statsmodels' ``multipletests``, which this agrees with, collects garbage at every call: half the time of
    a small audit.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if not p_values:
        return ()
    raw = np.asarray(p_values, dtype=float)
    order = np.argsort(raw, kind="stable")
    steps = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(steps, 1.0)
    return tuple(adjusted.tolist())


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust the p-values of an exploratory table (Benjamini and Hochberg 1995).

    It bounds the expected share of false finds among what is marked: good for leads, not for claims.

    Examples
    --------
    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    if not p_values:
        return ()
    from scipy.stats import false_discovery_control  # noqa: PLC0415  # half a second to import

    return tuple(float(p) for p in false_discovery_control(list(p_values)))


def equivalence(differences: Clustered, design: ClusterDesign, *, margin: float) -> TestResult:
    """Test whether the mean difference lies within ``±margin``: two one-sided t tests.

    The p-value is at most alpha exactly where the ``1 - 2 alpha`` interval lies within the margin.
    statsmodels' ``ttost_mean`` knows no cluster-robust error.

    Parameters
    ----------
    differences : Clustered
    design : ClusterDesign
    margin : float
        Above 0, in the unit of the differences.

    Raises
    ------
    ValueError
        If the margin is not above 0 or there are fewer than 2 clusters.

    References
    ----------
    Schuirmann (1987); docs/methods.md, section 5.7.
    """
    if not margin > 0 or differences.n_clusters < 2:
        msg = f"equivalence needs a margin above 0 and 2 clusters, not {margin} and {differences.n_clusters}"
        raise ValueError(msg)
    found = spread(differences, design)
    distance = margin - abs(point(differences, design))
    certain = 0.0 if distance > 0 else 1.0
    p_value = t_tail(distance / found.error, found.freedom) if found.error else certain
    return TestResult(p_value=p_value, test="two one-sided t tests")


def mean_is_zero(sample: Clustered, design: ClusterDesign) -> TestResult:
    """Test whether a mean is 0 by the t statistic of its interval.

    Raises
    ------
    ValueError
        If there are fewer than 2 clusters.
    """
    if sample.n_clusters < 2:
        msg = f"a t test needs 2 clusters, not {sample.n_clusters}"
        raise ValueError(msg)
    found = spread(sample, design)
    value = point(sample, design)
    certain = 1.0 if value == 0 else 0.0
    p_value = 2 * t_tail(abs(value) / found.error, found.freedom) if found.error else certain
    return TestResult(p_value=p_value, test="t test of clusters" if sample.also is None else "two-way t test")
