"""What is said of a cell under perturbations, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from biasaudit.stats import Clustered, clustered, mean_estimate
from biasaudit.stats.perturbed import Pair, Perturbed, Survival, is_held, survival
from biasaudit.types import ClusterDesign, Robustness, Status

DESIGNED, NUISANCE, NONE = ClusterDesign.DESIGNED, ClusterDesign.NUISANCE, ClusterDesign.NONE

RIPPLE = np.tile([-0.03, -0.01, 0.01, 0.03], 3)
"""Sum 0 over 12 clusters; standard deviation sqrt(12 x 0.0005 / 11)."""


def of_means(means: float | np.ndarray, n_clusters: int = 12) -> Clustered:
    """Two items a cluster, on either side of its mean."""
    each = np.broadcast_to(means, (n_clusters,))
    return clustered(np.repeat(each, 2) + np.tile([-0.1, 0.1], n_clusters), np.repeat(np.arange(n_clusters), 2))


def pair(base: float, tuned: float, ripple: np.ndarray = RIPPLE) -> Pair:
    return Pair(of_means(base), of_means(tuned + ripple))


def under(name: str, found: Pair | None, *, readable: bool = True) -> Perturbed:
    return Perturbed(name=name, pair=found, readable=readable)


def asked(
    plain: Pair, *perturbed: Perturbed, reduced: bool = True, design: ClusterDesign = DESIGNED, level: float = 0.95
) -> Survival:
    return survival(plain, perturbed, design, reduced=reduced, rng=np.random.default_rng(0), level=level)


PLAIN = pair(0.6, 0.1)


def test_one_perturbation_that_changes_nothing_is_survived() -> None:
    """D is 0.5 in both; its error is sqrt(0.006 / 11 / 12)."""
    found = asked(PLAIN, under("case", PLAIN))
    [case] = found.each
    error = np.sqrt(12 * 0.0005 / 11 / 12)
    assert found.verdict is Robustness.SURVIVES
    assert found.broken_by == ()
    assert case.reduction.value == pytest.approx(0.5)
    assert case.reduction.ci_low == pytest.approx(0.5 - scipy_stats.t.ppf(0.975, 11) * error)
    assert case.holds is True
    assert case.holds_p == pytest.approx(scipy_stats.t.sf(0.5 / error, 11), rel=1e-6)
    assert found.survives_p == case.holds_p
    assert case.loss.value == 0
    assert case.loss_p == 1
    assert found.typical.value == pytest.approx(0.5)
    assert found.spread is None
    assert found.worst == "case"


def test_the_least_certain_perturbation_decides_whether_it_survives() -> None:
    """D is 0.5, 0.3 and 0.02, of error 0.0067 each: the last is 3 errors from 0, and all of S is further."""
    found = asked(PLAIN, under("case", PLAIN), under("story", pair(0.5, 0.2)), under("list", pair(0.5, 0.48)))
    assert [one.holds for one in found.each] == [True, True, True]
    assert found.verdict is Robustness.SURVIVES
    assert found.survives_p == found.each[2].holds_p
    assert found.survives_p == pytest.approx(scipy_stats.t.sf(0.02 / np.sqrt(0.006 / 11 / 12), 11), rel=1e-6)
    assert found.worst == "list"
    assert found.spread == pytest.approx(np.std([0.5, 0.3, 0.02], ddof=1))
    assert found.typical.value == pytest.approx(0.82 / 3)


def test_one_of_three_breaks_it_and_is_named() -> None:
    """It leaves D = 0; of 4,096 flips of the losses only that without a flip reaches what was found."""
    found = asked(PLAIN, under("case", PLAIN), under("persona", pair(0.6, 0.6)), under("list", PLAIN))
    assert found.verdict is Robustness.BROKEN
    assert found.broken_by == ("persona",)
    assert [one.loss_p for one in found.each] == [1.0, pytest.approx(1 / 4096), 1.0]
    persona = found.each[1]
    assert persona.holds is False
    assert persona.loss.value == pytest.approx(0.5)
    assert found.worst == "persona"
    assert found.worst_reduction_low is not None
    assert found.worst_reduction_low < 0 < found.each[0].low  # type: ignore[operator]


def test_a_loss_that_leaves_a_reduction_breaks_nothing() -> None:
    """Half of the reduction is lost for certain, and half is shown to be left."""
    found = asked(PLAIN, under("story", pair(0.6, 0.35)))
    assert found.each[0].loss_p == pytest.approx(1 / 4096)
    assert found.each[0].holds is True
    assert found.verdict is Robustness.SURVIVES


def test_a_reduction_that_is_neither_shown_nor_lost_is_inconclusive() -> None:
    """D varies over clusters from -1 to 1.2 under the perturbation."""
    wild = pair(0.6, 0.5, np.tile([-1.0, 1.0], 6))
    found = asked(PLAIN, under("story", wild))
    assert found.each[0].holds is False
    assert found.each[0].loss_p is not None
    assert found.each[0].loss_p > 0.05
    assert found.verdict is Robustness.INCONCLUSIVE


def test_a_lean_that_turns_round_is_no_reduction() -> None:
    """D is 1.2 under it and S is 0: the size of the lean is what it was."""
    turned = pair(0.6, -0.6)
    held, p_value = is_held(turned, 1.0, DESIGNED, alpha=0.05)
    assert held is False
    assert p_value == pytest.approx(0.5)
    assert asked(PLAIN, under("premise", turned)).verdict is Robustness.INCONCLUSIVE


def test_a_lean_against_the_stereotype_is_oriented() -> None:
    """-0.6 to -0.1 is a reduction, and -0.6 again its loss: all signs are turned, and all else is as it was."""
    plain, same = pair(-0.6, -0.1), pair(-0.6, -0.6)
    assert asked(plain, under("case", plain)).verdict is Robustness.SURVIVES
    against = asked(plain, under("case", plain), under("persona", same))
    towards = asked(PLAIN, under("case", PLAIN), under("persona", pair(0.6, 0.6)))
    assert against.broken_by == towards.broken_by == ("persona",)
    assert against.each[1].loss.value == pytest.approx(0.5)
    assert against.each[0].reduction.value == pytest.approx(-0.5)
    assert against.worst_reduction.value == pytest.approx(towards.worst_reduction.value, abs=0.01)
    assert against.worst_index.value == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize(
    "broken", [under("typing errors", None), under("typing errors", pair(0.6, 0.1), readable=False)]
)
def test_what_cannot_be_read_is_never_survived_and_never_broken(broken: Perturbed) -> None:
    """Nothing is claimed of it: not even where its numbers look like a loss."""
    found = asked(PLAIN, under("case", PLAIN), broken)
    assert found.verdict is Robustness.NOT_INTERPRETABLE
    assert found.survives_p is None
    unread = found.each[1]
    assert unread.holds is unread.holds_p is unread.loss_p is unread.low is None
    assert unread.loss.status is Status.NOT_MEASURED
    lost = asked(PLAIN, replace(broken, pair=None if broken.pair is None else pair(0.6, 0.6)))
    assert lost.verdict is Robustness.NOT_INTERPRETABLE
    assert lost.broken_by == ()
    assert lost.worst is None
    assert lost.worst_reduction.status is Status.NOT_MEASURED


def test_one_that_breaks_it_is_named_beside_one_that_cannot_be_read() -> None:
    found = asked(PLAIN, under("noise", None), under("persona", pair(0.6, 0.6)))
    assert found.verdict is Robustness.BROKEN
    assert found.broken_by == ("persona",)
    assert found.survives_p is None


def test_what_is_not_readable_keeps_its_estimates() -> None:
    [one] = asked(PLAIN, under("noise", pair(0.3, 0.0), readable=False)).each
    assert one.status is Status.OK
    assert one.first.value == pytest.approx(0.3)
    assert one.second.value == pytest.approx(0.0)
    assert one.reduction.value == pytest.approx(0.3)


def test_without_a_reduction_there_is_nothing_to_survive() -> None:
    """The estimates stand all the same, and nothing is said to break."""
    found = asked(PLAIN, under("persona", pair(0.6, 0.6)), reduced=False)
    assert found.verdict is Robustness.NO_REDUCTION
    assert found.broken_by == ()
    assert found.each[0].loss_p == pytest.approx(1 / 4096)
    assert found.worst == "persona"


@pytest.mark.parametrize("n_clusters", [0, 4])
def test_fewer_than_five_clusters_are_not_measured(n_clusters: int) -> None:
    few = Pair(of_means(0.6, n_clusters), of_means(0.1, n_clusters))
    found = asked(few, under("case", few))
    assert found.verdict is Robustness.NOT_MEASURED
    assert found.each[0].reduction.value is None
    assert found.each[0].status is (Status.TOO_FEW_CLUSTERS if n_clusters else Status.NOT_MEASURED)
    assert found.worst_reduction.status is Status.NOT_MEASURED


def test_five_clusters_can_be_broken() -> None:
    """1 of 32 flips reaches what was found; the worst has no number, because a half would be no sample."""
    plain = Pair(of_means(0.6, 5), of_means(0.1, 5))
    found = asked(plain, under("persona", Pair(of_means(0.6, 5), of_means(0.6, 5))))
    assert found.each[0].loss_p == pytest.approx(1 / 32)
    assert found.verdict is Robustness.BROKEN
    assert found.worst_reduction.status is Status.TOO_FEW_CLUSTERS
    assert "10 clusters" in found.worst_reduction.method


STEREOTYPE, ANTI, UNKNOWN = (of_means(0.0).with_values(np.full(24, value)) for value in (1.0, -1.0, 0.0))
RANDOM = of_means(0.0).with_values(np.random.default_rng(3).choice([-1.0, 1.0], size=24))


def test_a_base_with_the_stereotype_and_a_tuned_model_without_a_side_survive() -> None:
    """D and S are 1 in each of 12 clusters: p = (2 / 3)^12, the level at which Clopper-Pearson's bound reaches 0."""
    found = asked(Pair(STEREOTYPE, UNKNOWN), under("case", Pair(STEREOTYPE, UNKNOWN)))
    assert found.verdict is Robustness.SURVIVES
    assert found.survives_p == pytest.approx((2 / 3) ** 12)
    case = found.each[0]
    # 0.05 ^ (1/12) = 0.7791 of clusters at least are like these, the others could sit at -2.
    assert case.low == pytest.approx(-2 + 0.05 ** (1 / 12) * 3)
    assert found.worst_reduction_low == case.low
    assert found.worst_index_high == pytest.approx(1 - 0.025 ** (1 / 12))
    for estimate in (case.reduction, found.worst_reduction, found.worst_index, found.typical):
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
    assert found.worst_reduction.ci_low < 1 < found.worst_reduction.ci_high  # type: ignore[operator]
    assert found.worst_index.ci_low < 0 < found.worst_index.ci_high  # type: ignore[operator]


