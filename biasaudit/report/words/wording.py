"""Numbers and foreign text as they are shown: pure functions from values to strings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from biasaudit.types import Contrast, Verdict

if TYPE_CHECKING:
    import pandas as pd

NOT_RECORDED: Final = "not recorded"
NOT_MEASURED: Final = "not measured"
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


def with_interval(value: float | None, low: float | None, high: float | None, *, otherwise: str = NOT_MEASURED) -> str:
    """Return a value with its interval; without an interval there is no number.

    Examples
    --------
    >>> with_interval(0.123, 0.05, 0.196)
    '0.123 (0.050 to 0.196)'
    >>> with_interval(0.123, None, None)
    'not measured'
    """
    if value is None or low is None or high is None:
        return otherwise
    return f"{number(value)} ({number(low)} to {number(high)})"


def percent_with_interval(value: float, low: float, high: float) -> str:
    """Return a relative quantity with its interval, in percent."""
    return f"{percent(value)} ({percent(low)} to {percent(high)})"


def p_value(value: float | None) -> str:
    """Return a p-value with three decimals, or a dash where no test was made."""
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else number(value)


def estimate_text(row: Mapping[str, Any]) -> str:  # Any: cells of a pandas row
    """Return the estimate of a table row; any status but ok gives the status and no number."""
    status = str(row["status"])
    if status != "ok":
        return clean(status)
    return with_interval(present(row["value"]), present(row["ci_low"]), present(row["ci_high"]))


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
