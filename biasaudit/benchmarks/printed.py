"""Published scores in words: what a terminal and a page say alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from biasaudit.benchmarks.answered import ALL
from biasaudit.types import Status

MISSING: Final = 0.02
"""Share of a set from which its scores are said to be those of a part."""

Row = Mapping[Any, Any]  # Any: pandas cells


def point_of(row: Row) -> float | None:
    """Return the score of a row that has too few clusters for an interval, or None.

    Examples
    --------
    >>> point_of({"status": "too few clusters", "point": 61.25})
    61.25
    >>> point_of({"status": "ok", "point": 61.25}) is point_of({"status": "not measured"}) is None
    True
    """
    point = row.get("point")
    if row["status"] != Status.TOO_FEW_CLUSTERS.value or not isinstance(point, (int, float)) or point != point:  # noqa: PLR0124  # NaN
        return None
    return float(point)


def without_interval(row: Row) -> str:
    """Return what stands after a score that has no interval, where there is room for the reason.

    Examples
    --------
    >>> without_interval({"n_clusters": 3})
    '(no interval: 3 clusters)'
    """
    n_clusters = int(row["n_clusters"])
    return f"(no interval: {n_clusters:,} cluster{'' if n_clusters == 1 else 's'})"


def value_text(row: Row) -> str:
    """Return a score with its interval, as a terminal shows it, or why it has none.

    Examples
    --------
    >>> value_text({"status": "ok", "value": 61.25, "ci_low": 59.0, "ci_high": 63.5})
    '61.25 (59 to 63.5)'
    >>> value_text({"status": "too few clusters", "point": 61.25, "n_clusters": 3})
    '61.25 (no interval)'
    """
    point = point_of(row)
    if point is not None:
        return f"{point:.4g} (no interval)"
    if row["status"] != Status.OK.value:
        return str(row["status"])
    return f"{row['value']:.4g} ({row['ci_low']:.4g} to {row['ci_high']:.4g})"


def part_of_the_set(rows: Iterable[Row]) -> str:
    """Say so where scores rest on a part of the set alone; empty where they rest on nearly all of it.

    Examples
    --------
    >>> part_of_the_set([{"subset": "all", "n_items": 41, "n_asked": 1508}])
    '41 of 1,508 items were scored (2.7 %): these are scores of that part, and not of the set.'
    >>> part_of_the_set([{"subset": "all", "n_items": 1500, "n_asked": 1508}])
    ''
    """
    counted = [(int(row["n_items"]), int(row["n_asked"])) for row in rows if row["subset"] == ALL]
    counted = [(scored, asked) for scored, asked in counted if asked]
    scored, asked = min(counted, key=lambda one: one[0] / one[1], default=(0, 0))
    if not asked or scored >= (1 - MISSING) * asked:
        return ""
    return (
        f"{scored:,} of {asked:,} items were scored ({scored / asked:.1%}): these are scores of that part, and not of "
        "the set."
    ).replace("%)", " %)")