def test_two_saturated_perturbations_share_the_level_of_their_bounds() -> None:
    found = asked(Pair(STEREOTYPE, UNKNOWN), *(under(name, Pair(STEREOTYPE, UNKNOWN)) for name in "ab"))
    assert [one.low for one in found.each] == [pytest.approx(-2 + 0.025 ** (1 / 12) * 3)] * 2


def test_a_stereotype_that_comes_back_breaks_it() -> None:
    """Every cluster loses 1, so that 1 of 4,096 flips is as large; nothing of D is left."""
    found = asked(Pair(STEREOTYPE, UNKNOWN), under("persona", Pair(STEREOTYPE, STEREOTYPE)))
    assert found.verdict is Robustness.BROKEN
    assert found.each[0].holds_p == 1
    assert found.each[0].loss_p == pytest.approx(1 / 4096)


def test_the_opposite_answer_is_no_reduction_of_a_stereotype() -> None:
    """D is 2 in every cluster, and S is 0: |B| is as large as it was."""
    found = asked(Pair(STEREOTYPE, UNKNOWN), under("persona", Pair(STEREOTYPE, ANTI)))
    assert found.each[0].holds is False
    assert found.each[0].holds_p == 1
    assert found.verdict is Robustness.INCONCLUSIVE
    assert found.worst_index.value == pytest.approx(1)
    assert found.worst_index_high == 1


