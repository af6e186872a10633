"""The share that is gone, drawn: the lean of the base as a bar, what the tuned model has of it, and the gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.words.shares import decimals_of, numbers, rounded
from biasaudit.types import Status

if TYPE_CHECKING:
    from biasaudit.types import Estimate

_LEAST_DRAWN: Final = 0.05
"""Of the scale, the room that is left beyond the longest bar."""
_START: Final = "If all leans of the base together are 100\u00a0%,"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePicture:
    """Two bars and a gap; places and widths are CSS percentages.

    Attributes
    ----------
    before : str
        Width of the bar of the base, which is 100 %.
    after : str
        Width of what the tuned model has of it; where it turned, of what it leans to the other side.
    gap_left, gap_width : str
        The part that is gone, between the two ends; or by which the lean grew.
    low, width : str
        The interval of the end of the second bar.
    css_class : str
        ``gone``, ``grew`` or ``turned``.
    after_said, gap_said : str
        The numbers at the bar and at the gap.
    sentence : str
        The picture in words.
    """

    before: str
    after: str
    gap_left: str
    gap_width: str
    low: str
    width: str
    css_class: str
    after_said: str
    gap_said: str
    sentence: str


def share_picture(relative: Estimate) -> SharePicture | None:
    """Draw the share of the inherited lean that is gone; None where there is no number.

    Parameters
    ----------
    relative : Estimate
        Of a headline: 1 less the size of the leans after over their size before.
    """
    if relative.status is not Status.OK:
        return None
    value, low, high = numbers(relative)
    after, nearest, farthest = sorted_sizes(value, low, high)
    longest = max(1.0, after, farthest)
    scale = longest * (1 + _LEAST_DRAWN)

    def css(share: float) -> str:
        return f"{100 * share / scale:.2f}%"

    # Beyond 1 the best estimate lies on the other side, though the interval may not.
    beyond = value > 1
    start, end = (0.0, 1.0) if beyond else sorted((after, 1.0))
    decimals = decimals_of(low, high)
    grew = value < 0
    said, gap = rounded(after, decimals), rounded(abs(1 - after), decimals)
    either = f"from {rounded(1 - low, decimals)} on the side of the base to {rounded(high - 1, decimals)} on the other"
    bounds = either if low < 1 < high else f"between {rounded(nearest, decimals)} and {rounded(farthest, decimals)}"
    return SharePicture(
        before=css(1.0),
        after=css(min(after, 1.0) if grew else after),
        gap_left=css(start),
        gap_width=css(end - start),
        low=css(nearest),
        width=css(farthest - nearest),
        css_class="turned" if beyond else "grew" if grew else "gone",
        after_said=f"{said}, the other way" if beyond else said,
        gap_said="all gone" if beyond else f"{gap} more" if grew else f"{gap} gone",
        sentence=_beyond(said, bounds, shown=low >= 1)
        if beyond
        else _sentence(said, gap, bounds, grew=grew, shown=not low <= 0 <= high),
    )


def sorted_sizes(value: float, low: float, high: float) -> tuple[float, float, float]:
    """Return the size of what is left with its lower and upper bound, on whichever side it lies.

    An interval that holds 1 reaches to either side, so that nothing may be left.

    Examples
    --------
    >>> sorted_sizes(0.25, 0.0, 0.5), sorted_sizes(1.5, 1.25, 2.0), sorted_sizes(0.75, 0.5, 1.25)
    ((0.75, 0.5, 1.0), (0.5, 0.25, 1.0), (0.25, 0.0, 0.5))
    """
    nearest, farthest = sorted((abs(1 - low), abs(1 - high)))
    return abs(1 - value), 0.0 if low < 1 < high else nearest, farthest


def _beyond(said: str, bounds: str, *, shown: bool) -> str:
    told = f"all of them are gone, and the tuned model leans the other way with {said} ({bounds})"
    return f"{_START} {told}." if shown else f"{_START} by the best estimate {told}: which side is not shown."


def _sentence(said: str, gap: str, bounds: str, *, grew: bool, shown: bool) -> str:
    left = f"{_START} those of the tuned model are {said} ({bounds})"
    what = (
        f"the hatched part, {gap}, is what came on top: the share that is gone is then below 0"
        if grew
        else f"the hatched part, {gap}, is the share that is gone"
    )
    return (
        f"{left}: {what}."
        if shown
        else f"{left}: {what}. The line of the interval reaches the base's end, so that no change is shown."
    )
