from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import stats
from biasaudit.types import ClusterDesign, Estimate, Status, Verdict

DESIGNED, NUISANCE, NONE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE, ClusterDesign.NONE
TEN = [str(number) for number in range(10)]


def test_the_designed_mean_weighs_clusters_and_not_items() -> None:
    """Cluster a holds three ones, the other four hold a zero: (1 + 0 + 0 + 0 + 0) / 5, not 3 / 7."""
    sample = stats.clustered([1, 1, 1, 0, 0, 0, 0], ["a", "a", "a", "b", "c", "d", "e"])
    designed = stats.mean_estimate(sample, DESIGNED)
    assert designed.value == pytest.approx(0.2)
    # sd of (1,0,0,0,0) is sqrt(0.2), standard error 0.2, t(0.975, 4) = 2.776.
    assert designed.ci_high == pytest.approx(0.2 + 2.7764 * 0.2, abs=1e-4)
    assert stats.mean_estimate(sample, NUISANCE).value == pytest.approx(3 / 7)


def test_the_jackknife_by_hand() -> None:
    """Five clusters of one item: CR3 equals the ordinary standard error sqrt(0.2 / 5) = 0.2."""
    doubled = stats.clustered([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"])
    estimate = stats.mean_estimate(doubled, NUISANCE)
    assert estimate.value == pytest.approx(0.2)
    assert estimate.ci_high is not None
    assert (estimate.ci_high - 0.2) / 2.7764 == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("design", list(ClusterDesign))
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_at_either_extreme_the_interval_has_width(design: ClusterDesign, end: float) -> None:
    """Ten of ten at one end: the lower bound of the share is 0.025 ** 0.1 = 0.6915, so 0.383 as an index."""
    estimate = stats.mean_estimate(stats.clustered([end] * 10, TEN), design)
    bounds = sorted([estimate.ci_low or 0, estimate.ci_high or 0], key=abs)
    assert estimate.value == end
    assert bounds[0] == pytest.approx(end * 0.383, abs=1e-3)
    assert bounds[1] == end


def test_no_items_and_too_few_clusters_carry_no_number() -> None:
    empty = stats.mean_estimate(stats.clustered([], []), DESIGNED)
    few = stats.mean_estimate(stats.clustered([0.1, 0.2, 0.3, 0.4], ["a", "b", "c", "d"]), DESIGNED)
    assert (empty.status, empty.value) == (Status.NOT_MEASURED, None)
    assert (few.status, few.value) == (Status.TOO_FEW_CLUSTERS, None)


def test_an_estimate_that_contradicts_itself_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        Estimate(status=Status.OK)
    with pytest.raises(ValueError, match="carries no number"):
        Estimate(status=Status.NOT_MEASURED, value=0.0)


def test_unscored_values_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.clustered([float("nan")], ["a"])


def test_identical_checkpoints_differ_by_exactly_nothing() -> None:
    values = np.linspace(-1, 1, 10)
    sample = stats.clustered(values, TEN)
    change = stats.paired_change(sample, sample, DESIGNED, rng=np.random.default_rng(0))
    assert change.reduction.value == 0
    assert change.test is not None
    assert change.test.p_value == 1


def test_sign_flip_is_exact_for_few_clusters() -> None:
    """Five equal differences: 2 of the 32 sign patterns are as extreme."""
    sample = stats.clustered([0.1] * 5, ["a", "b", "c", "d", "e"])
    result = stats.sign_flip(sample, DESIGNED, rng=np.random.default_rng(0))
    assert result.p_value == pytest.approx(2 / 32)


def test_mcnemar_is_used_only_where_every_item_is_its_own_cluster() -> None:
    """Removed 6, introduced 0: p = 2 * 0.5 ** 6."""
    first = stats.clustered([1.0] * 6 + [-1.0] * 4, TEN)
    second = first.with_values(np.full(10, -1.0))
    rng = np.random.default_rng(0)
    alone = stats.paired_change(first, second, NONE, rng=rng).test
    clusters = stats.paired_change(first, second, NUISANCE, rng=rng).test
    assert alone is not None
    assert clusters is not None
    assert alone.test == "exact McNemar"
    assert alone.p_value == pytest.approx(2 * 0.5**6)
    assert clusters.test.startswith("sign-flip")


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.9 times 3, 2, 1, made monotone."""
    assert stats.holm([0.02, 0.9, 0.01]) == pytest.approx((0.04, 0.9, 0.03))
    assert stats.holm([]) == ()


def test_relative_reduction_by_hand() -> None:
    """Every cluster halves: the ratio is 0.5 with an interval of no width."""
    first = stats.clustered([0.4, 0.5, 0.6, 0.5, 0.4, 0.6], TEN[:6])
    half = first.with_values(first.values / 2)
    estimate = stats.relative_reduction(half, first)
    assert estimate.value == pytest.approx(0.5)
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((0.5, 0.5))


def test_relative_reduction_of_a_weak_lean_is_not_estimable() -> None:
    weak = stats.clustered([1.0, -1.0, 1.0, -1.0, 0.1], TEN[:5])
    assert stats.relative_reduction(weak, weak).status is Status.NOT_ESTIMABLE


def test_the_smallest_detectable_change_by_hand() -> None:
    """Ten clusters, sd s: (t(.975, 9) + t(.80, 9)) * s / sqrt(10) = (2.262 + 0.883) * s / 3.162."""
    sample = stats.clustered([0.0, 1.0] * 5, TEN)
    expected = (2.2622 + 0.8834) * np.std([0, 1] * 5, ddof=1) / math.sqrt(10)
    assert stats.smallest_detectable_change(sample, DESIGNED) == pytest.approx(expected, abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=6, max_size=30))
def test_swapping_the_arms_flips_the_reduction(values: list[float]) -> None:
    names = [str(number) for number in range(len(values))]
    first = stats.clustered(values, names)
    second = first.with_values(-first.values[::-1])
    forward = stats.paired_change(first, second, DESIGNED, rng=np.random.default_rng(0)).reduction
    backward = stats.paired_change(second, first, DESIGNED, rng=np.random.default_rng(0)).reduction
    assert forward.value == pytest.approx(-(backward.value or 0))
    assert forward.ci_low == pytest.approx(-(backward.ci_high or 0))


def test_the_interval_covers_at_its_level() -> None:
    """400 samples of 10 clusters of 4: 95 % intervals of a true 0 cover it in 92 to 98 % (3 standard errors)."""
    rng = np.random.default_rng(11)
    names = np.repeat(np.arange(10), 4)
    hits = 0
    for _ in range(400):
        values = rng.normal(0, 0.1, 10)[names] + rng.normal(0, 0.2, 40)
        estimate = stats.mean_estimate(stats.clustered(values, names), DESIGNED)
        hits += (estimate.ci_low or 0) <= 0 <= (estimate.ci_high or 0)
    assert 0.917 <= hits / 400 <= 0.983


def test_the_headline_makes_up_no_reduction_where_nothing_changed() -> None:
    """30 weak cells, both arms noise around the same lean: the naive ratio says about 38 %, this about 0."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(15):
        leans = rng.normal(0, 0.08, 30)
        cells = [
            stats.Cell(first=lean + rng.normal(0, 0.25, 40), second=lean + rng.normal(0, 0.25, 40), n_items=40)
            for lean in leans
        ]
        estimate = stats.relative_reduction_over_cells(cells, rng=rng, n_resamples=20)
        if estimate.value is not None:
            found.append(estimate.value)
    assert len(found) >= 10
    assert abs(float(np.median(found))) < 0.15


def test_the_headline_finds_a_reduction_that_is_there() -> None:
    rng = np.random.default_rng(6)
    cells = []
    for lean in np.linspace(0.3, 0.6, 8):
        first = lean + rng.normal(0, 0.05, 20)
        cells.append(stats.Cell(first=first, second=0.7 * first, n_items=20))
    estimate = stats.relative_reduction_over_cells(cells, rng=rng, n_resamples=100)
    assert estimate.value == pytest.approx(0.3, abs=1e-6)
    assert stats.relative_reduction_over_cells([], rng=rng).status is Status.NOT_MEASURED


def level(value: float, half: float = 0.01, unit: str = "index") -> Estimate:
    return Estimate(status=Status.OK, value=value, ci_low=value - half, ci_high=value + half, unit=unit)


NOTHING = Estimate(status=Status.NOT_MEASURED)


def evidence(
    reduction: float,
    *,
    half: float = 0.02,
    p: float | None = 0.001,
    first: float = 0.5,
    competence: tuple[Estimate, Estimate] = (NOTHING, NOTHING),
    coverage: tuple[float, float] = (1.0, 1.0),
) -> stats.Evidence:
    change = stats.Change(
        reduction=level(reduction, half),
        reduction_90=level(reduction, half * 0.8),
        test=stats.TestResult(p_value=p or 1, test="made up"),
        relative=NOTHING,
        smallest_detectable_change=0.03,
    )
    return stats.Evidence(
        change=change,
        p_adjusted=p,
        first=level(first),
        second=level(first - reduction),
        first_competence=competence[0],
        second_competence=competence[1],
        first_coverage=coverage[0],
        second_coverage=coverage[1],
    )


HIGH, LOW, CHANCE = level(0.95, unit="share"), level(0.8, unit="share"), level(0.5, unit="share")


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (evidence(0.2), Verdict.REDUCED),
        (evidence(-0.2), Verdict.INCREASED),
        (evidence(0.9), Verdict.REVERSED),
        (evidence(0.01, p=0.4), Verdict.UNCHANGED),
        (evidence(0.04, p=0.2, half=0.06), Verdict.INCONCLUSIVE),
        (evidence(0.2, p=0.2, half=0.3), Verdict.INCONCLUSIVE),
        (evidence(0.2, p=None), Verdict.NOT_MEASURED),
        (evidence(0.2, competence=(CHANCE, HIGH)), Verdict.NOT_INTERPRETABLE),
        (evidence(0.2, competence=(HIGH, CHANCE)), Verdict.NOT_INTERPRETABLE),
        (evidence(0.2, competence=(HIGH, LOW)), Verdict.NOT_INTERPRETABLE),
        (evidence(0.2, competence=(LOW, HIGH)), Verdict.REDUCED),
        (evidence(0.2, coverage=(1.0, 0.97)), Verdict.INCONCLUSIVE),
        (evidence(-0.2, coverage=(1.0, 0.97)), Verdict.INCREASED),
    ],
)
def test_the_verdict_rule(case: stats.Evidence, verdict: Verdict) -> None:
    assert stats.rule(case).verdict is verdict


