from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.report.words.wording import (
    chart_label,
    clean,
    count,
    estimate_text,
    in_words,
    number,
    p_value,
    present,
    records,
    showable,
    verdict_class,
    with_interval,
)


def test_a_number_has_a_proper_minus_and_no_negative_zero() -> None:
    """A hyphen reads as a dash, and −0.000 reads as a direction that nobody measured."""
    assert number(-0.0514) == "−0.051"
    assert number(-0.0004) == "0.000"
    assert number(1.0) == "1.000"


def test_the_rows_of_a_table_are_plain_values_by_column() -> None:
    """Numbers of numpy would be printed with their type; what is missing stays NaN, in texts too."""
    frame = pd.DataFrame(
        {"text": ["a", None], "number": [0.5, math.nan], "count": [1, 2], "yes": [True, False], "ids": [[1], None]},
        index=[7, 3],
    )
    first, second = records(frame)
    assert first == {"text": "a", "number": 0.5, "count": 1, "yes": True, "ids": [1]}
    assert [type(value) for value in first.values()] == [str, float, int, bool, list]
    assert second["text"] != second["text"]
    assert second["number"] != second["number"]
    assert (second["count"], second["yes"], second["ids"]) == (2, False, None)
    assert records(frame.iloc[:0]) == []


def test_a_value_without_both_bounds_is_no_number() -> None:
    """No number without its interval."""
    assert with_interval(0.5, None, 0.6) == "not measured"
    assert with_interval(0.5, 0.4, None, otherwise="too few clusters") == "too few clusters"


def test_an_estimate_that_is_not_ok_shows_its_status_even_if_numbers_lie_beside_it() -> None:
    """The status decides, not whether a column happens to be filled."""
    row = {"status": "not estimable", "value": 0.5, "ci_low": 0.4, "ci_high": 0.6}
    assert estimate_text(row) == "not estimable"


def test_nan_and_none_are_both_absent() -> None:
    """A pandas column of floats turns None into NaN."""
    assert present(None) is None
    assert present(math.nan) is None
    assert present("0.5") is None
    assert present(0) == 0.0


def test_small_p_values_are_bounded_and_absent_ones_are_a_dash() -> None:
    """p = 0.000 would claim an impossibility."""
    assert [p_value(0.00001), p_value(0.012), p_value(None)] == ["< 0.001", "0.012", "–"]


def test_a_p_value_is_not_rounded_to_the_other_side_of_what_counts_as_shown() -> None:
    """Up to 0.05 counts: 0.0504 does not, and 0.05 would say that it does."""
    assert [p_value(0.0496), p_value(0.05), p_value(0.0504), p_value(0.05000001)] == [
        "0.050",
        "0.050",
        "0.0504",
        "0.05000001",
    ]


def test_a_count_that_is_none_is_said_to_be_unrecorded() -> None:
    """An absent count is not 0."""
    assert [count(1234), count(None), count("7"), count(True)] == [
        "1,234",
        "not recorded",
        "not recorded",
        "not recorded",
    ]


def test_long_text_is_cut_and_says_so() -> None:
    """A page of 100,000 characters in a table cell is no page."""
    assert clean("x" * 100_000, limit=10) == f"{'x' * 10}… (99,990 more characters)"


@pytest.mark.parametrize("control", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_controls_of_writing_direction_are_not_shown(control: str) -> None:
    """One that is not closed leaves its <bdi> in browsers and mirrors the words after it; marks and letters stay."""
    assert clean(f"a{control}b\u200f\u05e9") == "a\ufffdb\u200f\u05e9"


def test_a_chart_label_holds_no_direction_marks() -> None:
    """SVG has no element that isolates the writing direction of a label."""
    assert chart_label("a\u202eb\u2066c") == "abc"
    assert chart_label("a" * 40, limit=10) == f"{'a' * 9}…"


def test_unknown_verdicts_are_counted_last_and_have_no_look_of_a_known_one() -> None:
    """A verdict of a later version must not borrow a colour."""
    assert in_words({"zebra": 1, "reduced": 2, "increased": 0}) == "2 reduced, 1 zebra"
    assert verdict_class("zebra") == "other"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_showable_text_can_always_be_written(text: str) -> None:
    """One lone surrogate would lose the whole report."""
    assert "\x00" not in showable(text)
    showable(text).encode("utf-8")


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_number_reads_back_to_itself(value: float) -> None:
    """Formatting rounds and does nothing else."""
    assert abs(float(number(value).replace("−", "-").replace(",", "")) - value) <= 0.00051
