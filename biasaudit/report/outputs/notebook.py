"""An audit as a notebook shows it: the answer, the verdicts, and the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.report.outputs.summary import CellLine, cell_line, cell_rows
from biasaudit.report.sections.first_screen import first_screen
from biasaudit.report.view import probe_names
from biasaudit.report.words.wording import ARMS, clean, count, in_words

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

AT_MOST: Final = 20
"""Cells that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compact:
    """What a notebook shows; `more` says how many cells it does not."""

    base: str
    tuned: str
    sentence: str
    verdicts: str
    contrast: str
    first_arm: str
    second_arm: str
    cells: tuple[CellLine, ...]
    more: str
    warnings: tuple[str, ...]


def compact(audit: AuditRecord) -> Compact:
    """Return the summary of an audit."""
    recorded = audit.manifest.as_dict()
    names = probe_names(audit, recorded)
    first = first_screen(audit, recorded, names)
    headline = audit.headlines[0] if audit.headlines else None
    rows = cell_rows(audit, tuned=headline.tuned, contrast=headline.contrast) if headline else []
    arms = ARMS.get(headline.contrast if headline else "", ("first", "second"))
    return Compact(
        base=first.base,
        tuned=", ".join(first.tuned),
        sentence=first.answer.sentence,
        verdicts=f"{first.cells}: {in_words(headline.counts)}" if headline and headline.counts else first.cells,
        contrast=f"{clean(headline.contrast)}, {clean(headline.tuned)}" if headline else "no contrast",
        first_arm=arms[0],
        second_arm=arms[1],
        cells=tuple(cell_line(row, names) for row in rows[:AT_MOST]),
        more=f"{count(len(rows) - AT_MOST)} more in audit.comparisons" if len(rows) > AT_MOST else "",
        warnings=first.warnings,
    )
