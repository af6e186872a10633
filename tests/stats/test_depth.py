"""Where a reduction sits, by numbers that are worked by hand and by draws of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit.stats import clustered
from biasaudit.stats.depth import DepthProfile, DepthRule, depth_profile
from biasaudit.types import ClusterDesign, Status
from biasaudit.types.depth import DepthVerdict

CLUSTERS = [f"t{number}" for number in range(12)]
WOBBLE = np.linspace(-0.02, 0.02, 12)
"""What clusters differ by, so that intervals have a width."""


def profile_of(
    below: list[float], above: list[float], *, cut: int = 2, wobble: float = 1.0, barred: str = ""
) -> DepthProfile:
    """Return the profile of models whose index is the same for all items but for the wobble of their cluster."""
    wobbled = [np.array(index)[:, None] * (1 + wobble * WOBBLE * 10) for index in (below, above)]
    return depth_profile(
        wobbled[0],
        wobbled[1],
        clustered(wobbled[0][0], CLUSTERS),
        ClusterDesign.DESIGNED,
        DepthRule(cut=cut, barred=barred),
        rng=np.random.default_rng(0),
    )


def test_a_part_contributes_the_mean_of_both_orders() -> None:
    """From below .6 to .5 to .2, from above .2 to .5 to .6: the first part takes .1 or .3, the second .3 or .1."""
    found = profile_of([0.6, 0.5, 0.2], [0.2, 0.5, 0.6], cut=1)
    assert [part.below.value for part in found.parts] == pytest.approx([0.1, 0.3])
    assert [part.above.value for part in found.parts] == pytest.approx([0.3, 0.1])
    assert [part.phi.value for part in found.parts] == pytest.approx([0.2, 0.2])
    # The lower part alone takes .1, the upper alone .1, both .4: half of it takes the two together.
    assert found.lower_share.value == pytest.approx(0.25)
    assert found.upper_share.value == pytest.approx(0.25)
    assert found.interaction.value == pytest.approx(0.5)
    assert found.verdict is DepthVerdict.DISTRIBUTED


@pytest.mark.parametrize(
    ("below", "above", "verdict"),
    [
        ([0.6, 0.1, 0.1, 0.1], [0.1, 0.6, 0.6, 0.6], DepthVerdict.UPSTREAM),
        ([0.6, 0.6, 0.6, 0.1], [0.1, 0.1, 0.1, 0.6], DepthVerdict.MASKED),
        # Either half does all of it.
        ([0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.6], DepthVerdict.REDUNDANT),
        # Either half does half of it.
        ([0.6, 0.35, 0.35, 0.1], [0.1, 0.35, 0.35, 0.6], DepthVerdict.DISTRIBUTED),
        # One does .76 of it, and the other .3: neither place alone is it, and nothing disagrees.
        ([0.6, 0.22, 0.22, 0.1], [0.1, 0.45, 0.45, 0.6], DepthVerdict.DISTRIBUTED),
        # It takes both.
        ([0.6, 0.6, 0.6, 0.1], [0.1, 0.6, 0.6, 0.6], DepthVerdict.DISTRIBUTED),
        ([0.6, 0.58, 0.58, 0.58], [0.58, 0.6, 0.6, 0.6], DepthVerdict.UNCHANGED),
        # A lean against the stereotype that shrinks is reduced as well.
        ([-0.6, -0.1, -0.1, -0.1], [-0.1, -0.6, -0.6, -0.6], DepthVerdict.UPSTREAM),
        # Nothing was removed where the lean grew, or changed sides.
        ([0.1, 0.6, 0.6, 0.6], [0.6, 0.1, 0.1, 0.1], DepthVerdict.NOT_ESTIMABLE),
        ([0.6, -0.6, -0.6, -0.6], [-0.6, 0.6, 0.6, 0.6], DepthVerdict.NOT_ESTIMABLE),
    ],
)
def test_verdicts_by_what_the_halves_do_alone(below: list[float], above: list[float], verdict: DepthVerdict) -> None:
    assert profile_of(below, above).verdict is verdict


def test_nothing_is_concluded_where_a_hybrid_does_not_read() -> None:
    found = profile_of([0.6, 0.1, 0.1], [0.1, 0.6, 0.6], barred="competence includes chance")
    assert (found.verdict, found.reason) == (DepthVerdict.NOT_ESTIMABLE, "competence includes chance")
    assert found.reduction.value == pytest.approx(0.5)


def test_shares_are_printed_only_where_the_change_is_bounded_away_from_nothing() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(0.0, 0.3, 12)
    tuned = base - rng.normal(0.05, 0.2, 12)
    found = depth_profile(
        np.stack([base, tuned, tuned]),
        np.stack([tuned, base, base]),
        clustered(base, CLUSTERS),
        ClusterDesign.DESIGNED,
        DepthRule(cut=1),
        rng=np.random.default_rng(0),
    )
    assert found.verdict is DepthVerdict.NOT_ESTIMABLE
    assert {one.status for one in (found.lower_share, found.upper_share, found.interaction)} == {Status.NOT_ESTIMABLE}
    assert found.parts[0].phi.status is Status.OK


def test_too_few_clusters_are_said() -> None:
    values = np.array([[0.6] * 4, [0.1] * 4])
    found = depth_profile(
        values,
        values[::-1],
        clustered(values[0], list("abcd")),
        ClusterDesign.DESIGNED,
        DepthRule(cut=1),
        rng=np.random.default_rng(0),
    )
    assert found.reduction.status is Status.TOO_FEW_CLUSTERS
    assert (found.verdict, found.reason) == (DepthVerdict.NOT_ESTIMABLE, "too few clusters")
    assert found.parts[0].p_adjusted is None


def test_orders_that_do_not_share_their_ends_are_refused() -> None:
    with pytest.raises(ValueError, match="share their ends"):
        profile_of([0.6, 0.1], [0.2, 0.6], cut=1)


def test_a_part_that_is_the_same_in_both_is_not_tested() -> None:
    found = profile_of([0.6, 0.6, 0.1], [0.1, 0.1, 0.6])
    assert [part.p_adjusted is None for part in found.parts] == [True, False]
    assert found.parts[0].phi.value == 0


@settings(deadline=None)  # 4,096 flips: on a busy machine that is a while
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_parts_sum_to_the_whole_change(seed: int, n_parts: int) -> None:
    rng = np.random.default_rng(seed)
    below, above = rng.uniform(-1, 1, (2, n_parts + 1, 24))
    above[0], above[-1] = below[-1], below[0]
    found = depth_profile(
        below,
        above,
        clustered(below[0], [f"t{number // 2}" for number in range(24)]),
        ClusterDesign.DESIGNED,
        DepthRule(cut=n_parts),
        rng=rng,
    )
    total = sum(part.phi.value or 0.0 for part in found.parts)
    assert abs(total - (found.reduction.value or 0.0)) < 1e-12
    # All parts below the cut: they are the whole change.
    assert found.lower.value == found.reduction.value
    assert found.upper.value == 0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_mirrored_items_turn_every_effect_round_and_leave_the_verdict(seed: int) -> None:
    """Which group the card names first decides the sign of everything, and of no verdict."""
    rng = np.random.default_rng(seed)
    below, above = rng.uniform(-0.2, 0.8, (2, 4, 12))
    above[0], above[-1] = below[-1], below[0]

    def of(sign: float) -> DepthProfile:
        return depth_profile(
            sign * below,
            sign * above,
            clustered(below[0], CLUSTERS),
            ClusterDesign.DESIGNED,
            DepthRule(cut=2),
            rng=np.random.default_rng(0),
        )

    one, other = of(1.0), of(-1.0)
    assert [part.phi.value for part in one.parts] == [-(part.phi.value or 0.0) for part in other.parts]
    assert [part.p_adjusted for part in one.parts] == [part.p_adjusted for part in other.parts]
    assert (one.verdict, one.lower_share.status) == (other.verdict, other.lower_share.status)


def test_the_interval_of_a_share_is_that_of_fieller() -> None:
    """With one factor it has a closed form, which the ratio of reductions has elsewhere."""
    from biasaudit.stats.fieller import PairedMeans, ratio_bounds
    from biasaudit.stats.quantiles import t_quantile

    rng = np.random.default_rng(5)
    base = rng.normal(0.6, 0.05, 12)
    half, tuned = base - rng.normal(0.2, 0.05, 12), base - rng.normal(0.5, 0.05, 12)
    found = depth_profile(
        np.stack([base, half, tuned]),
        np.stack([tuned, half, base]),
        clustered(base, CLUSTERS),
        ClusterDesign.DESIGNED,
        DepthRule(cut=1),
        rng=np.random.default_rng(0),
    )
    y, x = base - half, base - tuned
    covariance = np.cov(y, x) / 12
    means = PairedMeans(y=y.mean(), x=x.mean(), var_y=covariance[0, 0], var_x=covariance[1, 1], cov_yx=covariance[0, 1])
    expected = ratio_bounds(means, t_quantile(0.975, 11))
    assert (found.lower_share.ci_low, found.lower_share.ci_high) == pytest.approx(expected)
