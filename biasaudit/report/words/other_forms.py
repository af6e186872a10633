"""What a comparison is in its other forms, in sentences: by side alone, and over pairs of equal length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from biasaudit.report.words.contrasts import sides_of
from biasaudit.report.words.wording import clean, count, number, p_value, percent, present, with_interval

Row: TypeAlias = Mapping[str, Any]  # Any: cells of a pandas row

DISAGREES: Final = (
    "Over the pairs whose two texts have as many tokens, {first} leans to the other side: nothing is claimed about its "
    "level"
)


def other_forms(row: Row, sign: Row | None, *, saturated: bool) -> tuple[str, ...]:
    """Say what stands beside a comparison and has no verdict of its own.

    Parameters
    ----------
    row : mapping
        In the graded form; see :data:`biasaudit.record.tables.COMPARISONS`.
    sign : mapping or None
        The same by sign.
    saturated : bool
        Whether the form by sign is at its limit in some arm.
    """
    said = [_of_equal_length(row), *(f"{note}." for note in disagreement(row))]
    if sign is not None:
        said += [_by_sign(sign, saturated=saturated), _of_equal_length(sign)]
    return tuple(one for one in [*said, _by_wording(row)] if one)


def disagreement(row: Row) -> tuple[str, ...]:
    """Return the note that belongs to a row whose level is not the same on pairs of equal length."""
    first, _ = sides_of(str(row["contrast"]))
    return (DISAGREES.format(first=first),) if row.get("equal_disagrees") else ()


def change_of(row: Row) -> str:
    """Return D with its interval, or that all clusters have the same D: an interval of no width would say certain.

    Examples
    --------
    >>> change_of({"status": "ok", "reduction": 0.0, "ci_low": 0.0, "ci_high": 0.0})
    '0.000 in every cluster'
    >>> change_of({"status": "too few clusters", "reduction": None, "ci_low": None, "ci_high": None})
    'too few clusters'
    """
    if str(row["status"]) != "ok":
        return clean(row["status"])
    value, low, high = (present(row[name]) for name in ("reduction", "ci_low", "ci_high"))
    if value is not None and low == high == value:
        return f"{number(value)} in every cluster"
    return with_interval(value, low, high)


def _by_sign(sign: Row, *, saturated: bool) -> str:
    limit = " Over 95\u00a0% of the items lie on one side there, so that it can hardly move." if saturated else ""
    if str(sign["status"]) != "ok":
        return f"By the side alone that each item leans to: {clean(sign['status'])}.{limit}"
    first, second = sides_of(str(sign["contrast"]))
    corrected = present(sign.get("p_bh" if sign.get("exploratory") else "p_holm"))
    tested = f"; p of no difference in size, corrected, {p_value(corrected)}" if corrected is not None else ""
    return (
        f"By the side alone that each item leans to, and not by how far, {first} has {_level(sign, 'first')} and "
        f"{second} {_level(sign, 'second')}; change {change_of(sign)}{tested}. No verdict is given on that.{limit}"
    )


def _of_equal_length(row: Row) -> str:
    if not row.get("equal_items"):
        return ""
    by = " by side alone," if str(row["metric"]) == "sign" else ""
    over = f"Over the {count(row['equal_items'])} pairs whose two texts have as many tokens,{by}"
    change = present(row.get("equal_reduction"))
    if change is None:
        return f"{over} there are too few clusters for a number."
    first, second = sides_of(str(row["contrast"]))
    levels = [_level(row, f"equal_{arm}") for arm in ("first", "second")]
    bounds = (present(row.get("equal_reduction_ci_low")), present(row.get("equal_reduction_ci_high")))
    return f"{over} {first} has {levels[0]} and {second} {levels[1]}; change {with_interval(change, *bounds)}."


def _by_wording(row: Row) -> str:
    low, high, agree = (present(row.get(f"framings_{part}")) for part in ("low", "high", "agree"))
    if low is None or high is None or agree is None or low == high:
        return ""
    return (
        f"Over the wordings of the request the change goes from {number(low)} to {number(high)}; "
        f"{percent(agree, decimals=0)} of them lie on its side of 0."
    )


def _level(row: Row, side: str) -> str:
    return with_interval(*(present(row.get(f"{side}_{part}")) for part in ("value", "ci_low", "ci_high")))
