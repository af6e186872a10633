"""The share that is gone, drawn: two bars on one scale, the gap between their ends, and one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.report import render_html
from biasaudit.report.sections.first.share_picture import share_picture
from biasaudit.types import Estimate, Status
from tests.report.factory import HEADLINE, audit


def share(low: float, value: float, high: float) -> Estimate:
    return Estimate(status=Status.OK, value=value, ci_low=low, ci_high=high, unit="relative")


def percents(*widths: str) -> list[float]:
    return [float(width.removesuffix("%")) for width in widths]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_what_is_gone_is_the_gap_to_the_end_of_the_base() -> None:
    """40 % gone of 100: the bar is 60, from 50 to 70; the scale is 105."""
    found = share_picture(share(0.3, 0.4, 0.5))
    assert found is not None
    assert percents(found.before, found.after) == [95.24, 57.14]
    assert percents(found.gap_left, found.gap_width) == [57.14, 38.10]
    assert percents(found.low, found.width) == [47.62, 19.05]
    assert found.css_class == "gone"
    assert plain(found.sentence) == (
        "If all leans of the base together are 100 %, those of the tuned model are 60 % (between 50 % and 70 %): the "
        "hatched part, 40 %, is the share that is gone."
    )
    assert plain(found.gap_said) == "40 % gone"


def test_what_grew_stands_beyond_the_end_of_the_base() -> None:
    """The solid part ends where the base's does; a share below 0 is said to be what it is."""
    found = share_picture(share(-0.19, -0.12, -0.06))
    assert found is not None
    assert found.after == found.before == found.gap_left
    assert (found.css_class, plain(found.after_said), plain(found.gap_said)) == ("grew", "112 %", "12 % more")
    assert "12 %, is what came on top: the share that is gone is then below 0." in plain(found.sentence)


def test_a_lean_that_turned_is_all_gone_and_drawn_as_what_it_is_now() -> None:
    """1.2 is the other way with a fifth of its size."""
    found = share_picture(share(1.1, 1.2, 1.4))
    assert found is not None
    assert (found.css_class, plain(found.after_said), found.gap_said) == ("turned", "20 %, the other way", "all gone")
    assert percents(found.gap_left, found.gap_width) == [0.0, 95.24]
    assert "leans the other way with 20 % (between 10 % and 40 %)" in plain(found.sentence)


@pytest.mark.parametrize(("bounds", "said"), [((-0.22, -0.07, 0.04), True), ((0.02, 0.07, 0.2), False)])
def test_where_no_change_is_shown_the_picture_says_so(bounds: tuple[float, float, float], *, said: bool) -> None:
    """The hatched part alone would claim one."""
    found = share_picture(share(*bounds))
    assert found is not None
    assert ("so that no change is shown" in found.sentence) is said


@pytest.mark.slow
def test_without_a_number_there_is_no_picture() -> None:
    """Of the page, too: the fold then says that there is no share."""
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method="no cell can be counted", unit="relative")
    assert share_picture(nothing) is None
    few: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}
    html = render_html(audit(headlines=(replace(HEADLINE, relative_reduction=nothing),), **few))
    assert 'class="share' not in html
    assert "Of no comparison is there a share" in html
    assert '<div class="share gone" aria-hidden="true">' in render_html(audit(**few))


@given(st.lists(st.floats(min_value=-3, max_value=3), min_size=3, max_size=3).map(sorted))
def test_nothing_is_drawn_outside_its_lane(bounds: list[float]) -> None:
    """Whatever the share, on either side, and however far its interval reaches."""
    found = share_picture(share(*bounds))
    assert found is not None
    ends = [(found.gap_left, found.gap_width), (found.low, found.width), ("0%", found.before), ("0%", found.after)]
    for left, width in (percents(*one) for one in ends):
        assert left >= 0
        assert width >= 0
        assert left + width <= 100


def test_an_interval_to_either_side_reaches_the_start_of_the_line() -> None:
    """0.7 to 1.3 of it gone: from 30 % left to 30 % the other way, and nothing left lies between them."""
    found = share_picture(share(0.7, 0.9, 1.3))
    assert found is not None
    assert percents(found.low, found.width) == [0.0, 28.57]
    assert "are 10 % (from 30 % on the side of the base to 30 % on the other)" in plain(found.sentence)


@pytest.mark.parametrize("value", [1.1, 2.2])
def test_a_best_estimate_beyond_all_is_the_other_way_though_its_side_is_not_shown(value: float) -> None:
    """Of 1.1 the bar of 10 % is no rest of the base's lean; 2.2 did not grow on the base's side."""
    found = share_picture(share(0.8, value, 2.5))
    assert found is not None
    assert (found.css_class, found.gap_said) == ("turned", "all gone")
    assert plain(found.after_said) == f"{100 * (value - 1):.0f} %, the other way"
    assert "by the best estimate all of them are gone" in found.sentence
    assert found.sentence.endswith(
        "(from 20\u00a0% on the side of the base to 150\u00a0% on the other): which side is not shown."
    )


def test_where_all_is_gone_nothing_leans_the_other_way() -> None:
    found = share_picture(share(1, 1, 1))
    assert found is not None
    assert (found.css_class, plain(found.after_said)) == ("gone", "0.0 %")
    assert "the other way" not in found.sentence


@given(st.lists(st.floats(min_value=-3, max_value=3), min_size=3, max_size=3).map(sorted))
def test_the_end_of_the_bar_lies_on_its_interval(bounds: list[float]) -> None:
    """Unless it grew: then the solid bar ends where the base's does, and the hatched one at the estimate."""
    found = share_picture(share(*bounds))
    assert found is not None
    low, width, after, left, gap = percents(found.low, found.width, found.after, found.gap_left, found.gap_width)
    end = left + gap if found.css_class == "grew" else after
    assert low - 0.02 <= end <= low + width + 0.02
