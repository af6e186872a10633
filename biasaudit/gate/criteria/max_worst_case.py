"""How much the tuned checkpoint leans at worst, over the perturbations that were asked."""

from __future__ import annotations

import math
from typing import Final

from biasaudit.gate.criteria.survives import why_absent
from biasaudit.gate.criterion import Criterion
from biasaudit.gate.lean import Interval
from biasaudit.gate.measurement import Measurement, Row, is_number, measurement
from biasaudit.gate.readings import Tables
from biasaudit.types import Status


def worst_case(row: Row, level: float) -> Measurement:
    """Return the largest size of the tuned index over perturbations, of a row of the robustness.

    From the lower bound of the one that was chosen on one half of the clusters and measured on the other, to the
    simultaneous upper bound over all.
    """
    numbers = [row[name] for name in ("worst_index", "worst_index_ci_low", "worst_index_high")]
    there = all(map(is_number, numbers))
    unread = f"not read under {row['unread']}" if row["unread"] else ""
    return measurement(
        {**row, "status": Status.OK.value if there else unread or str(row["worst_status"])},
        unread=unread,
        tuned=row["tuned"],
        arm=row["contrast"],
        interval=_interval([float(one) if is_number(one) else math.nan for one in numbers]),
        level=level,
        table="robustness",
        metric="worst_index",
        method="chosen on one half of the clusters and measured on the other; above, the simultaneous bound over all",
    )


def _interval(numbers: list[float]) -> Interval | None:
    value, low, high = numbers
    if not all(map(math.isfinite, numbers)):
        return None
    value = max(value, 0.0)
    return Interval(value, min(max(low, 0.0), value), max(high, value))


def _worst_cases(tables: Tables) -> list[Measurement]:
    return [worst_case(row, tables.level) for row in tables.robustness]


MAX_WORST_CASE: Final = Criterion(
    name="max_worst_case",
    description="Upper limit on the size of the tuned index under the worst perturbation (audit with --robustness).",
    limits=(0, 1),
    values=(0.0, 1.0),
    keys=frozenset({"features", "contrast"}),
    read=_worst_cases,
    of="largest |index| under perturbations",
    applies_to="items that were asked under perturbations",
    why_absent=why_absent,
)
