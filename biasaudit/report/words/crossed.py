"""How many leans lie clearly on the other side of parity now: their size alone does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import clean, present
from biasaudit.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_LESS: Final = (Verdict.REDUCED.value, Verdict.REVERSED.value)
_NAMED: Final = 2
"""Comparisons that are named; of more, the others are counted."""
_NAME_LIMIT: Final = 60


def crossed(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str] | None = None) -> str:  # Any: pandas cells
    """Say in how many comparisons the two intervals lie on opposite sides of 0; empty where there is none.

    Parameters
    ----------
    rows : sequence of mapping
        Comparisons that can be read; see :data:`biasaudit.record.tables.COMPARISONS`.
    names : mapping, optional
        Probe -> name to show; without it none is named.

    Examples
    --------
    >>> row = {"first_ci_low": 0.4, "first_ci_high": 0.5, "second_ci_low": -0.3, "second_ci_high": -0.2}
    >>> crossed([row, {**row, "second_ci_high": 0.1}])
    'In 1 of 2 comparisons the lean is on the other side now.'
    >>> crossed([{**row, "probe": "traits", "feature": "age"}], {"traits": "Traits"})
    'In 1 of 1 comparison the lean is on the other side now: Traits, age.'
    """
    found = [row for row in rows if _sides(row, "first") * _sides(row, "second") < 0]
    if not found:
        return ""
    of = counted(len(rows), "comparison", "comparisons")
    return f"In {len(found)} of {of} the lean is on the other side now{_named(found, names)}."


def grown(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:  # Any: pandas cells
    """Say which leans grew while others shrank or changed sides; empty where only one of the two was found.

    Parameters
    ----------
    rows, names
        As of :func:`crossed`.

    Examples
    --------
    >>> less = {"probe": "traits", "feature": "gender", "verdict": "reduced"}
    >>> more = {"probe": "traits", "feature": "religion", "verdict": "increased"}
    >>> grown([less, more], {"traits": "Traits"}), grown([more], {})
    ('The lean is larger now in 1 of 2 comparisons: Traits, religion.', '')
    """
    larger = [row for row in rows if row["verdict"] == Verdict.INCREASED.value]
    if not larger or not any(row["verdict"] in _LESS for row in rows):
        return ""
    of = counted(len(rows), "comparison", "comparisons")
    return f"The lean is larger now in {len(larger)} of {of}{_named(larger, names)}."


def _named(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str] | None) -> str:  # Any: as above
    if names is None:
        return ""
    shown = [
        ", ".join(
            clean(name, limit=_NAME_LIMIT) for name in (names.get(str(row["probe"]), row["probe"]), row["feature"])
        )
        for row in rows[:_NAMED]
    ]
    more = len(rows) - len(shown)
    return f": {'; '.join([*shown, f'{more} more'] if more else shown)}"


def _sides(row: Mapping[str, Any], arm: str) -> int:  # Any: as above
    """Return 1 or -1 where an interval lies clearly on a side, else 0."""
    low, high = present(row[f"{arm}_ci_low"]), present(row[f"{arm}_ci_high"])
    if low is None or high is None:
        return 0
    return int(low > 0) - int(high < 0)
