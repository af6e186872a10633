"""How many leans lie clearly on the other side of parity now: their size alone does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import present

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def crossed(rows: Sequence[Mapping[str, Any]]) -> str:  # Any: cells of pandas rows
    """Say in how many comparisons the two intervals lie on opposite sides of 0; empty where there is none.

    Parameters
    ----------
    rows : sequence of mapping
        Comparisons that can be read; see :data:`biasaudit.record.tables.COMPARISONS`.

    Examples
    --------
    >>> row = {"first_ci_low": 0.4, "first_ci_high": 0.5, "second_ci_low": -0.3, "second_ci_high": -0.2}
    >>> crossed([row, {**row, "second_ci_high": 0.1}])
    'In 1 of 2 comparisons the lean is on the other side now.'
    """
    n_crossed = sum(_sides(row, "first") * _sides(row, "second") < 0 for row in rows)
    if not n_crossed:
        return ""
    return f"In {n_crossed} of {counted(len(rows), 'comparison', 'comparisons')} the lean is on the other side now."


def _sides(row: Mapping[str, Any], arm: str) -> int:  # Any: as above
    """Return 1 or -1 where an interval lies clearly on a side, else 0."""
    low, high = present(row[f"{arm}_ci_low"]), present(row[f"{arm}_ci_high"])
    if low is None or high is None:
        return 0
    return int(low > 0) - int(high < 0)
