"""Numbers are shown with the decimals that their interval carries, and rounding never contradicts a verdict."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from biasaudit.cli.verdicts import _change
from biasaudit.report.words.rounding import change_marks, decimals_carried, estimate_marks, side_of
from biasaudit.report.words.wording import as_carried, change_text, estimate_text, percent_with_interval, with_interval

ends = st.floats(min_value=-1, max_value=1).map(lambda end: round(end, 6))
numbers_in = re.compile(r"[−-]?\d+\.?\d*")


def shown(text: str) -> list[float]:
    return [float(number.replace("−", "-")) for number in numbers_in.findall(text.replace("+", ""))]


@pytest.mark.parametrize(
    ("half", "decimals"),
    [
        (0.6, 2),  # the first digit alone would leave one decimal: an index has two
        (0.1, 2),
        (0.29, 2),
        (0.03, 2),
        (0.097, 2),
        (0.02, 3),
        (0.01, 3),
        (0.009, 3),
        (0.0029, 4),
        (0.00004, 4),
    ],
)
def test_the_last_digit_is_the_first_of_the_half_width_and_one_more_after_1_or_2(half: float, decimals: int) -> None:
    """0.014 and 0.006 would both be 0.01 with one digit; 0.03 and 0.034 are near enough."""
    assert decimals_carried(0.5 - half, 0.5 + half) == decimals


def test_value_and_both_ends_have_the_same_decimals() -> None:
    """In a column they are compared by their digits."""
    assert with_interval(0.1, 0.02, 0.1800001) == "0.10 (0.02 to 0.18)"
    assert with_interval(-0.1, -0.1111, -0.0889) == "−0.100 (−0.111 to −0.089)"


def test_an_interval_that_is_clear_of_0_never_seems_to_touch_it() -> None:
    """0.00 beside "clear of 0" would be a contradiction; where 0 is inside, it is not."""
    assert with_interval(0.05, 0.004, 0.096) == "0.050 (0.004 to 0.096)"
    assert with_interval(0.05, 0.0004, 0.0996) == "0.0500 (0.0004 to 0.0996)"
    assert with_interval(-0.05, -0.0996, -0.00002) == "−0.05000 (−0.09960 to −0.00002)"
    assert with_interval(0.046, -0.004, 0.096) == "0.05 (0.00 to 0.10)"
    assert with_interval(0.05, 0.0, 0.1) == "0.05 (0.00 to 0.10)"


def test_a_change_within_the_margin_never_seems_to_reach_it() -> None:
    """The terminal says the same with a sign before each number."""
    row = {"status": "ok", "reduction": -0.001, "ci_low": -0.0486, "ci_high": 0.0462, "margin": 0.05}
    assert change_text(row) == "−0.001 (−0.049 to 0.046)"
    assert _change(row) == "-0.001 (-0.049 to +0.046)"
    assert change_text({**row, "ci_high": 0.0512}) == "−0.001 (−0.049 to 0.051)"
    assert change_text({**row, "ci_low": -0.0532, "ci_high": 0.0512}) == "0.00 (−0.05 to 0.05)"


def test_a_change_without_a_number_is_its_status_and_one_without_a_width_is_words() -> None:
    """0.02 (0.02 to 0.02) would read as certainty."""
    row = {"status": "ok", "reduction": 0.02, "ci_low": 0.02, "ci_high": 0.02, "margin": 0.05}
    assert change_text(row) == "0.020 in every cluster"
    assert change_text({**row, "status": "too few clusters"}) == "too few clusters"


def test_competence_is_told_from_chance_a_score_from_its_parity_and_a_ratio_from_four_fifths() -> None:
    """Each has a point of its own that a verdict hangs on."""
    row = {"status": "ok", "value": 0.58, "ci_low": 0.503, "ci_high": 0.657}
    assert estimate_text({**row, "metric": "competence"}) == "0.580 (0.503 to 0.657)"
    assert estimate_text({**row, "metric": "index"}) == "0.58 (0.50 to 0.66)"
    score = {"status": "ok", "value": 54.03, "ci_low": 50.04, "ci_high": 58.02, "unit": "percent", "parity": 50.0}
    assert estimate_text(score) == "54.03 (50.04 to 58.02)"
    assert estimate_text({**score, "ci_low": 49.9}) == "54.0 (49.9 to 58.0)"
    ratio = {"status": "ok", "value": 0.7, "ci_low": 0.604, "ci_high": 0.796, "statistic": "impact_ratio"}
    assert estimate_text(ratio) == "0.700 (0.604 to 0.796)"


def test_what_a_row_does_not_say_is_compared_with_0() -> None:
    """Older tables have no margin, and a score may have no parity."""
    assert change_marks({}) == change_marks({"margin": math.nan}) == (0.0,)
    assert estimate_marks({"parity": math.nan}) == (0.0,)


def test_a_value_by_itself_has_the_decimals_that_it_has_beside_its_interval() -> None:
    """A sentence and the table below it name one number."""
    assert as_carried(0.1964, 0.0021, 0.3907) == "0.196"
    assert with_interval(0.1964, 0.0021, 0.3907).startswith("0.196 (")
    assert as_carried(0.1964, None, 0.3) == "0.20"


def test_a_share_in_percent_follows_the_same_rule() -> None:
    assert percent_with_interval(0.5, 0.4, 0.6).replace("\u00a0", " ") == "50 % (40 % to 60 %)"
    assert percent_with_interval(0.5, 0.485, 0.515).replace("\u00a0", " ") == "50.0 % (48.5 % to 51.5 %)"


def test_bounds_that_are_no_numbers_take_no_digits() -> None:
    """A foreign table may hold them."""
    assert decimals_carried(-math.inf, math.inf) == 3


@given(ends, ends, ends, st.sampled_from([0.02, 0.05, 0.1]))
def test_rounding_never_moves_an_interval_to_another_side(one: float, two: float, three: float, margin: float) -> None:
    """Of 0 and of the margin on either side, for any interval; and it rounds, it does nothing else."""
    low, value, high = sorted((one, two, three))
    row: dict[str, Any] = {"status": "ok", "reduction": value, "ci_low": low, "ci_high": high, "margin": margin}
    assume(low < high)
    for text in (change_text(row), _change(row)):
        seen = shown(text)
        for mark in change_marks(row):
            assert side_of(seen[1], seen[2], mark) == side_of(low, high, mark)
        half = (high - low) / 2
        assert all(
            abs(number - whole) <= max(half, 0.0051) for number, whole in zip(seen, (value, low, high), strict=True)
        )


@given(ends, ends)
def test_no_more_than_two_digits_of_the_half_width_are_shown(one: float, two: float) -> None:
    """But for the two decimals that an index always has, and where a mark asks for more."""
    low, high = sorted((one, two))
    assume(high - low > 1e-5)
    decimals = decimals_carried(low, high, marks=())
    assert 2 <= decimals <= 4
    assert decimals == 2 or (high - low) / 2 * 10**decimals < 31
