"""The whole rule where the truth is known: what it claims of sizes, sides and moves, cell by cell and in families."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biasaudit import stats
from biasaudit.types import ClusterDesign, Estimate, Status, Verdict
from tests.validation.row import Row, counted

DESIGNED: Final = ClusterDesign.DESIGNED
NOTHING: Final = Estimate(status=Status.NOT_MEASURED)
CLUSTERS: Final = 20
DRAWS: Final = 2_000
FAMILIES: Final = 500

SIZES: Final = frozenset({Verdict.REDUCED, Verdict.INCREASED})
CLAIMS: Final = SIZES | {Verdict.REVERSED, Verdict.SHIFTED_WITH, Verdict.SHIFTED_AGAINST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its two arms, the tests of them, and the estimates that the rule looks at."""

    change: stats.Change
    first: Estimate
    second: Estimate


def cell(arms: NDArray[np.float64], rng: np.random.Generator) -> Cell:
    """Compare two arms of cluster means, shape (n_clusters, 2); a share that is gone is not asked for."""
    first = stats.clustered(arms[:, 0], range(len(arms)))
    second = first.with_values(arms[:, 1])
    difference, total = first.with_values(arms[:, 0] - arms[:, 1]), first.with_values(arms[:, 0] + arms[:, 1])
    tests = stats.change_tests(first, second, DESIGNED, rng=rng)
    change = stats.Change(
        reduction=stats.mean_estimate(difference, DESIGNED, unit="index difference"),
        reduction_90=stats.mean_estimate(difference, DESIGNED, level=0.90, unit="index difference"),
        total=stats.mean_estimate(total, DESIGNED, unit="index sum"),
        test=tests[0],
        total_test=tests[1],
        first_test=tests[2],
        second_test=tests[3],
        equivalence=None,
        relative=NOTHING,
        smallest_detectable_change=None,
    )
    return Cell(change=change, first=stats.mean_estimate(first, DESIGNED), second=stats.mean_estimate(second, DESIGNED))


def verdicts(family: Sequence[Cell]) -> list[Verdict]:
    """Rule over a family, everything scored and no competence asked for."""
    adjusted = stats.adjusted_by_holm([p for one in family if (p := one.change.p_values) is not None])
    return [
        stats.rule(
            stats.Evidence(
                change=one.change,
                adjusted=p_values,
                first=one.first,
                second=one.second,
                first_competence=NOTHING,
                second_competence=NOTHING,
                first_coverage=1.0,
                second_coverage=1.0,
            )
        ).verdict
        for one, p_values in zip(family, adjusted, strict=True)
    ]


def verdicts_before(family: Sequence[Cell]) -> list[Verdict]:
    """Rule as it was: D by Holm, its sign oriented by the card."""
    p_values = stats.holm([one.change.test.p_value for one in family if one.change.test is not None])
    return [_verdict_before(one, p) for one, p in zip(family, p_values, strict=True)]


def _verdict_before(one: Cell, p_value: float) -> Verdict:
    low_90, high_90 = bounds(one.change.reduction_90)
    low, high = bounds(one.change.reduction)
    if low_90 > -0.05 and high_90 < 0.05:
        return Verdict.UNCHANGED
    if p_value <= 0.05 and low > 0:
        turned = bounds(one.first)[0] > 0 > bounds(one.second)[1]
        return Verdict.REVERSED if turned else Verdict.REDUCED
    return Verdict.INCREASED if p_value <= 0.05 and high < 0 else Verdict.INCONCLUSIVE


def bounds(estimate: Estimate) -> tuple[float, float]:
    """Return both ends of an estimate that has them."""
    assert estimate.ci_low is not None
    assert estimate.ci_high is not None
    return estimate.ci_low, estimate.ci_high


def arms(leans: tuple[float, float], rng: np.random.Generator, *, n_clusters: int = CLUSTERS) -> NDArray[np.float64]:
    """Draw cluster means of two arms around their leans: SD 0.2, correlation 0.75."""
    noise = rng.multivariate_normal([0, 0], [[0.04, 0.03], [0.03, 0.04]], size=n_clusters)
    return np.asarray(np.clip(noise + np.array(leans), -1, 1))


def is_false(verdict: Verdict, leans: tuple[float, float]) -> bool:
    """Whether a verdict claims what is not so."""
    before, after = leans
    smaller, moved = abs(before) - abs(after), before - after
    return {
        Verdict.REDUCED: smaller <= 0,
        Verdict.INCREASED: smaller >= 0,
        Verdict.REVERSED: before * after >= 0,
        Verdict.SHIFTED_AGAINST: moved <= 0,
        Verdict.SHIFTED_WITH: moved >= 0,
        Verdict.UNCHANGED: abs(moved) >= 0.05,
    }.get(verdict, False)


POINTS: Final = (
    (0.0, 0.0), (0.3, 0.3), (-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3), (-0.3, -0.05), (0.3, 0.05), (-0.1, -0.4),
    (0.1, 0.4), (0.15, 0.0), (-0.15, 0.0),
)  # fmt: skip


