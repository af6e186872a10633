"""Numbers and foreign text as they are shown: pure functions from values to strings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.rounding import (
    LEAST_INDEX,
    LEAST_PERCENT,
    PARITY,
    change_marks,
    decimals_carried,
    estimate_marks,
)
from biasaudit.types import Contrast, Verdict

if TYPE_CHECKING:
    import pandas as pd

NOT_RECORDED: Final = "not recorded"
NOT_MEASURED: Final = "not measured"
_P_DECIMALS, _P_FINEST = 3, 9
_SHOWN_BY: Final = 0.05
"""A p-value up to this counts as shown at the usual level."""
NAME_LIMIT: Final = 160
TEXT_LIMIT: Final = 600

VERDICT_SYMBOLS: Final[Mapping[str, str]] = {
    Verdict.REDUCED: "↓",
    Verdict.UNCHANGED: "=",
    Verdict.INCREASED: "↑",
    Verdict.REVERSED: "⇄",
    Verdict.SHIFTED_WITH: "↗",
    Verdict.SHIFTED_AGAINST: "↘",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_INTERPRETABLE: "∅",
    Verdict.NOT_MEASURED: "–",
}
"""A sign for each verdict, so that none is told by colour alone. In the order of the report."""

ARMS: Final[Mapping[str, tuple[str, str]]] = {
    Contrast.WEIGHTS_PLAIN: ("base", "tuned"),
    Contrast.WEIGHTS_CHAT: ("base, chat", "tuned, chat"),
    Contrast.TEMPLATE_TUNED: ("tuned, plain", "tuned, chat"),
    Contrast.TEMPLATE_BASE: ("base, plain", "base, chat"),
    Contrast.INTERACTION: ("reduction in chat", "reduction in plain"),
    Contrast.WEIGHTS_AVERAGED: ("base, both framings", "tuned, both framings"),
    Contrast.TEMPLATE_AVERAGED: ("plain, both checkpoints", "chat, both checkpoints"),
    Contrast.AS_DEPLOYED: ("base, plain", "tuned, chat"),
    Contrast.STEP_PLAIN: ("before, plain", "this one, plain"),
    Contrast.STEP_CHAT: ("before, chat", "this one, chat"),
}
"""What the first and the second arm of a contrast are."""

# Surrogates cannot be encoded, and control characters are not allowed in HTML or SVG.
# An override or isolate that is not closed leaves its <bdi> in browsers, and mirrors our words after it.
_UNSHOWABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
BIDI_CONTROLS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def showable(text: str) -> str:
    """Return `text` with lone surrogates and controls, also of writing direction, replaced by U+FFFD.

    Examples
    --------
    >>> showable("a" + chr(0xD800))
    'a�'
    """
    return _UNSHOWABLE.sub("\ufffd", text)


def clean(text: object, *, limit: int = NAME_LIMIT) -> str:
    """Return foreign text, showable and at most `limit` characters long; says how much was cut.

    Examples
    --------
    >>> clean("abcdef", limit=4)
    'abcd… (2 more characters)'
    """
    whole = str(text)
    if len(whole) <= limit:
        return showable(whole)
    return f"{showable(whole[:limit])}… ({len(whole) - limit:,} more characters)"


def shown_or_not_recorded(value: object) -> str:
    """Return a recorded value, ready to show.

    Examples
    --------
    >>> shown_or_not_recorded("MIT"), shown_or_not_recorded(None)
    ('MIT', 'not recorded')
    """
    return NOT_RECORDED if value is None or value == "" else clean(value, limit=TEXT_LIMIT)


def chart_label(text: object, *, limit: int = 28) -> str:
    """Return a short label for a chart, where no element can isolate its writing direction."""
    whole = showable(BIDI_CONTROLS.sub("", str(text)[: 4 * limit])).replace("\n", " ")
    return whole if len(whole) <= limit else f"{whole[: limit - 1]}…"


def present(value: Any) -> float | None:  # Any: a cell of a pandas frame
    """Return a number, or None for None and NaN."""
    if value is None or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return float(value)


def number(value: float, *, decimals: int = 3) -> str:
    """Return `value` with a proper minus sign and no negative zero.

    Examples
    --------
    >>> number(-0.1234), number(-0.0001)
    ('−0.123', '0.000')
    """
    shown = f"{value:,.{decimals}f}"
    if float(shown.replace(",", "")) == 0:
        shown = shown.lstrip("-")
    return shown.replace("-", "−")


def percent(value: float, *, decimals: int = 1) -> str:
    r"""Return a share as a percentage.

    Examples
    --------
    >>> percent(0.1234)
    '12.3\xa0%'
    """
    return f"{number(100 * value, decimals=decimals)}\u00a0%"


def with_interval(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    otherwise: str = NOT_MEASURED,
    least: int = LEAST_INDEX,
    marks: Sequence[float] = PARITY,
) -> str:
    """Return a value with its interval, rounded to what the interval carries; without an interval, no number.

    Parameters
    ----------
    value, low, high : float or None
    otherwise : str
        What is said where one is missing.
    least : int
        Decimals that are shown at least.
    marks : sequence of float
        What the interval must be seen to be clear of, where it is: parity, the margin, chance.

    Examples
    --------
    >>> with_interval(0.123, 0.05, 0.196), with_interval(0.0514, 0.0014, 0.1014)
    ('0.12 (0.05 to 0.20)', '0.051 (0.001 to 0.101)')
    >>> with_interval(0.123, None, None)
    'not measured'
    """
    if value is None or low is None or high is None:
        return otherwise
    decimals = decimals_carried(low, high, least=least, marks=marks)
    shown, shown_low, shown_high = (number(part, decimals=decimals) for part in (value, low, high))
    return f"{shown} ({shown_low} to {shown_high})"


def in_row(row: Mapping[str, Any], name: str) -> str:  # Any: pandas cells
    """Return a number of a row with its interval, ``NAME_ci_low`` to ``NAME_ci_high``; without one, no number."""
    found, low, high = (present(row[one]) for one in (name, f"{name}_ci_low", f"{name}_ci_high"))
    return with_interval(found, low, high)


def as_carried(value: float, low: float | None, high: float | None, *, least: int = LEAST_INDEX) -> str:
    """Return a value alone, with the decimals that it has beside its interval; without one, with the fewest.

    Examples
    --------
    >>> as_carried(0.1234, 0.08, 0.16), as_carried(0.1234, 0.12, 0.13), as_carried(0.1234, None, None)
    ('0.12', '0.123', '0.12')
    """
    if low is None or high is None:
        return number(value, decimals=least)
    return number(value, decimals=decimals_carried(low, high, least=least))


def percent_with_interval(value: float, low: float, high: float) -> str:
    r"""Return a share with its interval, in percent, rounded to what the interval carries.

    Examples
    --------
    >>> percent_with_interval(0.123, 0.05, 0.196), percent_with_interval(0.123, 0.11, 0.136)
    ('12\xa0% (5\xa0% to 20\xa0%)', '12.3\xa0% (11.0\xa0% to 13.6\xa0%)')
    """
    decimals = decimals_carried(100 * low, 100 * high, least=0)
    shown, shown_low, shown_high = (percent(part, decimals=decimals) for part in (value, low, high))
    return f"{shown} ({shown_low} to {shown_high})"


def p_value(value: float | None) -> str:
    """Return a p-value with three decimals, or a dash where no test was made.

    It has more where it would else be shown on the other side of what counts as shown.

    Examples
    --------
    >>> p_value(0.0496), p_value(0.0504)
    ('0.050', '0.0504')
    """
    if value is None:
        return "–"
    if value < 0.001:
        return "< 0.001"
    decimals = next(
        (more for more in range(_P_DECIMALS, _P_FINEST) if (round(value, more) <= _SHOWN_BY) == (value <= _SHOWN_BY)),
        _P_FINEST,
    )
    return number(value, decimals=decimals)


def estimate_text(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    """Return the estimate of a table row; any status but ok gives the status and no number."""
    status = str(row["status"])
    if status != "ok":
        return clean(status)
    value, low, high = (present(row[name]) for name in ("value", "ci_low", "ci_high"))
    least = LEAST_PERCENT if row.get("unit") == "percent" else LEAST_INDEX
    return with_interval(value, low, high, least=least, marks=estimate_marks(row))


def change_text(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    """Return the change of a row of comparisons; any status but ok gives the status and no number.

    Of an interval without width, which would say certain, the words say what it is.

    Examples
    --------
    >>> row = {"status": "ok", "reduction": 0.02, "ci_low": -0.048, "ci_high": 0.04, "margin": 0.05}
    >>> change_text(row)
    '0.020 (−0.048 to 0.040)'
    """
    status = str(row["status"])
    if status != "ok":
        return clean(status)
    value, low, high = (present(row[name]) for name in ("reduction", "ci_low", "ci_high"))
    if value is not None and low == high == value:
        return f"{number(value)} in every cluster"
    return with_interval(value, low, high, marks=change_marks(row))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as mappings."""
    # As `to_dict` does, which takes each column out twice and is five times slower: a page asks for 100 frames.
    names, columns = [str(name) for name in frame.columns], [column.tolist() for _, column in frame.items()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def count(value: object) -> str:
    """Return a count with thousands separated, or "not recorded"."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return NOT_RECORDED
    return f"{int(value):,}"


def verdict_class(verdict: str) -> str:
    """Return a CSS class for a verdict; unknown words get none of the known looks.

    Examples
    --------
    >>> verdict_class("not measured"), verdict_class("<b>")
    ('not-measured', 'other')
    """
    return verdict.replace(" ", "-") if verdict in VERDICT_SYMBOLS else "other"


def in_words(counts: Mapping[str, int]) -> str:
    """Return counts of verdicts as a list in words, in the order of the report.

    Examples
    --------
    >>> in_words({"increased": 1, "reduced": 2})
    '2 reduced, 1 increased'
    """
    order = [*VERDICT_SYMBOLS, *sorted(set(counts) - set(VERDICT_SYMBOLS))]
    return ", ".join(f"{counts[verdict]} {clean(verdict)}" for verdict in order if counts.get(verdict))
