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
