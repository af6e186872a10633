"""What the three claims over perturbations do where the truth is known, beside what the naive maximum does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtrit

from biasaudit.stats import clustered
from biasaudit.stats.perturbed import Pair, is_held, losses_p, upper_bounds, worst_of
from biasaudit.stats.significance import sign_flip
from biasaudit.types import ClusterDesign
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
ANY: Final = (0.0, 1.0)
"""Of what is told and not promised."""

SIZES: Final = ((5, 12), (5, 25), (20, 12), (20, 25), (60, 12), (60, 25))
"""Perturbations and clusters."""

SHAPES: Final = ((0.0, False), (0.8, False), (0.8, True))
"""Correlation of the perturbations with each other, and whether cluster values are skewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How cluster values under perturbations are drawn: standard deviation 1 each, `correlation` with each other.

    The skewed are centred gamma values of shape 4, of skewness 1.
    """

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

    def rng(self, what: int) -> np.random.Generator:
        """Return where the draws of this setting begin for one question."""
        place = [what, self.n_perturbations, self.n_clusters, round(100 * self.correlation), int(self.skewed)]
        return np.random.default_rng(place)

    def values(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return one draw of the probe as it is and of each perturbation, shape (clusters, 1 + perturbations)."""
        shared = self._drawn(rng, 1)
        own = self._drawn(rng, 1 + self.n_perturbations)
        return np.asarray(np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * own)

    def _drawn(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        if self.skewed:
            return (rng.standard_gamma(4.0, (self.n_clusters, n)) - 4) / 2
        return rng.standard_normal((self.n_clusters, n))


def draws(*, sizes: tuple[tuple[int, int], ...] = SIZES) -> Iterator[Draw]:
    """Yield every setting."""
    for n_perturbations, n_clusters in sizes:
        for correlation, skewed in SHAPES:
            yield Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=correlation, skewed=skewed)


def false_alarm_rows(share: float) -> Iterator[Row]:
    """How often a perturbation is said to lose something where none changes anything."""
    repetitions = round(share * REPETITIONS)
    for draw in draws():
        rng = draw.rng(51)
        hits, naive = 0, 0
        for _ in range(repetitions):
            losses = _losses(draw.values(rng))
            hits += bool((losses_p(_samples(losses), DESIGN, rng=rng) <= ALPHA).any())
            naive += bool((_t(losses) > stdtrit(draw.n_clusters - 1, 1 - ALPHA)).any())
        yield Row(
            question="some perturbation loses something, where none does",
            setting=str(draw),
            wanted=AT_MOST,
            found=hits / repetitions,
            repetitions=repetitions,
            before=naive / repetitions,
        )


def crossed_rows(share: float) -> Iterator[Row]:
    """The same, and the worst, of crossed clusters, whose items move with both."""
    repetitions = round(share * REPETITIONS)
    index, also = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    n_perturbations = 20
    rng = np.random.default_rng([52, n_perturbations])
    hits, by_rows, misses, bound, naive = 0, 0, 0, 0, 0
    for _ in range(repetitions):
        values = _crossed(rng, index, also, 1 + n_perturbations)
        losses = _losses(values)
        both, one_way = ([clustered(one, index, second) for one in losses.T] for second in (also, None))
        hits += bool((losses_p(both, DESIGN, rng=rng) <= ALPHA).any())
        by_rows += bool((losses_p(one_way, DESIGN, rng=rng) <= ALPHA).any())
        both, one_way = ([clustered(one, index, second) for one in values[:, 1:].T] for second in (also, None))
        found = worst_of(both, DESIGN, rng=rng, level=1 - ALPHA, unit="nats").estimate
        misses += not _holds(found.ci_low, 0.0, found.ci_high)
        bound += bool(upper_bounds(both, DESIGN, rng=rng, alpha=ALPHA, unit="nats").min() < 0)
        naive += bool((_t(np.stack([one.means for one in one_way], axis=1)) > stdtrit(11, 1 - ALPHA)).any())
    for question, count, before in (
        ("some perturbation loses something, where none does", hits, by_rows),
        ("the interval of the worst leaves it out", misses, naive),
        ("some simultaneous bound leaves its mean out", bound, naive),
    ):
        yield Row(
            question=question,
            setting=f"{n_perturbations} perturbations, 12 templates crossed with 12 words; before: templates alone",
            wanted=AT_MOST,
            found=count / repetitions,
            repetitions=repetitions,
            before=before / repetitions,
        )


