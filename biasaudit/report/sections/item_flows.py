"""Where the net change comes from: items that lost a lean, and items that gained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.section import Section, Source
from biasaudit.report.sections.strongest import AT_MOST, QUERY, Evidence, evidence, missing_texts
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The section: the fates of all items, and the items that changed most."""

    contrast: str
    flows: tuple[FlowRow, ...]
    evidence: tuple[Evidence, ...]
    texts_left_out: bool
    is_shaded: bool
    most_items: str
    query: str


def items(audit: AuditRecord, names: Mapping[str, str]) -> Items:
    """Return what happened to the items.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    found = evidence(audit, names)
    return Items(
        contrast=clean(flow_contrast(audit)),
        flows=flow_rows(audit, names),
        evidence=found,
        texts_left_out=missing_texts(found),
        is_shaded=any(flip.arms for part in found for flip in (*part.removed, *part.introduced)),
        most_items=str(AT_MOST),
        query=QUERY,
    )


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


def _view(source: Source) -> Items:
    return items(source.audit, source.names)


def _has_script(shown: Items) -> bool:
    return bool(shown.evidence)


SECTION: Final = Section(name="flows", title="Items", template="flows.html.jinja", view=_view, has_script=_has_script)