def test_a_base_against_the_stereotype_survives_as_one_with_it() -> None:
    found = asked(Pair(ANTI, UNKNOWN), under("case", Pair(ANTI, UNKNOWN)))
    assert found.verdict is Robustness.SURVIVES
    assert found.survives_p == pytest.approx((2 / 3) ** 12)


def test_two_random_responders_show_no_reduction_under_a_perturbation() -> None:
    again = RANDOM.with_values(np.random.default_rng(4).choice([-1.0, 1.0], size=24))
    found = asked(Pair(STEREOTYPE, UNKNOWN), under("noise", Pair(RANDOM, again)))
    assert found.each[0].holds is False
    assert found.verdict in {Robustness.BROKEN, Robustness.INCONCLUSIVE}


def test_a_responder_that_is_never_parsed_measures_nothing() -> None:
    nothing = Pair(of_means(0.0, 0), of_means(0.0, 0))
    assert asked(nothing, under("case", None)).verdict is Robustness.NOT_MEASURED
    assert asked(Pair(STEREOTYPE, UNKNOWN), under("case", None)).verdict is Robustness.NOT_INTERPRETABLE


@pytest.mark.parametrize("design", list(ClusterDesign))
def test_holding_is_what_the_one_sided_bounds_say(design: ClusterDesign) -> None:
    """The lower end of the 90 % intervals of D and S, in clusters of unequal size."""
    rng = np.random.default_rng(5)
    index = np.repeat(np.arange(12), rng.integers(1, 4, 12))
    for shift in np.linspace(0.0, 0.4, 9):
        first = clustered(0.3 + 0.3 * rng.standard_normal(len(index)), index)
        one = Pair(first, first.with_values(first.values - shift + 0.3 * rng.standard_normal(len(index))))
        ends = [
            mean_estimate(sample, design, level=0.90, unit=unit).ci_low
            for sample, unit in ((one.reduction, "index difference"), (one.total, "index sum"))
        ]
        assert is_held(one, 1.0, design, alpha=0.05)[0] is all(end is not None and end > 0 for end in ends)


