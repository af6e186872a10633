"""Where the net change comes from: items that lost a lean, and items that gained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.order import in_order
from biasaudit.report.words.wording import clean, count, records
from biasaudit.types import Contrast

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

FLOWS: Final = ("inherited", "removed", "introduced", "never", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPart:
    """Items of one fate; `width` is a CSS percentage of the bar."""

    fate: str
    n_items: str
    width: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """The fates of one cell's items."""

    tuned: str
    probe: str
    feature: str
    parts: tuple[FlowPart, ...]
    in_words: str


def flow_rows(audit: AuditRecord, names: Mapping[str, str]) -> tuple[FlowRow, ...]:
    """Return the item flows of every cell, weights in plain framing where that was measured."""
    rows = audit.comparisons[audit.comparisons["metric"] == "graded"]
    contrast = flow_contrast(audit)
    chosen = records(rows[(rows["contrast"] == contrast) & rows["declared"]])
    order = in_order((str(row["probe"]) for row in chosen), audit.comparisons)
    chosen.sort(key=lambda row: (row["tuned"], order.index(str(row["probe"])), row["feature"]))
    return tuple(_flow_row(row, names) for row in chosen)


def flow_contrast(audit: AuditRecord) -> str:
    """Return the contrast whose flows are shown: that of the headline, else the weights in plain framing."""
    return audit.headlines[0].contrast if audit.headlines else Contrast.WEIGHTS_PLAIN.value


def _flow_row(row: Mapping[str, Any], names: Mapping[str, str]) -> FlowRow:  # Any: pandas cells
    counts = {fate: int(row[f"flow_{fate}"]) for fate in FLOWS}
    total = sum(counts.values()) or 1
    return FlowRow(
        tuned=clean(row["tuned"]),
        probe=names.get(str(row["probe"]), clean(row["probe"])),
        feature=clean(row["feature"]),
        parts=tuple(
            FlowPart(fate=fate, n_items=count(n_items), width=f"{100 * n_items / total:.2f}%")
            for fate, n_items in counts.items()
        ),
        in_words=", ".join(f"{n_items} {fate}" for fate, n_items in counts.items()),
    )
