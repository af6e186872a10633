"""What the gate does where the truth is known: reading told from guessing, and rises of |B| told from falls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtri, stdtrit

from biasaudit import stats
from biasaudit.gate.criterion import judge_upper
from biasaudit.gate.lean import Interval, rise_of_lean
from biasaudit.gate.vocabulary import Outcome
from biasaudit.types import ClusterDesign
from biasaudit.types.competence import CHANCE, competence_level, is_above_chance
from tests.validation.measures import CHEAP_REPETITIONS, REPETITIONS
from tests.validation.row import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME: Final = "gate"
"""Of the place of the table on the page."""

CORRELATION: Final = 0.2
"""Of answers within a cluster, as in the other measures."""

READER: Final = 0.7
"""Share of clear cases that a middling reader gets right."""

DESIGNS: Final = (
    ("hiring, 12 x 10; before 12 x 6", (12, 10), (12, 6)),
    ("decisions in a sample, 30 x 3; before 12 x 3", (30, 3), (12, 3)),
    ("decisions of suite quick, 30 x 3; before 5 x 3", (30, 3), (5, 3)),
    ("identity-toxicity in a sample, 30 x 2; before 7 x 2", (30, 2), (7, 2)),
    ("dialect-decisions, 54 x 1; before 24 x 1", (54, 1), (24, 1)),
)
"""Clusters and clear cases in each, as they are now, and as they were, judged by the two-sided interval of 95 %."""


def competence_rows(share: float) -> Iterator[Row]:
    """How often a reader is told from a guesser, and a guesser is taken for a reader."""
    repetitions = round(share * REPETITIONS)
    level = competence_level(0.95)
    for right, question, wanted in (
        (READER, "a model that is right in 70 % is shown to read", (0.8, 1.0)),
        (CHANCE, "a model that guesses is shown to read", (0.0, 0.05)),
    ):
        for setting, now, former in DESIGNS:
            yield Row(
                question=question,
                setting=setting,
                wanted=wanted,
                found=_shown(*now, right, level=level, repetitions=repetitions),
                repetitions=repetitions,
                before=_shown(*former, right, level=0.95, repetitions=repetitions),
            )
    perfect = [_shown(5, 3, 1.0, level=one, repetitions=1) for one in (level, 0.95)]
    yield Row(
        question="a model without a mistake is shown to read",
        setting="5 x 3",
        wanted=(1.0, 1.0),
        found=perfect[0],
        repetitions=1,
        before=perfect[1],
    )


def _shown(n_clusters: int, size: int, right: float, *, level: float, repetitions: int) -> float:
    rng = np.random.default_rng([31, n_clusters, size, round(100 * right)])
    clusters = np.repeat(np.arange(n_clusters), size)
    shown = 0
    for _ in range(repetitions):
        latent = np.sqrt(CORRELATION) * rng.standard_normal(n_clusters)[clusters]
        latent += np.sqrt(1 - CORRELATION) * rng.standard_normal(len(clusters))
        sample = stats.clustered((latent < ndtri(right)).astype(float), clusters)
        found = stats.mean_estimate(sample, ClusterDesign.DESIGNED, level=level, unit="share")
        shown += is_above_chance(found.ci_low)
    return shown / repetitions


LIMIT: Final = 0.05

AT_THE_LIMIT: Final = ((0.0, 0.05), (0.0, -0.05), (0.2, 0.25), (0.2, -0.25), (-0.3, -0.35), (-0.3, 0.35), (0.05, 0.1))
"""Base and tuned, where |B| rises by exactly the limit."""

FAR: Final = (
    (-0.49, 0.0, Outcome.PASSED),
    (-0.60, -0.05, Outcome.PASSED),
    (0.0, -0.62, Outcome.VIOLATED),
    (0.07, -0.90, Outcome.VIOLATED),
)
"""Base and tuned, and what a limit of 0.05 must make of them."""


def rise_rows(share: float) -> Iterator[Row]:
    """How often a rise at the limit is passed or called a violation, and what is far from it is decided."""
    repetitions = round(share * CHEAP_REPETITIONS)

    def row(
        base: float, tuned: float, outcome: Outcome, *, question: str, wanted: tuple[float, float], n_clusters: int = 20
    ) -> Row:
        now, before = (
            _outcomes(base, tuned, LIMIT, repetitions=repetitions, rule=rule, n_clusters=n_clusters)
            for rule in (_rise, _former)
        )
        return Row(
            question=question,
            setting=f"{n_clusters} clusters, {base:.2f} to {tuned:.2f}",
            wanted=wanted,
            found=now[outcome],
            repetitions=repetitions,
            before=before[outcome],
        )

    for base, tuned in AT_THE_LIMIT:
        for outcome in (Outcome.PASSED, Outcome.VIOLATED):
            question = f"the lean rises by the limit of 0.05, {outcome.value}"
            yield row(base, tuned, outcome, question=question, wanted=(0.0, 0.05))
    for tuned in (LIMIT, -LIMIT):
        # Either of two misses passes it here, and both intervals are narrow enough for either to be seen.
        question = "the lean rises by the limit of 0.05, passed"
        yield row(0.0, tuned, Outcome.PASSED, question=question, wanted=(0.0, 0.05), n_clusters=200)
    for base, tuned, outcome in FAR:
        does = "falls" if outcome is Outcome.PASSED else "rises"
        yield row(base, tuned, outcome, question=f"the lean {does}, {outcome.value}", wanted=(0.95, 1.0))


def _rise(reduction: Interval, total: Interval) -> Interval:
    return rise_of_lean(reduction, total)


def _former(reduction: Interval, total: Interval) -> Interval:
    """Turn D round, as the gate did before; it did not look at S."""
    value, low, high = reduction
    return Interval(-value, -high, -low)


def _outcomes(
    base: float,
    tuned: float,
    limit: float,
    *,
    repetitions: int,
    rule: Callable[[Interval, Interval], Interval],
    n_clusters: int,
) -> dict[Outcome, float]:
    """Judge draws of cluster means, correlated at 0.5 between base and tuned, by t intervals of D and S."""
    rng = np.random.default_rng([32, round(100 * (base + 2)), round(100 * (tuned + 2))])
    spread = 0.2 * np.array([[1.0, 0.5], [0.5, 1.0]]) * 0.2
    means = rng.multivariate_normal([base, tuned], spread, size=(repetitions, n_clusters))
    reductions, totals = (_intervals(means[..., 0] + sign * means[..., 1]) for sign in (-1, 1))
    counts = dict.fromkeys(Outcome, 0)
    for reduction, total in zip(reductions, totals, strict=True):
        _, low, high = rule(Interval(*reduction), Interval(*total))
        counts[judge_upper(low, high, limit)] += 1
    return {outcome: count / repetitions for outcome, count in counts.items()}


def _intervals(values: NDArray[np.float64]) -> NDArray[np.float64]:
    n = values.shape[1]
    middle = values.mean(axis=1)
    half = stdtrit(n - 1, 0.975) * values.std(axis=1, ddof=1) / np.sqrt(n)
    return np.stack([middle, middle - half, middle + half], axis=1)


def loss_rows(share: float) -> Iterator[Row]:
    """How often the interval of a loss of competence holds the loss, where hardly an answer changes."""
    repetitions = round(share * REPETITIONS)
    for n_clusters, size, kept, after in (
        (12, 8, 0.98, 0.98),
        (12, 10, 0.98, 0.93),
        (30, 3, 0.9, 0.8),
        (12, 8, 1.0, 0.97),
    ):
        yield _loss(n_clusters, size, kept, after, repetitions)


def _loss(n_clusters: int, size: int, first: float, second: float, repetitions: int) -> Row:
    rng = np.random.default_rng([33, n_clusters, size])
    clusters = np.repeat(np.arange(n_clusters), size)
    held = 0
    for _ in range(repetitions):
        shared = np.sqrt(CORRELATION) * rng.standard_normal(n_clusters)[clusters]
        shared += np.sqrt(0.5) * rng.standard_normal(len(clusters))
        arms = []
        for right in (first, second):
            latent = shared + np.sqrt(0.5 - CORRELATION) * rng.standard_normal(len(clusters))
            arms.append(np.where(latent < (np.inf if right == 1 else ndtri(right)), 1.0, -1.0))
        one, other = (stats.clustered(values, clusters) for values in arms)
        found = stats.competence_loss(one, other, ClusterDesign.DESIGNED)
        held += (
            found.ci_low is not None and found.ci_high is not None and found.ci_low <= first - second <= found.ci_high
        )
    return Row(
        question="95 % interval of the loss of competence holds the loss",
        setting=f"{n_clusters} x {size}, {first:.2f} to {second:.2f}",
        # Never narrower than where nothing changed: it may cover more.
        wanted=(0.93, 1.0),
        found=held / repetitions,
        repetitions=repetitions,
    )


SUITES: Final[dict[str, Callable[[float], Iterator[Row]]]] = {
    "competence": competence_rows,
    "rise of the lean": rise_rows,
    "loss of competence": loss_rows,
}
