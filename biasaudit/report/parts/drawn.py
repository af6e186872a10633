"""How often the drawn texts give no answer, in a probe whose answers were drawn in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.part import Part
from biasaudit.report.words.arm_columns import Arm, ArmColumns, arm_columns
from biasaudit.report.words.wording import count, estimate_text, records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biasaudit.report.section import Source

_METRICS: Final = {
    "refused": ("Declines", "share of all draws"),
    "unparsed": ("No one answer", "empty, or several answers, or none of them; share of all draws"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRow:
    """One way of giving no answer, in every arm."""

    name: str
    explained: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One probe: draws without an answer, by arm."""

    n_draws: str
    columns: ArmColumns
    rows: tuple[DrawnRow, ...]


def drawn(source: Source) -> dict[str, Drawn]:
    """Return probe -> how often its draws give no answer, of those whose answers were drawn."""
    estimates = source.audit.estimates
    rows = records(estimates[estimates["metric"].isin(_METRICS)])
    n_draws = count(source.recorded.get("plan", {}).get("draws"))
    return {
        probe: _view([row for row in rows if row["probe"] == probe], n_draws)
        for probe in sorted({str(row["probe"]) for row in rows})
    }


def _view(rows: list[dict[str, Any]], n_draws: str) -> Drawn:  # Any: cells of pandas rows
    columns = arm_columns(_arm(row) for row in rows)
    found = {(row["metric"], _arm(row)): estimate_text(row) for row in rows}
    return Drawn(
        n_draws=n_draws,
        columns=columns,
        rows=tuple(
            DrawnRow(name=name, explained=explained, cells=tuple(found.get((metric, arm), "") for arm in columns.arms))
            for metric, (name, explained) in _METRICS.items()
        ),
    )


def _arm(row: Mapping[str, Any]) -> Arm:  # Any: as above
    return str(row["checkpoint"]), str(row["framing"])


PART: Final = Part(
    name="drawn",
    title="How often is there no answer?",
    template="parts/drawn.html.jinja",
    views=drawn,
    prints=True,
)
