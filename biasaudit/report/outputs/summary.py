"""The cells behind the answer as lines, for the forms that have no room for the whole page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit.report.sections.outcome import in_order_of_page
from biasaudit.report.words.wording import (
    VERDICT_SYMBOLS,
    change_text,
    clean,
    present,
    records,
    verdict_class,
    with_interval,
)
from biasaudit.types import stage_place

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

Row = Mapping[str, Any]  # Any: cells of a pandas row


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLine:
    """One declared cell of one contrast: either arm, the change, and the verdict."""

    probe: str
    feature: str
    first: str
    second: str
    reduction: str
    verdict: str
    symbol: str
    css_class: str


def cell_rows(audit: AuditRecord, *, tuned: str, contrast: str) -> list[Row]:
    """Return the declared cells of a contrast in their graded form, in the order of the page.

    Parameters
    ----------
    audit : AuditRecord
    tuned, contrast : str
    """
    rows = audit.comparisons
    chosen = rows[
        rows["declared"] & (rows["metric"] == "graded") & (rows["tuned"] == tuned) & (rows["contrast"] == contrast)
    ]
    return in_order_of_page(records(chosen))


def cell_line(row: Row, names: Mapping[str, str]) -> CellLine:
    """Return a row of comparisons as it is shown; a status other than ok stands in the place of its numbers."""
    verdict = str(row["verdict"])
    probe = str(row["probe"])
    return CellLine(
        probe=names.get(probe, clean(probe)),
        feature=clean(row["feature"]),
        first=level(row, "first"),
        second=level(row, "second"),
        reduction=change_text(row),
        verdict=clean(verdict),
        symbol=VERDICT_SYMBOLS.get(verdict, "•"),
        css_class=verdict_class(verdict),
    )


def level(row: Row, arm: str) -> str:
    """Return the index of one arm with its interval, or the status."""
    status = clean(row["status"])
    if status != "ok":
        return status
    return with_interval(*(present(row[name]) for name in (f"{arm}_value", f"{arm}_ci_low", f"{arm}_ci_high")))


def tuned_of(audit: AuditRecord, *, contrast: str) -> tuple[str, ...]:
    """Return the tuned checkpoints that a contrast was computed for, in the order in which they were made."""
    found = {str(name) for name in audit.comparisons.loc[audit.comparisons["contrast"] == contrast, "tuned"]}
    return tuple(sorted(found, key=stage_place))
