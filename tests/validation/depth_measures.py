"""What the depth profile does where it is known what every part contributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats import clustered
from biasaudit.stats.depth import DepthProfile, DepthRule, depth_profile
from biasaudit.types import ClusterDesign
from biasaudit.types.depth import DepthVerdict
from tests.validation.row import Row, covered

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME: Final = "depth"
"""Of the place of the table on the page."""

REPETITIONS: Final = 1_000
N_PARTS: Final = 8
N_LOWER: Final = 6
_COVERS: Final = (0.90, 0.98)
_NOISE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Templates by words; what an item's effects share with its template and with its word, beside noise of its own."""

    n_templates: int
    n_words: int
    of_template: float = 1.0
    of_word: float = 0.0

    def __str__(self) -> str:
        """Return the setting in words."""
        crossed = " crossed with" if self.of_word else ","
        return f"{N_PARTS} parts, {self.n_templates} templates{crossed} {self.n_words} words"

    def drawn(self, means: tuple[float, ...], rng: np.random.Generator) -> DepthProfile:
        """Return the profile of one draw in which part k contributes means[k] on average, in either order."""
        rows, columns = (
            np.repeat(np.arange(self.n_templates), self.n_words),
            np.tile(np.arange(self.n_words), self.n_templates),
        )

        def effects() -> NDArray[np.float64]:
            shared = self.of_template * rng.standard_normal((N_PARTS, self.n_templates))[:, rows]
            shared = shared + self.of_word * rng.standard_normal((N_PARTS, self.n_words))[:, columns]
            return np.asarray(_NOISE * (shared + rng.standard_normal((N_PARTS, len(rows)))))

        falls = np.array(means)[:, None] + effects()
        apart = effects()
        rises = falls + apart - apart.mean(axis=0)
        base = 0.6 + _NOISE * rng.standard_normal(len(rows))
        below = base - np.vstack([np.zeros(len(rows)), np.cumsum(falls, axis=0)])
        above = below[-1] + np.vstack([np.zeros(len(rows)), np.cumsum(rises, axis=0)])
        above[-1] = below[0]
        return depth_profile(
            below,
            above,
            clustered(base, rows, columns if self.of_word else None),
            ClusterDesign.DESIGNED,
            DepthRule(cut=N_LOWER),
            rng=rng,
        )


ONE_WAY: Final = (
    Setting(n_templates=12, n_words=6),
    Setting(n_templates=6, n_words=6),
    Setting(n_templates=25, n_words=4),
)
CROSSED: Final = (
    Setting(n_templates=12, n_words=12, of_word=1.0),
    Setting(n_templates=12, n_words=6, of_word=0.5),
)
SPREAD: Final = (0.02, 0.05, 0.1, 0.05, 0.03, 0.05, 0.05, 0.05)


def phi_rows(share: float) -> Iterator[Row]:
    """Whether intervals hold what the parts contribute, and the halves' shares."""
    for number, setting in enumerate((*ONE_WAY, *CROSSED)):
        rng = np.random.default_rng([61, number])
        found = [setting.drawn(SPREAD, rng) for _ in range(round(share * REPETITIONS))]
        yield covered(
            "95 % interval of what a part contributes holds it",
            str(setting),
            [truth for _ in found for truth in SPREAD],
            [part.phi for one in found for part in one.parts],
            wanted=_COVERS,
        )
        truth = sum(SPREAD[:N_LOWER]) / sum(SPREAD)
        yield covered(
            "95 % interval of the share of the lower parts holds it",
            str(setting),
            truth,
            [one.lower_share for one in found],
            wanted=_COVERS,
        )


def discovery_rows(share: float) -> Iterator[Row]:
    """How often some part is said to contribute where none does."""
    for number, setting in enumerate((*ONE_WAY, *CROSSED)):
        rng = np.random.default_rng([62, number])
        hits, naive = 0, 0
        n = round(share * REPETITIONS)
        for _ in range(n):
            found = setting.drawn((0.0,) * N_PARTS, rng)
            hits += any(part.p_adjusted is not None and part.p_adjusted <= 0.05 for part in found.parts)
            naive += any(
                part.phi.ci_low is not None
                and part.phi.ci_high is not None
                and not part.phi.ci_low <= 0 <= part.phi.ci_high
                for part in found.parts
            )
        yield Row(
            question="some part is said to contribute, where none does",
            setting=str(setting),
            wanted=(0.0, 0.05),
            found=hits / n,
            repetitions=n,
            before=naive / n,
        )


def verdict_rows(share: float) -> Iterator[Row]:
    """How often a place is named that is not so: at the bound of what may be named."""
    cases: tuple[tuple[str, tuple[float, ...], DepthVerdict], ...] = (
        ("a quarter of it lies above", (*([0.3 / N_LOWER] * N_LOWER), 0.05, 0.05), DepthVerdict.UPSTREAM),
        ("a quarter of it lies below", (*([0.1 / N_LOWER] * N_LOWER), 0.15, 0.15), DepthVerdict.MASKED),
        ("the orders agree", (*([0.2 / N_LOWER] * N_LOWER), 0.1, 0.1), DepthVerdict.REDUNDANT),
        ("three quarters of it lie below", (*([0.3 / N_LOWER] * N_LOWER), 0.05, 0.05), DepthVerdict.DISTRIBUTED),
    )
    for number, (said, means, wrong) in enumerate(cases):
        for setting in (ONE_WAY[0], CROSSED[1]):
            rng = np.random.default_rng([63, number])
            n = round(share * REPETITIONS)
            hits = sum(setting.drawn(means, rng).verdict is wrong for _ in range(n))
            yield Row(
                question=f"said: {wrong}, where {said}",
                setting=str(setting),
                wanted=(0.0, 0.05),
                found=hits / n,
                repetitions=n,
            )


SUITES: Final[dict[str, Callable[[float], Iterator[Row]]]] = {
    "depth, parts": phi_rows,
    "depth, discoveries": discovery_rows,
    "depth, verdicts": verdict_rows,
}