def test_a_verdict_says_what_a_reader_must_know() -> None:
    small = stats.rule(evidence(0.02, half=0.01))
    against = stats.rule(evidence(0.1, first=-0.4))
    assert "smaller than the margin" in small.reason
    assert "leans against the stereotype" in against.reason


def test_item_flows_count_every_item_once() -> None:
    nan = float("nan")
    flows = stats.item_flows(np.array([1, 1, -1, 0, nan, 1]), np.array([1, 0, 1, -1, 1, nan]))
    assert (flows.inherited, flows.removed, flows.introduced, flows.never, flows.missing) == (1, 1, 1, 1, 2)


def test_an_interval_holds_no_index_that_cannot_be() -> None:
    """0, 1, 0, 1, 0.5: mean 0.5, standard error 0.2236, t(4) = 2.776: up to 1.121, which no index reaches."""
    sample = stats.clustered([0.0, 1.0, 0.0, 1.0, 0.5], ["a", "b", "c", "d", "e"])
    index = stats.mean_estimate(sample, DESIGNED)
    assert index.ci_low == pytest.approx(-0.1208, abs=1e-4)
    assert index.ci_high == 1.0
    share = stats.mean_estimate(sample, DESIGNED, unit="share")
    assert (share.ci_low, share.ci_high) == (0.0, 1.0)
    nats = stats.mean_estimate(sample, DESIGNED, unit="nats")
    assert nats.ci_high == pytest.approx(1.1208, abs=1e-4)


