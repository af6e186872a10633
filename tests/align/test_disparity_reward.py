"""The reward by hand, and its gradient by counting every outcome of a model with two parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from biasaudit.align.disparity_reward import Judged, chosen, judged_disparity, judged_licensed

STRENGTH = 3.0
NEITHER = 0.3
"""Logit of saying neither word; the second word's is 0, the first word's the prompt's parameter."""
LEANING = (1.2, -0.4)
"""Parameters of the two prompts: the first word's logit after each."""


def probabilities(theta: float) -> list[float]:
    """Of the first word, the second, neither."""
    weights = [math.exp(theta), 1.0, math.exp(NEITHER)]
    return [one / sum(weights) for one in weights]


def disparity(thetas: Sequence[float]) -> float:
    first, second = (probabilities(theta) for theta in thetas)
    return ((first[0] - first[1]) + (second[1] - second[0])) / 2


def quality(thetas: Sequence[float]) -> float:
    return sum(1 - probabilities(theta)[2] for theta in thetas) / 2


def slope(function: Callable[[Sequence[float]], float], thetas: Sequence[float], at: int) -> float:
    step = 1e-5
    up, down = ([*thetas[:at], thetas[at] + sign * step, *thetas[at + 1 :]] for sign in (1, -1))
    return (function(up) - function(down)) / (2 * step)


def expected_step(
    thetas: Sequence[float], credit: Callable[[Judged], Sequence[float]], per_prompt: int = 2
) -> tuple[float, float]:
    """Mean of credit_i dlog pi(i) over a set, over every outcome, weighted by how likely it is."""
    sides = (0,) * per_prompt + (1,) * per_prompt
    tables = [probabilities(theta) for theta in thetas]
    total = [0.0, 0.0]
    for outcome in itertools.product((0, 1, None), repeat=len(sides)):
        picks = [2 if one is None else one for one in outcome]
        likely = math.prod(tables[side][pick] for side, pick in zip(sides, picks, strict=True))
        credits_ = credit(judged_disparity(sides, outcome))
        for side, pick, one in zip(sides, picks, credits_, strict=True):
            total[side] += likely * one * ((pick == 0) - tables[side][0]) / len(sides)
    return total[0], total[1]


def less_mean(rewards: Sequence[float]) -> list[float]:
    mean = sum(rewards) / len(rewards)
    return [one - mean for one in rewards]


def test_rewards_of_a_set_by_hand() -> None:
    """A: first, first, second; B: first, neither. s = 1 1 -1 | -1 0."""
    judged = judged_disparity((0, 0, 0, 1, 1), (0, 0, 1, 0, None))
    assert judged.s == (1, 1, -1, -1, 0)
    # A's mean without each: 0, 0, 1; B's mean: -1/2. B's without each: 0, -1; A's mean 1/3.
    assert judged.others == pytest.approx((-1 / 4, -1 / 4, 1 / 4, 1 / 6, -1 / 3))
    assert judged.rewards(2.0) == pytest.approx((1.5, 1.5, 1.5, 4 / 3, 0.0))
    assert judged.squared_disparity == pytest.approx((-1 / 4 - 1 / 4 - 1 / 4 - 1 / 6 + 0) / 5)
    # s less the prompt's others: 1, 1, -2 | -1, 1. q less: 0, 0, 0 | 1, -1.
    assert judged.advantages(2.0) == pytest.approx((0.5, 0.5, 1.0, 1 + 1 / 3, -1 + 2 / 3))


def test_licensed_prompts_have_quality_alone() -> None:
    judged = judged_licensed((0, 0, 1, 1), (0, 1, None, 0))
    assert judged.rewards(9.0) == (1.0, -1.0, 0.0, 1.0)
    assert judged.advantages(9.0) == (2.0, -2.0, -1.0, 1.0)
    assert judged.squared_disparity == 0.0


def test_the_step_is_the_gradient_of_quality_less_half_the_squared_disparity() -> None:
    """By counting all 81 outcomes, for rewards and for advantages."""

    def aim(thetas: Sequence[float]) -> float:
        return quality(thetas) - STRENGTH * disparity(thetas) ** 2 / 2

    wanted = tuple(slope(aim, LEANING, at) for at in (0, 1))
    for credit in (Judged.rewards, Judged.advantages):
        assert expected_step(LEANING, partial(credit, strength=STRENGTH)) == pytest.approx(wanted), credit