def _crossed(rng: np.random.Generator, index: NDArray[np.intp], also: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    rows, columns = rng.standard_normal((2, 12, n))
    return np.asarray(0.5 * rows[index] + columns[also] + rng.standard_normal((len(index), n)))


def worst_rows(share: float) -> Iterator[Row]:
    """How often the worst is told from what it is: all alike, or one worse than the others."""
    repetitions = round(share * REPETITIONS)
    for draw in draws():
        yield from _worst(draw, repetitions, gap=0.0)
    for draw in draws(sizes=((60, 12), (60, 25))):
        if not draw.skewed:
            yield from _worst(draw, repetitions // 2, gap=1.0)


def _worst(draw: Draw, repetitions: int, *, gap: float) -> Iterator[Row]:
    rng = draw.rng(53)
    one_sided, two_sided = (stdtrit(draw.n_clusters - 1, 1 - alpha) for alpha in (ALPHA, ALPHA / 2))
    means = np.zeros(draw.n_perturbations)
    means[0] = gap
    misses, naive, bound, any_bound, naive_bound = 0, 0, 0, 0, 0
    for _ in range(repetitions):
        values = draw.values(rng)[:, 1:]
        samples = _samples(values + means)
        found = worst_of(samples, DESIGN, rng=rng, level=1 - ALPHA, unit="nats").estimate
        misses += not _holds(found.ci_low, gap, found.ci_high)
        bounds = upper_bounds(samples, DESIGN, rng=rng, alpha=ALPHA, unit="nats")
        bound += bool(bounds.max() < gap)
        any_bound += bool((bounds < means).any())
        naive_bound += bool((_t(values) < -one_sided).any())
        place = (values + means).mean(axis=0).argmax()
        error = values[:, place].std(ddof=1) / draw.n_clusters**0.5
        naive += bool(abs((values + means)[:, place].mean() - gap) > two_sided * error)
    what = "all are alike" if gap == 0 else "one is worse by 1"
    promised = ANY if draw.skewed else AT_MOST
    all_bounds = "some simultaneous bound leaves its mean out" + (" (skewed: not promised)" if draw.skewed else "")
    rows = [(f"the interval of the worst leaves it out, where {what}", misses, naive, AT_MOST)]
    if gap == 0:
        rows.append((all_bounds, any_bound, naive_bound, promised))
    else:
        rows.append((f"the bound of the worst leaves it out, where {what}", bound, naive_bound, AT_MOST))
    for question, count, before, wanted in rows:
        yield Row(
            question=question,
            setting=str(draw),
            wanted=wanted,
            found=count / repetitions,
            repetitions=repetitions,
            before=before / repetitions,
        )


def survives_rows(share: float) -> Iterator[Row]:
    """How often a reduction is shown under every perturbation, where it is gone under one; 2 sd under the others."""
    repetitions = round(share * REPETITIONS)
    for draw in draws():
        rng = draw.rng(54)
        claims = 0
        for _ in range(repetitions):
            reductions = 0.1 * draw.values(rng)[:, 1:]
            reductions[:, 1:] += 0.2
            base = 0.5 + 0.02 * rng.standard_normal(draw.n_clusters)
            claims += all(
                is_held(Pair(*_samples(np.stack([base, base - one], axis=1))), 1.0, DESIGN, alpha=ALPHA)[0]
                for one in reductions.T
            )
        yield Row(
            question="a reduction survives, where it is gone under one perturbation",
            setting=str(draw),
            wanted=AT_MOST,
            found=claims / repetitions,
            repetitions=repetitions,
        )


def broken_rows(share: float) -> Iterator[Row]:
    """How often a reduction that is seen in some draws alone is called broken, where nothing changes it."""
    repetitions = round(share * REPETITIONS)
    for size in (0.0, 0.3, 0.6):
        draw = Draw(n_perturbations=20, n_clusters=12, correlation=0.5)
        rng = draw.rng(55)
        seen, broken, naive = 0, 0, 0
        for _ in range(repetitions):
            values = size + draw.values(rng)
            side = float(np.sign(values[:, 0].mean()))
            if sign_flip(_samples(values[:, :1])[0], DESIGN, rng=rng).p_value > ALPHA:
                continue
            seen += 1
            one_sided = stdtrit(11, 1 - ALPHA)
            gone = _t(side * values[:, 1:]) <= one_sided
            losses = side * _losses(values)
            broken += bool((gone & (losses_p(_samples(losses), DESIGN, rng=rng) <= ALPHA)).any())
            naive += bool((gone & (_t(losses) > one_sided)).any())
        for question, of in (
            ("a cell is called broken, where nothing changes its reduction", repetitions),
            ("the same, of those cells alone that are called reduced", max(seen, 1)),
        ):
            yield Row(
                question=question,
                setting=f"{draw}, D of {size:g} sd",
                wanted=AT_MOST if of == repetitions else ANY,
                found=broken / of,
                repetitions=of,
                before=naive / of,
            )


def lopsided_rows(share: float) -> Iterator[Row]:
    """Name what is not promised: a mean loss of 0 that is itself skewed, few clusters far below and most above 0."""
    repetitions = round(share * REPETITIONS / 2)
    for n_perturbations, n_clusters in ((5, 12), (60, 12), (60, 25)):
        draw = Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=0.0, skewed=True)
        rng = draw.rng(56)
        hits = sum(
            bool((losses_p(_samples(-draw.values(rng)[:, 1:]), DESIGN, rng=rng) <= ALPHA).any())
            for _ in range(repetitions)
        )
        yield Row(
            question="some perturbation loses something, where losses are skewed around 0 (not promised)",
            setting=str(draw),
            wanted=ANY,
            found=hits / repetitions,
            repetitions=repetitions,
        )


def power_rows(share: float) -> Iterator[Row]:
    """How often the one perturbation that loses a standard deviation of D over clusters is named."""
    repetitions = round(share * REPETITIONS / 4)
    for n_perturbations, n_clusters in ((60, 12), (20, 12), (60, 25)):
        for correlation in (0.0, 0.5, 0.8, 0.9):
            draw = Draw(n_perturbations=n_perturbations, n_clusters=n_clusters, correlation=correlation)
            rng = draw.rng(57)
            hits, bonferroni, alone = 0, 0, 0
            for _ in range(repetitions):
                losses = _losses(draw.values(rng))
                losses[:, 0] += 1.0
                hits += bool(losses_p(_samples(losses), DESIGN, rng=rng)[0] <= ALPHA)
                t = _t(losses[:, :1])[0]
                bonferroni += bool(t > stdtrit(n_clusters - 1, 1 - ALPHA / n_perturbations))
                alone += bool(t > stdtrit(n_clusters - 1, 1 - ALPHA))
            enough = correlation >= (0.5 if n_clusters == 25 else 0.8)
            for question, count, before, wanted in (
                ("the one that loses 1 sd is found; before: Bonferroni", hits, bonferroni, enough),
                ("the one that loses 1 sd is found by a t test that knows which", alone, None, False),
            ):
                yield Row(
                    question=question,
                    setting=str(draw),
                    wanted=(0.85, 1.0) if wanted else ANY,
                    found=count / repetitions,
                    repetitions=repetitions,
                    before=None if before is None else before / repetitions,
                )


def _losses(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[:, :1] - values[:, 1:]


def _samples(values: NDArray[np.float64]) -> list[Clustered]:
    clusters = np.arange(len(values))
    first = clustered(values[:, 0], clusters)
    return [first.with_values(one) for one in values.T]


def _t(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.mean(axis=0) / (values.std(axis=0, ddof=1) / len(values) ** 0.5))


def _holds(low: float | None, truth: float, high: float | None) -> bool:
    return low is not None and high is not None and low <= truth <= high


SUITES: Final[dict[str, Callable[[float], Iterator[Row]]]] = {
    "perturbations, false alarms": false_alarm_rows,
    "perturbations, crossed": crossed_rows,
    "perturbations, worst": worst_rows,
    "perturbations, survives": survives_rows,
    "perturbations, broken": broken_rows,
    "perturbations, lopsided": lopsided_rows,
    "perturbations, power": power_rows,
}
