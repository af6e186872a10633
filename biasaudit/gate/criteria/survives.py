"""Whether reductions hold under perturbations: how many of these may break one."""

from __future__ import annotations

from typing import Final

from biasaudit.gate.criterion import Criterion
from biasaudit.gate.lean import Interval
from biasaudit.gate.measurement import Measurement, Row, measurement
from biasaudit.gate.readings import Tables
from biasaudit.types import Robustness, Status

ABSENT: Final = "not measured: the audit asked nothing under perturbations. Run it with --robustness"

_COUNTED: Final = frozenset({Robustness.SURVIVES.value, Robustness.BROKEN.value})


def broken(row: Row, level: float) -> Measurement:
    """Return how many perturbations break a reduction, of a row of the robustness; none where that is not decided."""
    names = [name for name in str(row["broken_by"]).split(", ") if name]
    counted = row["verdict"] in _COUNTED
    number = float(len(names))
    return measurement(
        {**row, "status": Status.OK.value if counted else f"{row['verdict']} ({row['reason']})"},
        unread=f"not read under {row['unread']}" if row["unread"] else "",
        tuned=row["tuned"],
        arm=row["contrast"],
        interval=Interval(number, number, number),
        level=level,
        table="robustness",
        metric="verdict",
        method=f"broken by {row['broken_by']}" if names else "a reduction is shown under every perturbation",
    )


def _claimed(tables: Tables) -> list[Measurement]:
    # What is not reduced has nothing to survive: other criteria judge it.
    return [broken(row, tables.level) for row in tables.robustness if row["verdict"] != Robustness.NO_REDUCTION.value]


def why_absent(tables: Tables) -> str:
    """Return why nothing is there; empty where something was asked under perturbations."""
    return "" if tables.robustness else ABSENT


SURVIVES: Final = Criterion(
    name="survives",
    within="broken",
    description="Upper limit on how many of the perturbations of an audit with --robustness may break a reduction that "
    "is claimed: broken, 0 lets none. A reduction of which nothing can be said under some of them passes nothing.",
    limits=(0, 100),
    values=(0.0, 100.0),
    keys=frozenset({"features", "contrast"}),
    read=_claimed,
    is_exact=True,
    of="perturbations that break a reduction",
    applies_to="reductions that are claimed and were asked under perturbations",
    why_absent=why_absent,
)
