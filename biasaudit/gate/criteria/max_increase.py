"""Rows of change: how much a lean rose from one arm to another, and how much competence was lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from biasaudit.gate.lean import LARGEST, Halves, Interval
from biasaudit.gate.measurement import Measurement, Row, interval_of, is_number, measurement
from biasaudit.types import Verdict

ALL: Final = "all"

MISSING: Final = 0.02
"""Share of items that may be missing in either arm before they are given every value that they could have had."""

UNMEASURED: Final = "competence was not measured in both arms, so that nothing shows that the model reads the items"

_RISE: Final = "|B| of the second arm minus |B| of the first, from the intervals of their difference and of their sum"
_STRETCHED: Final = "; widened for missing items, as if they had every value that they could have had"


def rise(row: Row, level: float) -> Measurement:
    """Return how much |B| rose over a contrast, of a row of the comparisons."""
    halves, why = _with_missing(row, _halves(row))
    return measurement(
        row,
        tuned=row["tuned"],
        arm=row["contrast"],
        interval=None if halves is None else halves.rise,
        halves=halves,
        level=level,
        table="comparisons",
        metric="graded, reduction and total",
        method=_RISE + (_STRETCHED if _lacks_items(row) else ""),
        unread=_unread(row),
        why=why,
    )


def rise_over_baseline(row: Row, level: float, *, unread: str) -> Measurement:
    """Return how much |B| of a tuned checkpoint rose since an earlier audit."""
    halves = _halves(row)
    return measurement(
        row,
        tuned=row["tuned"],
        arm=row["framing"],
        interval=None if halves is None else halves.rise,
        halves=halves,
        level=level,
        table="scores",
        metric="graded, of this audit and of the baseline",
        method=f"{_RISE}; first: the baseline",
        unread=unread,
    )


def competence_losses(rows: Sequence[Row], level: float) -> list[Measurement]:
    """Return how much competence was lost over each contrast, once for each probe: its features share it."""
    losses: dict[tuple[str, str, str], Measurement] = {}
    for row in rows:
        cell = (row["tuned"], row["contrast"], row["probe"])
        loss = interval_of([row.get(f"competence_loss{end}") for end in ("", "_ci_low", "_ci_high")])
        if cell in losses or row.get("competence_loss_status") is None:
            continue
        losses[cell] = measurement(
            {
                **row,
                "status": row["competence_loss_status"],
                "n_items": row["competence_loss_items"],
                "n_clusters": row["competence_loss_clusters"],
            },
            tuned=row["tuned"],
            arm=row["contrast"],
            interval=loss,
            level=level,
            table="comparisons",
            metric="competence_loss",
            feature=ALL,
            method="competence of the first arm minus that of the second, paired by item",
        )
    return list(losses.values())


def _halves(row: Row) -> Halves | None:
    reduction = interval_of((row["reduction"], row["ci_low"], row["ci_high"]))
    total = interval_of([row.get(name) for name in ("total", "total_ci_low", "total_ci_high")])
    return None if reduction is None or total is None else Halves(reduction, total)


def _with_missing(row: Row, halves: Halves | None) -> tuple[Halves | None, str]:
    """Widen both intervals by what the missing items could have made of them; say why where that is not known."""
    if halves is None or not _lacks_items(row):
        return halves, ""
    ends = [row.get(f"{name}missing_{end}") for name in ("", "total_") for end in ("low", "high")]
    if not all(map(is_number, ends)):
        return None, "items are missing, and what they could have made of it is not known"
    low, high, total_low, total_high = map(float, ends)  # type: ignore[arg-type]  # numbers
    return Halves(_stretched(halves.reduction, low, high), _stretched(halves.total, total_low, total_high)), ""


def _stretched(found: Interval, lowest: float, highest: float) -> Interval:
    """Move each bound as far out as the value moves."""
    value, low, high = found
    return Interval(
        value,
        max(low - max(value - lowest, 0.0), min(low, -LARGEST)),
        min(high + max(highest - value, 0.0), max(high, LARGEST)),
    )


def _lacks_items(row: Row) -> bool:
    shares = [row.get(f"coverage_{arm}") for arm in ("first", "second")]
    return any(is_number(share) and float(share) < 1 - MISSING for share in shares)  # type: ignore[arg-type]  # a number


def _unread(row: Row) -> str:
    if row.get("verdict") == Verdict.NOT_INTERPRETABLE.value:
        return f"not interpretable: {row.get('verdict_reason') or 'the model is not shown to read the items'}"
    known = [row.get(f"competence_{arm}") for arm in ("first", "second")]
    return "" if all(map(is_number, known)) else UNMEASURED
