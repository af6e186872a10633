"""How much |B| of a tuned checkpoint rose since an earlier audit."""

from __future__ import annotations

from typing import Final

from biasaudit.gate.criterion import Criterion
from biasaudit.gate.measurement import Measurement, Row, measurement
from biasaudit.gate.readings import RISE, Tables, halves_of


def _rises(tables: Tables) -> list[Measurement]:
    return [_rise(row, tables) for row in tables.baseline or ()]


def _rise(row: Row, tables: Tables) -> Measurement:
    halves = halves_of(row)
    return measurement(
        row,
        tuned=row["tuned"],
        arm=row["framing"],
        interval=None if halves is None else halves.rise,
        halves=halves,
        level=tables.level,
        table="scores",
        metric="graded, of this audit and of the baseline",
        method=f"{RISE}; first: the baseline",
        unread=tables.why_unread(row["tuned"], row["framing"], row["probe"]),
    )


def _why_absent(tables: Tables) -> str:
    if tables.baseline is None:
        return "not measured: no baseline is given; name an earlier audit with --baseline"
    return ""


MAX_INCREASE_OVER_BASELINE: Final = Criterion(
    name="max_increase_over_baseline",
    description="Upper limit on the rise of the tuned checkpoint's lean, |B|, over an earlier audit (--baseline).",
    limits=(0, 2),
    values=(-2.0, 2.0),
    keys=frozenset({"features", "framing"}),
    read=_rises,
    of="rise of |index|",
    why_absent=_why_absent,
)