def claim_rows(share: float) -> Iterator[Row]:
    """How often one cell's verdict claims what is not so, on both sides of parity."""
    for leans in POINTS:
        rng = np.random.default_rng([7, round(1000 * leans[0]) + 1000, round(1000 * leans[1]) + 1000])
        drawn = [[cell(arms(leans, rng), rng)] for _ in range(round(share * DRAWS))]
        yield counted(
            "the verdict claims what is not so",
            f"{leans[0]:+.2f} to {leans[1]:+.2f}".replace("+0.00", "0"),
            [is_false(verdicts(family)[0], leans) for family in drawn],
            before=[is_false(verdicts_before(family)[0], leans) for family in drawn],
        )


MIXED: Final = {
    "20 cells of +0.1 to -0.1": [(0.1, -0.1)] * 20,
    "4 stay at 0.3, 4 turn to -0.3": [(0.3, 0.3)] * 4 + [(0.3, -0.3)] * 4,
    "4 stay at -0.3, 4 turn, 4 go from 0.2 to 0": [(-0.3, -0.3)] * 4 + [(-0.3, 0.3)] * 4 + [(0.2, 0.0)] * 4,
    "8 cells of nothing": [(0.0, 0.0)] * 8,
}


def family_rows(share: float) -> Iterator[Row]:
    """How often any cell of a family has a verdict that is not so."""
    for number, (name, family) in enumerate(MIXED.items()):
        rng = np.random.default_rng([8, number])
        now, before = [], []
        for _ in range(round(share * FAMILIES)):
            cells = [cell(arms(leans, rng), rng) for leans in family]
            now.append(_any_false(verdicts(cells), family))
            before.append(_any_false(verdicts_before(cells), family))
        yield counted("any verdict of a family claims what is not so", name, now, before=before)
    for n_tuned in (1, 3):
        yield _contrasts(n_tuned, round(share * FAMILIES))


def _any_false(found: Sequence[Verdict], family: Sequence[tuple[float, float]]) -> bool:
    return any(is_false(verdict, leans) for verdict, leans in zip(found, family, strict=True))


def _contrasts(n_tuned: int, repetitions: int) -> Row:
    """No change at all in 4 cells and three contrasts: the base and every tuned checkpoint, plain and in chat."""
    rng = np.random.default_rng([9, n_tuned])
    now, before = [], []
    for _ in range(repetitions):
        primary: list[Cell] = []
        others = False
        for _ in range(n_tuned):
            by_contrast: list[list[Cell]] = [[], [], []]
            for _ in range(4):
                shared = rng.normal(0, 0.17, (CLUSTERS, 1))
                plain, chat, tuned, tuned_chat = (0.3 + shared + rng.normal(0, 0.1, (CLUSTERS, 4))).T
                for cells, pair in zip(
                    by_contrast, ((plain, tuned_chat), (plain, tuned), (chat, tuned_chat)), strict=True
                ):
                    cells.append(cell(np.stack(pair, axis=1), rng))
            others |= any(_claims(verdicts_before(cells)) for cells in by_contrast)
            primary += by_contrast[0]
        now.append(_claims(verdicts(primary)))
        before.append(others)
    return counted(
        "no change at all, a claim in any cell",
        f"4 cells, 3 contrasts, {n_tuned} tuned",
        now,
        before=before,
    )


def _claims(found: Sequence[Verdict]) -> bool:
    return any(verdict in CLAIMS for verdict in found)


def missing_rows(share: float) -> Iterator[Row]:
    """Nothing changes; 3 of 10 items of either arm are missing, those that lean most in one, least in the other."""
    rng = np.random.default_rng(10)
    now, before = [], []
    for _ in range(round(share * DRAWS / 4)):
        lean = 0.3 + 0.1 * rng.normal(size=(CLUSTERS, 1)) + 0.1 * rng.normal(size=(CLUSTERS, 10))
        values = [np.clip(lean + 0.2 * rng.normal(size=lean.shape), -1, 1) for _ in range(2)]
        least, most = np.quantile(values[0], 0.3), np.quantile(values[1], 0.7)
        seen = [np.where(gone, np.nan, arm).ravel() for gone, arm in zip(
            (values[0] < least, values[1] > most), values, strict=True
        )]  # fmt: skip
        clusters = np.repeat(np.arange(CLUSTERS), 10).astype(object)
        there = ~np.isnan(seen[0] + seen[1])
        first = stats.clustered(seen[0][there], clusters[there])
        other = first.with_values(seen[1][there])
        change = stats.paired_change(first, other, DESIGNED, rng=rng)
        evidence = stats.Evidence(
            change=change,
            adjusted=change.p_values,
            first=stats.mean_estimate(first, DESIGNED),
            second=stats.mean_estimate(other, DESIGNED),
            first_competence=NOTHING,
            second_competence=NOTHING,
            first_coverage=0.7,
            second_coverage=0.7,
            bounds=stats.missing_bounds(seen[0], seen[1], clusters, DESIGNED),
        )
        now.append(stats.rule(evidence).verdict in CLAIMS)
        before.append(_verdict_before(Cell(change=change, first=evidence.first, second=evidence.second), 0.0) in CLAIMS)
    yield counted("no change, 30 % of either arm missing not at random: a claim", "20 clusters", now, before=before)
