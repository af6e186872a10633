"""What the statistics do where the truth is known: each function returns rows of the validation table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from biasaudit import stats
from biasaudit.types import ClusterDesign, Estimate, Status, Verdict
from tests.validation.claims import CLAIMS, claim_rows, family_rows, missing_rows
from tests.validation.intervals import crossed_rows, end_rows, saturated_rows, unequal_rows, wording_rows
from tests.validation.row import Row, covered
from tests.validation.shares import headline_rows
from tests.validation.simulate import Draw, Form, World, draw, mean_for

CLUSTERS: Final = (20, 50, 200)
REPETITIONS: Final = 1_000
"""Published; a share of them is repeated in the tests."""

CHEAP_REPETITIONS: Final = 4_000
"""The same, where a repetition takes a millisecond."""

TESTED_REPETITIONS: Final = 400
"""The same, where each repetition runs permutation tests."""

NO_EVIDENCE: Final = Estimate(status=Status.NOT_MEASURED)


def change_of(sample: Draw, rng: np.random.Generator, design: ClusterDesign = ClusterDesign.DESIGNED) -> stats.Change:
    """Compare the arms of one draw."""
    return stats.paired_change(sample.first, sample.second, design, rng=rng)


def verdict_of(sample: Draw, change: stats.Change, p_adjusted: stats.ClaimPValues | None) -> Verdict:
    """Rule over one draw, everything scored and no competence asked for."""
    return stats.rule(
        stats.Evidence(
            change=change,
            adjusted=p_adjusted,
            first=stats.mean_estimate(sample.first, ClusterDesign.DESIGNED),
            second=stats.mean_estimate(sample.second, ClusterDesign.DESIGNED),
            first_competence=NO_EVIDENCE,
            second_competence=NO_EVIDENCE,
            first_coverage=1.0,
            second_coverage=1.0,
        )
    ).verdict


def coverage_rows(share: float) -> Iterator[Row]:
    """How often 95 % intervals hold the truth."""
    forms: tuple[Form, ...] = ("graded", "sign")
    for form in forms:
        for n_clusters in CLUSTERS:
            # From 0.3 to 0.2: a third of the lean is gone.
            world = World(n_clusters=n_clusters, first=mean_for(0.3, form), second=mean_for(0.2, form), form=form)
            yield from _coverage_of(world, round(share * REPETITIONS))


def _coverage_of(world: World, repetitions: int) -> Iterator[Row]:
    rng = np.random.default_rng([1, world.n_clusters])
    samples = [draw(world, rng) for _ in range(repetitions)]
    reduction = world.first_index - world.second_index
    setting = f"{world.n_clusters} clusters, {world.form}"
    designed, nuisance = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE

    def difference(sample: Draw) -> stats.Clustered:
        return sample.first.with_values(sample.first.values - sample.second.values)

    quantities: tuple[tuple[str, float, Callable[[Draw], Estimate]], ...] = (
        ("index B", world.first_index, lambda sample: stats.mean_estimate(sample.first, designed)),
        ("index B, item mean", world.first_index, lambda sample: stats.mean_estimate(sample.first, nuisance)),
        ("reduction D", reduction, lambda sample: stats.mean_estimate(difference(sample), designed, unit="D")),
        (
            "reduction D, item mean",
            reduction,
            lambda sample: stats.mean_estimate(difference(sample), nuisance, unit="D"),
        ),
        (
            "relative reduction",
            reduction / world.first_index,
            lambda sample: stats.relative_reduction(difference(sample), sample.first, rng=rng),
        ),
    )
    for name, truth, estimate in quantities:
        yield covered(f"95 % interval of {name} holds the truth", setting, truth, [estimate(one) for one in samples])


def null_rows(share: float) -> Iterator[Row]:
    """How often a model without bias, and a tuning without effect, are called something."""
    repetitions = round(share * TESTED_REPETITIONS)
    for n_clusters in CLUSTERS:
        rng = np.random.default_rng([3, n_clusters])
        level = mean_for(0.3, "graded")
        bias = changed = any_changed = 0
        for _ in range(repetitions):
            neutral = stats.mean_estimate(
                draw(World(n_clusters=n_clusters, first=0, second=0), rng).first, ClusterDesign.DESIGNED
            )
            bias += not _holds(neutral, 0.0)
            family = [draw(World(n_clusters=n_clusters, first=level, second=level), rng) for _ in range(4)]
            changes = [change_of(sample, rng) for sample in family]
            p_values = stats.adjusted_by_holm([found for change in changes if (found := change.p_values) is not None])
            verdicts = [
                verdict_of(sample, change, p) for sample, change, p in zip(family, changes, p_values, strict=True)
            ]
            called = [verdict in CLAIMS for verdict in verdicts]
            any_changed += any(called)
            changed += verdict_of(family[0], changes[0], changes[0].p_values) in CLAIMS
        setting = f"{n_clusters} clusters"
        yield Row(
            question="no bias, called bias",
            setting=setting,
            wanted=(0, 0.05),
            found=bias / repetitions,
            repetitions=repetitions,
        )
        yield Row(
            question="no change, called reduced or increased",
            setting=f"{setting}, one cell",
            wanted=(0, 0.05),
            found=changed / repetitions,
            repetitions=repetitions,
        )
        yield Row(
            question="no change, any of 4 cells called reduced or increased",
            setting=f"{setting}, Holm",
            wanted=(0, 0.05),
            found=any_changed / repetitions,
            repetitions=repetitions,
        )


def equivalence_rows(share: float) -> Iterator[Row]:
    """How often a change as large as the margin is called ``unchanged``."""
    first = mean_for(0.3, "graded")
    second = mean_for(0.25, "graded")
    repetitions = round(share * CHEAP_REPETITIONS)
    for n_clusters in CLUSTERS:
        rng = np.random.default_rng([4, n_clusters])
        world = World(n_clusters=n_clusters, first=first, second=second, correlation=0.9)
        called = 0
        for _ in range(repetitions):
            sample = draw(world, rng)
            test = stats.equivalence(
                sample.first.with_values(sample.first.values - sample.second.values),
                ClusterDesign.DESIGNED,
                margin=0.05,
            )
            called += test.p_value <= 0.05
        yield Row(
            question="change as large as the margin, called unchanged",
            setting=f"{n_clusters} clusters",
            wanted=(0, 0.05),
            found=called / repetitions,
            repetitions=repetitions,
        )


def power_rows(share: float) -> Iterator[Row]:
    """How often a change as large as the printed smallest detectable one is found."""
    first = mean_for(0.3, "graded")
    repetitions = round(share * TESTED_REPETITIONS)
    for n_clusters in CLUSTERS:
        rng = np.random.default_rng([5, n_clusters])
        smallest = _typical_smallest(n_clusters, rng)
        world = World(n_clusters=n_clusters, first=first, second=mean_for(0.3 - smallest, "graded"))
        found = 0
        for _ in range(repetitions):
            test = change_of(draw(world, rng), rng).test
            found += test is not None and test.p_value <= 0.05
        yield Row(
            question="the smallest detectable change is found",
            setting=f"{n_clusters} clusters, D = {smallest:.3f}",
            wanted=(0.75, 0.85),
            found=found / repetitions,
            repetitions=repetitions,
        )


def _typical_smallest(n_clusters: int, rng: np.random.Generator) -> float:
    """Median of what 200 audits without a change print."""
    level = mean_for(0.3, "graded")
    printed = []
    for _ in range(200):
        sample = draw(World(n_clusters=n_clusters, first=level, second=level), rng)
        difference = sample.first.with_values(sample.first.values - sample.second.values)
        smallest = stats.smallest_detectable_change(difference, ClusterDesign.DESIGNED)
        if smallest is not None:
            printed.append(smallest)
    return float(np.median(printed))


def _holds(estimate: Estimate, truth: float) -> bool:
    if estimate.ci_low is None or estimate.ci_high is None:
        return False
    return estimate.ci_low <= truth <= estimate.ci_high


SUITES: Final[dict[str, Callable[[float], Iterator[Row]]]] = {
    "coverage": coverage_rows,
    "headline": headline_rows,
    "false alarms": null_rows,
    "equivalence": equivalence_rows,
    "power": power_rows,
    "claims": claim_rows,
    "families": family_rows,
    "missing": missing_rows,
    "ends": end_rows,
    "wordings": wording_rows,
    "saturated": saturated_rows,
    "unequal": unequal_rows,
    "crossed": crossed_rows,
}
"""Name -> what it measures, at a share of the published repetitions."""
