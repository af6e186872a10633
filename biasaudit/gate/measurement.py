"""One row of an audit's tables, in the one form that every criterion is judged by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from biasaudit.gate.lean import Halves, Interval
from biasaudit.types import Status

Row: TypeAlias = Mapping[str, Any]  # Any: cells of several types


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number of an audit that a rule may look at, or the reason why there is none.

    Attributes
    ----------
    tuned, arm, probe, feature, group : str
        The cell; the arm is a framing or a contrast.
    interval : Interval or None
        Value, lower and upper bound.
    halves : Halves or None
        What `interval` is made of, where it is a rise of |B|.
    level : float or None
        Confidence level of the interval, if it is known.
    n_items, n_clusters : int
    why : str
        Why there is no interval.
    method : str
    evidence : str
        Table and row.
    reserve : str
        Why it cannot pass, whatever the number; empty if it can.
    unread : str
        Why nothing shows that the model reads what it was asked; empty if competence shows it. It cannot pass then
        either, nor be let through as undecided.
    """

    tuned: str
    arm: str
    probe: str
    feature: str
    group: str = ""
    interval: Interval | None
    halves: Halves | None = None
    level: float | None = None
    n_items: int = 0
    n_clusters: int = 0
    why: str = ""
    method: str = ""
    evidence: str = ""
    reserve: str = ""
    unread: str = ""


def measurement(
    row: Row,
    *,
    tuned: str,
    arm: str,
    interval: Interval | None,
    level: float,
    table: str,
    metric: str,
    feature: str | None = None,
    group: str = "",
    method: str = "",
    halves: Halves | None = None,
    unread: str = "",
    why: str = "",
) -> Measurement:
    """Put a row into the one form.

    Parameters
    ----------
    row : mapping
        With probe, feature, status, n_items and n_clusters; level and method where it has them.
    tuned, arm : str
    interval : Interval or None
        Taken only where the row's status is ok.
    level : float
        Of the interval, where the row does not name it.
    table, metric : str
        Where the numbers stand.
    feature, group, method : str
        In place of the row's.
    halves : Halves, optional
    unread, why : str
        `why` is said where there is no interval although the status is ok.
    """
    ok = row["status"] == Status.OK.value
    named = row.get("level", level)
    return Measurement(
        tuned=tuned,
        arm=arm,
        probe=row["probe"],
        feature=row["feature"] if feature is None else feature,
        group=group,
        interval=interval if ok else None,
        halves=halves if ok and interval is not None else None,
        level=float(named) if is_number(named) and 0 < named < 1 else None,
        n_items=count(row["n_items"]),
        n_clusters=count(row["n_clusters"]),
        why=(why or "no usable interval") if ok else f"status: {row['status']}",
        method=method or str(row.get("method", "")),
        evidence=place(table, row, metric),
        unread=unread,
    )


def interval_of(numbers: Sequence[object]) -> Interval | None:
    """Return value and bounds, or None where one of them is no number or they are out of order.

    Examples
    --------
    >>> interval_of((0.1, 0.0, 0.2))
    Interval(value=0.1, low=0.0, high=0.2)
    >>> interval_of((0.1, 0.2, None)) is interval_of((0.1, 0.2, 0.0)) is None
    True
    """
    value, low, high = (float(number) if is_number(number) else math.nan for number in numbers)  # type: ignore[arg-type]  # a number
    usable = math.isfinite(value) and low <= high and math.isfinite(high - low)
    return Interval(value, low, high) if usable else None


def place(table: str, row: Row, metric: str) -> str:
    """Return where a number stands: table, row and metric."""
    keys = ("checkpoint", "tuned", "framing", "contrast", "probe", "feature", "group")
    cell = ", ".join(f"{key} {row[key]}" for key in keys if row.get(key))
    return f"{table}.parquet: {cell}; {metric}"


def is_number(value: object) -> bool:
    """Whether `value` is a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def count(value: object) -> int:
    """Return a count; what is none counts as 0."""
    return max(int(value), 0) if is_number(value) else 0  # type: ignore[call-overload]  # a number
