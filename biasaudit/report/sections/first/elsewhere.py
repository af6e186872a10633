"""Changes that were found in contrasts which the answer is not about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from biasaudit.report.words.facts import counted
from biasaudit.report.words.wording import clean, records
from biasaudit.types import Contrast, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from biasaudit.record.audit_record import AuditRecord

CHANGED: Final = (
    Verdict.REDUCED.value,
    Verdict.INCREASED.value,
    Verdict.REVERSED.value,
    Verdict.SHIFTED_WITH.value,
    Verdict.SHIFTED_AGAINST.value,
)
"""Verdicts that claim a change."""

_NAMED: Final = 4
"""Cells that are named; of more, the others are counted."""


def elsewhere(audit: AuditRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    """Say which cells changed in the contrasts that the page does not lead with.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    if not audit.headlines:
        return ()
    leading = (audit.headlines[0].tuned, audit.headlines[0].contrast)
    rows = audit.comparisons
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in records(rows[rows["declared"] & (rows["metric"] == "graded") & rows["verdict"].isin(CHANGED)]):
        where = (str(row["tuned"]), str(row["contrast"]))
        if where != leading:
            cell = f"{names.get(str(row['probe']), clean(row['probe']))}, {clean(row['feature'])}"
            found.setdefault(where, {}).setdefault(str(row["verdict"]), []).append(cell)
    several = len({str(row["tuned"]) for row in records(rows[["tuned"]])}) > 1
    return tuple(
        f"{_where(contrast, tuned if several else '')}{_mark(audit, tuned, contrast)}: {_in_words(verdicts)}"
        for (tuned, contrast), verdicts in sorted(found.items(), key=_place)
    )


def without_share(audit: AuditRecord) -> str:
    """Say which contrasts have no headline; empty where there are none."""
    there = {str(row["contrast"]) for row in records(audit.comparisons[["contrast"]])}
    left = [str(contrast) for contrast in _ORDER if contrast in there - {row.contrast for row in audit.headlines}]
    if not left:
        return ""
    return f"Not in this table: {'; '.join(left)}. Their comparisons stand in the sections of the probes."


def why_leading(audit: AuditRecord) -> str:
    """Say why the answer is about this contrast; empty where there is no answer."""
    if not audit.headlines:
        return ""
    headline = audit.headlines[0]
    several = len({row.tuned for row in audit.headlines}) > 1
    last = "The answer is about the first row: the last tuned model,"
    if headline.contrast == Contrast.AS_DEPLOYED.value:
        whose = "Its verdicts, and those of other tuned models as deployed," if several else "Its verdicts"
        return f"{last} as a user meets it. {whose} are claims; those of the other rows are exploratory."
    others = "The other tuned models' verdicts are claims too." if several else "Other rows are exploratory."
    return f"{last} asked in the one way that was audited. {others}"


_ORDER: Final = tuple(contrast.value for contrast in Contrast)


def _place(entry: tuple[tuple[str, str], object]) -> tuple[int, str]:
    (tuned, contrast), _ = entry
    return _ORDER.index(contrast) if contrast in _ORDER else len(_ORDER), tuned


def _where(contrast: str, tuned: str) -> str:
    name = clean(contrast[:1].upper() + contrast[1:])
    return f"{name}, checkpoint {clean(tuned)}" if tuned else name


def _mark(audit: AuditRecord, tuned: str, contrast: str) -> str:
    primary = {(row.tuned, row.contrast) for row in audit.headlines if not row.exploratory}
    return "" if (tuned, contrast) in primary else " (exploratory)"


def _in_words(verdicts: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(
        f"{counted(len(verdicts[verdict]), 'comparison', 'comparisons')} {verdict} ({_some(verdicts[verdict])})"
        for verdict in CHANGED
        if verdict in verdicts
    )


def _some(cells: Sequence[str]) -> str:
    more = len(cells) - _NAMED
    if more > 0:
        return "; ".join([*cells[:_NAMED], f"{more} more"])
    return "; ".join(cells)