def test_the_mean_of_a_prompts_advantages_is_that_of_its_spread() -> None:
    """strength * Var(s) / (2 (k - 1)) for k = 2: what the slot is pushed by where only its words are drawn."""
    sides = (0, 0, 1, 1)
    tables = [probabilities(theta) for theta in LEANING]
    means = [0.0, 0.0]
    for outcome in itertools.product((0, 1, None), repeat=4):
        picks = [2 if one is None else one for one in outcome]
        likely = math.prod(tables[side][pick] for side, pick in zip(sides, picks, strict=True))
        credit = judged_disparity(sides, outcome)
        for side, one, less in zip(sides, credit.advantages(STRENGTH), credit.advantages(0), strict=True):
            means[side] += likely * (one - less) / 2
    spreads = [table[0] + table[1] - (table[0] - table[1]) ** 2 for table in tables]
    assert means == pytest.approx([STRENGTH * spread / 2 for spread in spreads])


def test_a_baseline_of_a_sets_rewards_shortens_the_step_and_points_the_same_way() -> None:
    """By (n - 2) / n: here by one half."""
    whole = expected_step(LEANING, lambda one: [-s * m for s, m in zip(one.s, one.others, strict=True)])
    less = expected_step(LEANING, lambda one: less_mean([-s * m for s, m in zip(one.s, one.others, strict=True)]))
    assert less == pytest.approx(tuple(one / 2 for one in whole))


def test_a_baseline_of_one_prompts_rewards_pushes_where_there_is_no_disparity() -> None:
    """Both prompts prefer the first word alike: B is 0, and ours is still, trl's grouping by prompt is not."""
    alike = (1.2, 1.2)

    def by_prompt(one: Judged) -> list[float]:
        rewards = [-s * m for s, m in zip(one.s, one.others, strict=True)]
        return [*less_mean(rewards[:2]), *less_mean(rewards[2:])]

    assert disparity(alike) == pytest.approx(0.0)
    assert max(map(abs, expected_step(alike, by_prompt))) > 0.01
    plain = expected_step(
        alike, lambda one: [x - y for x, y in zip(one.advantages(STRENGTH), one.advantages(0), strict=True)]
    )
    assert plain == pytest.approx((0.0, 0.0), abs=1e-12)


def test_two_continuations_have_equal_rewards_whatever_they_say() -> None:
    """r_1 = -s_1 s_2 = r_2: less their mean, nothing is left. So a set of two is refused."""
    for s in itertools.product((-1, 0, 1), repeat=2):
        rewards = [-s[0] * s[1], -s[1] * s[0]]
        assert less_mean(rewards) == [0.0, 0.0]
    with pytest.raises(ValueError, match="a set has 1 and 1 continuations; expected 2 or more of each prompt"):
        judged_disparity((0, 1), (0, 1)).rewards(STRENGTH)


def test_minus_s_alone_overshoots_and_the_squared_disparity_does_not() -> None:
    """600 exact steps from a lean of 0.31: -s ends near -1, ours at parity."""

    def followed(credit: Callable[[Judged], Sequence[float]]) -> float:
        thetas = LEANING
        for _ in range(600):
            steps = expected_step(thetas, credit)
            thetas = (thetas[0] + steps[0], thetas[1] + steps[1])
        return disparity(thetas)

    assert disparity(LEANING) == pytest.approx(0.27, abs=0.02)
    assert followed(lambda one: [-float(s) for s in one.s]) < -0.6
    assert abs(followed(lambda one: [-STRENGTH * s * m for s, m in zip(one.s, one.others, strict=True)])) < 0.01


def test_a_reward_that_a_whole_prompt_shares_has_no_gradient() -> None:
    """Such as the prompt's likelihood bias: it says nothing about any one continuation."""
    judged = Judged(sides=(0, 0, 1, 1), s=(0, 0, 0, 0), q=(0.4, 0.4, -0.7, -0.7))
    assert judged.advantages(STRENGTH) == pytest.approx((0.0,) * 4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" a welder", 0),
        ("a midwife and", 1),
        ("  the Welder, they say", 0),
        ("\u201cWelder\u201d", 0),
        ("welders", None),
        ("a welder-fitter", None),
        ("an old welder", None),
        ("", None),
        ("a", None),
        ("a\n midwife", 1),
    ],
)
def test_the_option_that_a_text_begins_with_is_read(text: str, found: int | None) -> None:
    assert chosen(text, ("a welder", "a midwife")) == found


def test_of_two_options_that_fit_the_longer_is_meant() -> None:
    assert chosen(" the nurse aide.", ("a nurse", "a nurse aide")) == 1
    assert chosen(" the nurse.", ("a nurse", "a nurse aide")) == 0
