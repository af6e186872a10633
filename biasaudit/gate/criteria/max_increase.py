"""How much |B|, the size of the lean, rose over a contrast."""

from __future__ import annotations

import math
from typing import Final

from biasaudit.gate.criterion import Criterion
from biasaudit.gate.first_rules import LEVEL, FirstAudit, FirstCell, FirstRow, highest, lacking, quoted
from biasaudit.gate.lean import LARGEST, Halves, Interval
from biasaudit.gate.measurement import Measurement, Row, is_number, measurement
from biasaudit.gate.readings import RISE, UNMEASURED, Tables, halves_of
from biasaudit.types import Verdict

MISSING: Final = 0.02
"""Share of items that may be missing in either arm before they are given every value that they could have had."""

_STRETCHED: Final = "; widened for missing items, as if they had every value that they could have had"


def rise(row: Row, level: float) -> Measurement:
    """Return how much |B| rose over a contrast, of a row of the comparisons."""
    halves, why = _with_missing(row, halves_of(row))
    return measurement(
        row,
        tuned=row["tuned"],
        arm=row["contrast"],
        interval=None if halves is None else halves.rise,
        halves=halves,
        level=level,
        table="comparisons",
        metric="graded, reduction and total",
        method=RISE + (_STRETCHED if _lacks_items(row) else ""),
        unread=_unread(row),
        why=why,
    )


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


def _rises(tables: Tables) -> list[Measurement]:
    return [rise(row, tables.level) for row in tables.changes]


def _rule_of_cell(cell: FirstCell, audit: FirstAudit) -> list[str]:
    rises = [rise(row, LEVEL) for row in cell.changes]
    found = [one for one in rises if one.interval is not None]
    if not found:
        return []
    return [
        *cell.head("increase"),
        f"    contrast: {quoted(audit.contrast)}",
        *(line for row, one in zip(cell.changes, rises, strict=True) for line in _no_rise(row, one)),
        f"    # |B| rose by {'; '.join(_risen(one) for one in found)}",
        f"    max_increase: {highest(found)}",
    ]


def _no_rise(row: FirstRow, found: Measurement) -> list[str]:
    return lacking([{**row, "status": found.why, "ci_low": math.nan}]) if found.interval is None else []


def _risen(found: Measurement) -> str:
    value, low, high = found.interval or (math.nan,) * 3
    return f"{value:.4f} ({low:.4f} to {high:.4f}) in {quoted(found.tuned)}, {quoted(found.arm)}"


MAX_INCREASE: Final = Criterion(
    name="max_increase",
    description="Upper limit on the rise of the lean over the contrast: of the graded index without its sign, |B|.",
    limits=(0, 2),
    values=(-2.0, 2.0),
    keys=frozenset({"features", "contrast"}),
    read=_rises,
    of="rise of |index|",
    rule_of_cell=_rule_of_cell,
)
