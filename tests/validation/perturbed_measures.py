"""What the three claims over perturbations do where the truth is known, beside what the naive maximum does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtrit

from biasaudit.stats import clustered
from biasaudit.stats.perturbed import Pair, Perturbed, largest_t, losses_p, survival, worst_of
from biasaudit.types import ClusterDesign, Robustness
from tests.validation.row import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.stats.clusters import Clustered

NAME: Final = "perturbations"
"""Of the place of the table on the page."""

REPETITIONS: Final = 2_000
DESIGN: Final = ClusterDesign.DESIGNED
ALPHA: Final = 0.05
AT_MOST: Final = (0.0, 0.06)
SIZES: Final = ((5, 12), (5, 25), (20, 12), (20, 25), (60, 12), (60, 25))
"""Perturbations and clusters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How cluster means under perturbations are drawn: standard deviation 1 each, `correlation` with each other."""

    n_perturbations: int
    n_clusters: int
    correlation: float
    skewed: bool = False

    def __str__(self) -> str:
        """Return the setting in words."""
        shape = ", skewed" if self.skewed else ""
        return (
            f"{self.n_perturbations} perturbations, {self.n_clusters} clusters, correlation {self.correlation:g}{shape}"
        )

    def seed(self, what: str) -> list[int]:
        """Return where this setting's draws begin."""
        return [len(what), self.n_perturbations, self.n_clusters, round(100 * self.correlation), int(self.skewed)]

    def values(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return one draw of the probe as it is and of each perturbation, shape (clusters, 1 + perturbations)."""
        shared = self._drawn(rng, 1)
        own = self._drawn(rng, 1 + self.n_perturbations)
        return np.asarray(np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * own)

    def _drawn(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        found = rng.standard_normal((self.n_clusters, n))
        if self.skewed:  # log-normal, centred, of standard deviation 1
            found = (np.exp(found) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
        return found


def false_alarm_rows(share: float) -> Iterator[Row]:
    """How often a perturbation is said to break a reduction where none changes anything."""
    repetitions = round(share * REPETITIONS)
    for n_perturbations, n_clusters in SIZES:
        for correlation, skewed in ((0.0, False), (0.8, False), (0.8, True)):
            draw = Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=correlation, skewed=skewed)
            rng = np.random.default_rng(draw.seed("false alarms"))
            hits, naive = 0, 0
            for _ in range(repetitions):
                losses = _losses(draw.values(rng))
                hits += bool((losses_p(_samples(losses), DESIGN, rng=rng) <= ALPHA).any())
                naive += _any_by_itself(losses)
            yield Row(
                question="some perturbation loses something, where none does",
                setting=str(draw),
                wanted=AT_MOST,
                found=hits / repetitions,
                repetitions=repetitions,
                before=naive / repetitions,
            )
    yield from _crossed_rows(repetitions)


def _crossed_rows(repetitions: int) -> Iterator[Row]:
    """The same of crossed clusters, whose items move with both."""
    for n_perturbations in (5, 20):
        rng = np.random.default_rng([41, n_perturbations])
        hits, by_rows = 0, 0
        index, also = np.repeat(np.arange(12), 10), np.tile(np.arange(10), 12)
        for _ in range(repetitions):
            values = (
                0.5 * rng.standard_normal((12, 1 + n_perturbations))[index]
                + rng.standard_normal((10, 1 + n_perturbations))[also]
                + rng.standard_normal((120, 1 + n_perturbations))
            )
            losses = _losses(values)
            crossed = [clustered(one, index, also) for one in losses.T]
            hits += bool((losses_p(crossed, DESIGN, rng=rng) <= ALPHA).any())
            rows = [clustered(one, index) for one in losses.T]
            by_rows += bool((losses_p(rows, DESIGN, rng=rng) <= ALPHA).any())
        yield Row(
            question="some perturbation loses something, where none does; before: the second factor not looked at",
            setting=f"{n_perturbations} perturbations, 12 templates crossed with 10 words",
            wanted=AT_MOST,
            found=hits / repetitions,
            repetitions=repetitions,
            before=by_rows / repetitions,
        )


def worst_rows(share: float) -> Iterator[Row]:
    """How often the worst of perturbations that change nothing is told from 0."""
    repetitions = round(share * REPETITIONS)
    for n_perturbations, n_clusters in SIZES:
        for correlation in (0.0, 0.8):
            draw = Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=correlation)
            rng = np.random.default_rng(draw.seed("worst"))
            split, bound, naive = 0, 0, 0
            for _ in range(repetitions):
                samples = _samples(draw.values(rng)[:, 1:])
                found = worst_of(samples, DESIGN, rng=rng, level=1 - ALPHA, unit="nats").estimate
                split += found.ci_low is not None and found.ci_low > 0
                t = np.array([one.means.mean() / (one.means.std(ddof=1) / n_clusters**0.5) for one in samples])
                bound += bool(t.max() > largest_t(samples, DESIGN, rng=rng, alpha=ALPHA))
                naive += bool(t.max() > stdtrit(n_clusters - 1, 1 - ALPHA))
            for question, hits in (
                ("the worst is told from 0, where all are: split halves", split),
                ("the worst is told from 0, where all are: simultaneous bound", bound),
            ):
                yield Row(
                    question=question,
                    setting=str(draw),
                    wanted=AT_MOST,
                    found=hits / repetitions,
                    repetitions=repetitions,
                    before=naive / repetitions,
                )


def survives_rows(share: float) -> Iterator[Row]:
    """How often a reduction is said to survive that one perturbation takes away."""
    repetitions = round(share * REPETITIONS / 4)
    for n_perturbations, n_clusters in SIZES:
        draw = Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=0.8)
        rng = np.random.default_rng(draw.seed("survives"))
        claims = sum(_verdict(draw, rng, gone=1) is Robustness.SURVIVES for _ in range(repetitions))
        yield Row(
            question="a reduction survives, where it is gone under one perturbation",
            setting=str(draw),
            wanted=AT_MOST,
            found=claims / repetitions,
            repetitions=repetitions,
        )


def power_rows(share: float) -> Iterator[Row]:
    """How often the one perturbation that loses a standard deviation of the clusters is named."""
    repetitions = round(share * REPETITIONS / 2)
    for n_perturbations, n_clusters in ((60, 12), (20, 12), (60, 25)):
        for correlation in (0.0, 0.5, 0.8, 0.9):
            draw = Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=correlation)
            rng = np.random.default_rng(draw.seed("power"))
            hits, bonferroni = 0, 0
            for _ in range(repetitions):
                losses = _losses(draw.values(rng))
                losses[:, 0] += 1.0
                hits += bool(losses_p(_samples(losses), DESIGN, rng=rng)[0] <= ALPHA)
                t = losses[:, 0].mean() / (losses[:, 0].std(ddof=1) / n_clusters**0.5)
                bonferroni += bool(t > stdtrit(n_clusters - 1, 1 - ALPHA / n_perturbations))
            enough = correlation >= (0.5 if n_clusters == 25 else 0.8)
            yield Row(
                question="the one that loses one standard deviation of the clusters is found; before: Bonferroni",
                setting=str(draw),
                wanted=(0.85, 1.0) if enough else (0.0, 1.0),
                found=hits / repetitions,
                repetitions=repetitions,
                before=bonferroni / repetitions,
            )


def _verdict(draw: Draw, rng: np.random.Generator, *, gone: int) -> Robustness:
    """Return the verdict of a cell whose reduction of 0.3 is 0 under the first `gone` perturbations."""
    reductions = 0.3 + 0.1 * draw.values(rng)
    reductions[:, 1 : 1 + gone] -= 0.3
    base = 0.5 + 0.02 * rng.standard_normal((draw.n_clusters, 1))
    pairs = [Pair(*_samples(np.stack([base[:, 0], base[:, 0] - one], axis=1))) for one in reductions.T]
    perturbed = [Perturbed(name=str(at), pair=pair, readable=True) for at, pair in enumerate(pairs[1:])]
    return survival(pairs[0], perturbed, DESIGN, reduced=True, rng=rng).verdict


def _losses(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[:, :1] - values[:, 1:]


def _samples(values: NDArray[np.float64]) -> list[Clustered]:
    clusters = np.arange(len(values))
    return [clustered(one, clusters) for one in values.T]


def _any_by_itself(losses: NDArray[np.float64]) -> bool:
    t = losses.mean(axis=0) / (losses.std(axis=0, ddof=1) / len(losses) ** 0.5)
    return bool((t > stdtrit(len(losses) - 1, 1 - ALPHA)).any())


SUITES: Final[dict[str, Callable[[float], Iterator[Row]]]] = {
    "perturbations, false alarms": false_alarm_rows,
    "perturbations, worst": worst_rows,
    "perturbations, survives": survives_rows,
    "perturbations, power": power_rows,
}
