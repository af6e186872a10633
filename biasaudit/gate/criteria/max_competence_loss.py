"""How much competence was lost over a contrast: a model that has forgotten how to read leans little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from biasaudit.gate.criterion import Criterion
from biasaudit.gate.first_rules import LEVEL, FirstAudit, highest, quoted
from biasaudit.gate.measurement import Measurement, Row, interval_of, measurement
from biasaudit.gate.readings import ALL, Tables


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


def _losses(tables: Tables) -> list[Measurement]:
    return competence_losses(tables.changes, tables.level)


def _rule_of_audit(audit: FirstAudit) -> list[str]:
    found = [one for one in competence_losses(audit.changes, LEVEL) if one.interval is not None]
    if not found:
        return []
    return [
        "  - id: competence",
        f"    contrast: {quoted(audit.contrast)}",
        "    # the most that a probe's competence can have fallen",
        f"    max_competence_loss: {min(highest(found), 1.0)}",
    ]


MAX_COMPETENCE_LOSS: Final = Criterion(
    name="max_competence_loss",
    description="Upper limit on the fall of competence (share of sense over nonsense, or right answers) over the "
    "contrast.",
    limits=(0, 1),
    values=(-1.0, 1.0),
    keys=frozenset({"contrast"}),
    read=_losses,
    applies_to="competence beside the base's",
    rule_of_audit=_rule_of_audit,
)
