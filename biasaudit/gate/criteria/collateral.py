"""What tuning may break beside the bias: how far the licensed associations may fall over a contrast."""

from __future__ import annotations

from typing import Final

from biasaudit.gate.criterion import Criterion
from biasaudit.gate.measurement import Measurement, Row, interval_of, measurement
from biasaudit.gate.readings import Tables


def licensed_drop(row: Row, level: float) -> Measurement:
    """Return how much of the licensed associations was lost, of a row of the damage."""
    return measurement(
        {
            **row,
            "status": row["licensed_status"],
            "n_items": row["licensed_items"],
            "n_clusters": row["licensed_clusters"],
        },
        tuned=row["tuned"],
        arm=row["contrast"],
        interval=interval_of([row[f"licensed_drop{end}"] for end in ("", "_ci_low", "_ci_high")]),
        level=level,
        table="damage",
        metric="licensed_drop",
        method="share of the right word in the first arm minus that in the second, paired by item",
    )


def _drops(tables: Tables) -> list[Measurement]:
    return [licensed_drop(row, tables.level) for row in tables.damage]


def _why_absent(tables: Tables) -> str:
    if tables.damage:
        return ""
    return (
        "not measured: the audit has no probe with licensed associations, or is of an earlier version, which did not "
        "ask for them"
    )


COLLATERAL: Final = Criterion(
    name="collateral",
    within="licensed_drop",
    description="Upper limit on what tuning may break beside the bias: licensed_drop, how far the licensed "
    "associations (right by definition or in fact, such as the queen and she) may fall over the contrast.",
    limits=(0, 1),
    values=(-1.0, 1.0),
    keys=frozenset({"features", "contrast"}),
    read=_drops,
    of="fall of licensed associations",
    applies_to="licensed associations",
    why_absent=_why_absent,
)