def ten_clusters(rng: np.random.Generator) -> stats.Cell:
    """One cell that leans clearly and does not change: base and tuned correlate at 0.9."""
    shared, own = rng.normal(size=(2, 10))
    return stats.Cell(first=0.5 + 0.12 * shared, second=0.5 + 0.12 * (0.9 * shared + math.sqrt(0.19) * own), n_items=10)


def test_the_headline_knows_that_ten_clusters_are_few() -> None:
    """Halves of 5: sqrt(5 / 4) = 1.118; t(9) over the normal quantile: 2.2622 / 1.9600 = 1.154; together 1.29."""
    rng = np.random.default_rng(1)
    estimate = stats.relative_reduction_over_cells([ten_clusters(rng)], rng=rng, n_resamples=50)
    assert estimate.method.endswith("percentiles widened by 1.29")


@pytest.mark.slow
def test_the_headlines_interval_covers_what_it_says() -> None:
    """Nothing changed; plain percentiles covered 0 in 85 % of such draws, and said "grew" or "reduced" in the rest."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(250):
        estimate = stats.relative_reduction_over_cells([ten_clusters(rng)], rng=rng, n_resamples=300)
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        covered += estimate.ci_low <= 0 <= estimate.ci_high
    assert 0.92 <= covered / 250 <= 0.99
