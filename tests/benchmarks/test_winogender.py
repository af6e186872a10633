from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from biasaudit.benchmarks import SCORERS, Answered, BenchmarkScore, Settings
from biasaudit.probes import load_probe
from biasaudit.testing import always_anti, always_stereotype, never_deciding, random_responder, unscorable
from biasaudit.types import Estimate, Status
from tests.benchmarks.resolutions import answers, chosen

PERCENTS = (5.0, 20.0, 40.0, 60.0, 80.0, 95.0)


def scores(items: list[Answered], subset: str = "all") -> dict[str, BenchmarkScore]:
    found = SCORERS["winogender"](items, Settings(rng=np.random.default_rng(0)))
    return {one.name: one for one in found if one.subset == subset}


def item(number: int, with_a: str, with_b: str, *, referent: str = "1", family: str = "participant") -> Answered:
    """Return an item of the occupation number % 6."""
    percent = PERCENTS[number % 6]
    return chosen(
        number,
        with_a,
        with_b,
        cluster=f"o{number % 6}",
        family=family,
        referent=referent,
        pct_female=str(percent),
        majority="woman" if percent >= 50 else "man",
    )


def of(items: list[Answered], name: str) -> Estimate:
    return scores(items)[name].estimate


@pytest.mark.parametrize(
    ("with_a", "with_b", "sign"),
    [("1", "2", 1.0), ("2", "1", -1.0)],
    ids=["always with the majority", "always against it"],
)
def test_the_extremes(with_a: str, with_b: str, sign: float) -> None:
    """Ties are -1, -1, -1, 1, 1, 1 over percents 5, 20, 40, 60, 80, 95.

    Deviations of the percents from 50: -45, -30, -10, 10, 30, 45. Sum of products with the ties 170,
    squares 6,050 and 6: 170 / sqrt(36,300) = 0.892.
    """
    items = [item(n, with_a, with_b) for n in range(6)]
    correlation = of(items, "correlation")
    assert correlation.value == pytest.approx(sign * 170 / 36_300**0.5)
    assert of(items, "resolved differently").value == 1.0
    assert of(items, "gap").value == sign
    assert of(items, "competence").value == 0.5
    assert of(items, "accuracy, gotcha").value == (0.0 if sign > 0 else 1.0)


def test_the_interval_of_the_correlation_is_fishers() -> None:
    """atanh(r) +- 1.96 / sqrt(6 - 3)."""
    found = of([item(n, "1", "2") for n in range(6)], "correlation")
    z = np.arctanh(170 / 36_300**0.5)
    half = stats.norm.ppf(0.975) / 3**0.5
    assert (found.ci_low, found.ci_high) == pytest.approx((np.tanh(z - half), np.tanh(z + half)))
    assert (found.n_items, found.n_clusters) == (6, 6)


def test_who_is_always_right_resolves_no_pair_differently() -> None:
    """The correlation of ties that are all 0 is not defined, which is not a correlation of 0."""
    items = [item(n, side, side, referent=side) for n, side in enumerate("121212")]
    assert of(items, "resolved differently").value == 0.0
    assert of(items, "gap").value == 0.0
    assert of(items, "competence").value == 1.0
    assert of(items, "correlation").status is Status.NOT_ESTIMABLE
    assert of(items, "correlation").value is None


def test_a_pair_resolved_to_the_occupation_by_one_pronoun_counts_to_its_share() -> None:
    """Occupation o3 (60 %): one pair where only hers goes to the occupation, one where both do: tie 0.5."""
    items = [item(n, "1", "1") for n in (0, 1, 2, 3, 4, 5)]
    items.append(item(9, "1", "2"))
    ties, percents = [0, 0, 0, 0.5, 0, 0], PERCENTS
    assert of(items, "correlation").value == pytest.approx(np.corrcoef(ties, percents)[0, 1])
    assert of(items, "resolved differently").value == pytest.approx(1 / 7)


def test_occupations_on_one_line_have_no_interval() -> None:
    items = [
        chosen(n, "1", choice, cluster=f"o{n}", referent="1", pct_female=percent, majority="woman")
        for n, (choice, percent) in enumerate([("1", "50"), ("2", "90")] * 3)
    ]
    assert of(items, "correlation").status is Status.NOT_ESTIMABLE


def test_too_few_occupations_have_no_correlation() -> None:
    assert of([item(n, "1", "2") for n in range(4)], "correlation").status is Status.TOO_FEW_CLUSTERS
    found = scores([])
    assert {one.estimate.status for one in found.values()} == {Status.NOT_MEASURED}


def test_a_tie_or_a_missing_part_is_asked_and_not_scored() -> None:
    found = scores([*(item(n, "1", "2") for n in range(6)), item(6, "=", "2"), item(7, "", "2")])
    for name in ("resolved differently", "correlation", "gap"):
        assert (found[name].estimate.n_items, found[name].n_asked) == (6, 8)


def test_someone_stands_apart() -> None:
    items = [item(n, "1", "2") for n in range(6)] + [item(n, "1", "1", family="someone") for n in range(6)]
    assert scores(items, "participant")["gap"].estimate.value == 1.0
    assert scores(items, "someone")["gap"].estimate.value == 0.0
    assert scores(items)["gap"].estimate.value == pytest.approx(0.5)


def test_the_five_responders_are_told_apart(published_data: Path) -> None:
    items = load_probe("winogender", data_dir=published_data).items
    with_it, against, undecided, silent, by_chance = (
        scores(answers(model, items))
        for model in (always_stereotype(), always_anti(), never_deciding(), unscorable(), random_responder(1))
    )
    assert with_it["gap"].estimate.value == 1.0
    assert against["gap"].estimate.value == -1.0
    correlations = [one["correlation"].estimate.value for one in (with_it, against)]
    assert correlations[0] is not None
    assert correlations[1] is not None
    assert correlations[0] == pytest.approx(-correlations[1])
    assert correlations[0] > 0.8
    for nothing in (undecided, silent):
        assert {one.estimate.status for one in nothing.values()} == {Status.NOT_MEASURED}
        assert {one.n_asked for one in nothing.values()} == {240}
    chance = by_chance["gap"].estimate
    assert chance.ci_low is not None
    assert chance.ci_high is not None
    assert chance.ci_low < 0 < chance.ci_high
