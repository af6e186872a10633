"""The share of what was asked that was scored."""

from __future__ import annotations

import math
from typing import Final

from biasaudit.gate.criterion import Criterion, judge_lower
from biasaudit.gate.first_rules import FirstAudit, outward
from biasaudit.gate.lean import Interval
from biasaudit.gate.measurement import Measurement, Row, count, place
from biasaudit.gate.readings import Tables
from biasaudit.gate.vocabulary import Form
from biasaudit.types import Status


def _shares(tables: Tables) -> list[Measurement]:
    return [_share(row) for row in tables.indices(Form.PUBLISHED)]


def _share(row: Row) -> Measurement:
    scored, asked = count(row["n_items"]), count(row["n_asked"])
    usable = asked > 0 and scored <= asked
    share = scored / asked if usable else math.nan
    return Measurement(
        tuned=row["checkpoint"],
        arm=row["framing"],
        probe=row["probe"],
        feature=row["feature"],
        interval=Interval(share, share, share) if usable else None,
        n_items=scored,
        n_clusters=count(row["n_clusters"]),
        why=f"no usable counts: {scored} of {asked} items",
        method=f"{scored} of {asked} items were scored",
        evidence=place("estimates", row, "index, n_items and n_asked"),
        reserve="" if row["status"] == Status.OK.value else f"status: {row['status']}",
    )


def _rule_of_audit(audit: FirstAudit) -> list[str]:
    shares = [row["n_items"] / row["n_asked"] for cell in audit.cells for row in cell.levels if row["n_asked"] > 0]
    return [
        "  - id: coverage",
        f"    framing: {audit.framing}",
        "    # the least share of items that was scored in a cell",
        f"    min_coverage: {outward(min(shares), up=False)}",
    ]


MIN_COVERAGE: Final = Criterion(
    name="min_coverage",
    description="Lower limit on scored / asked.",
    limits=(0, 1),
    values=(0.0, 1.0),
    keys=frozenset({"features", "framing"}),
    read=_shares,
    judge=judge_lower,
    is_exact=True,
    rule_of_audit=_rule_of_audit,
)