def test_the_second_factor_widens_what_is_claimed() -> None:
    """Words that share their change: two-way, the reduction does not hold; by template alone it would."""
    rng = np.random.default_rng(2)
    index, also = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    by_word = 0.3 * rng.standard_normal(12)
    change = 0.1 + (by_word - by_word.mean())[also] + 0.05 * rng.standard_normal(144)
    first = clustered(np.full(144, 0.6), index, also)
    crossed = Pair(first, first.with_values(0.6 - change))
    alone = Pair(replace(first, also=None), replace(first, also=None, values=0.6 - change))
    assert is_held(alone, 1.0, DESIGNED, alpha=0.05)[0] is True
    assert is_held(crossed, 1.0, DESIGNED, alpha=0.05)[0] is False
    assert asked(crossed, under("case", crossed)).verdict is Robustness.INCONCLUSIVE
    assert asked(alone, under("case", alone)).verdict is Robustness.SURVIVES


def test_equal_seeds_give_equal_answers() -> None:
    rng = np.random.default_rng(6)
    pairs = [Pair(of_means(0.6, 30), of_means(0.1 + 0.2 * rng.standard_normal(30), 30)) for _ in range(3)]
    perturbed = [under(str(at), one) for at, one in enumerate(pairs)]
    assert asked(pairs[0], *perturbed) == asked(pairs[0], *perturbed)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="no perturbation"):
        asked(PLAIN)
    with pytest.raises(ValueError, match="several perturbations are called 'case'"):
        asked(PLAIN, under("case", PLAIN), under("case", PLAIN))
    with pytest.raises(ValueError, match="under 'case' there are other items"):
        asked(PLAIN, under("case", Pair(of_means(0.6, 11), of_means(0.1, 11))))
