"""How much the tuned checkpoint leans, with the stereotype or against it."""

from __future__ import annotations

from typing import Final

from biasaudit.gate.criterion import Criterion, judge_either_way
from biasaudit.gate.first_rules import FirstAudit, FirstCell, interval_text, lacking, measured, outward
from biasaudit.gate.readings import graded_levels, levels


def _rule_of_cell(cell: FirstCell, audit: FirstAudit) -> list[str]:
    lines = [*cell.head("index"), f"    framing: {audit.framing}", "    form: graded", *lacking(cell.levels)]
    if found := measured(cell.levels):
        furthest = max(abs(end) for row in found for end in (row["ci_low"], row["ci_high"]))
        lines += [f"    # it was {'; '.join(interval_text(row, 'value') for row in found)}"]
        return [*lines, f"    max_abs_index: {outward(furthest, up=True)}"]
    return [
        *lines,
        "    # 1 is no limit: it only keeps the cell from being forgotten. Set one.",
        "    max_abs_index: 1",
    ]


MAX_ABS_INDEX: Final = Criterion(
    name="max_abs_index",
    description="Upper limit on the index without its sign, either way.",
    limits=(0, 1),
    values=(-1.0, 1.0),
    keys=frozenset({"features", "form", "framing"}),
    read=levels,
    read_graded=graded_levels,
    judge=judge_either_way,
    of="|index|",
    rule_of_cell=_rule_of_cell,
)
