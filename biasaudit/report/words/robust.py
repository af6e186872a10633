"""What came of the reductions under perturbations, in a sentence: for the first screen, the terminal and Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.facts import counted, listed
from biasaudit.report.words.wording import clean, records
from biasaudit.types import Robustness, stage_place

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

Rows = Sequence[Mapping[str, Any]]  # Any: pandas cells

ORDER: Final = (
    Robustness.BROKEN,
    Robustness.NOT_INTERPRETABLE,
    Robustness.INCONCLUSIVE,
    Robustness.SURVIVES,
    Robustness.NOT_MEASURED,
    Robustness.NO_REDUCTION,
)
"""From what a reader must know first to what says least."""

_SAID: Final = {
    Robustness.SURVIVES: ("survives all of them", "survive all of them"),
    Robustness.BROKEN: ("is broken", "are broken"),
    Robustness.NOT_INTERPRETABLE: ("cannot be read under some", "cannot be read under some"),
    Robustness.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
    Robustness.NOT_MEASURED: ("is not measured", "are not measured"),
}
_NAMED: Final = 3


def robustness_rows(audit: AuditRecord) -> list[dict[str, Any]]:  # Any: pandas cells
    """Return the declared rows of the table of robustness in the order of the page; none of an audit without."""
    table = audit.tables.get("robustness")
    if table is None:
        return []
    verdicts = [one.value for one in ORDER]

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:  # Any: parts of a key
        named = (str(row["probe"]), str(row["feature"]))
        return (verdicts.index(str(row["verdict"])), stage_place(str(row["tuned"])), *named)

    return sorted(records(table[table["declared"]]), key=place)


def robustness_finding(rows: Rows) -> str:
    """Say what came of the reductions that are claimed; empty without rows.

    Examples
    --------
    >>> robustness_finding([{"verdict": "broken"}, {"verdict": "no reduction"}])
    'Of 1 reduction asked under perturbations, 1 is broken'
    """
    if not rows:
        return ""
    claimed = [row for row in rows if row["verdict"] != Robustness.NO_REDUCTION.value]
    if not claimed:
        return (
            f"No reduction is claimed in {counted(len(rows), 'comparison', 'comparisons')} asked under perturbations: "
            "there is nothing to hold"
        )
    counts = Counter(str(row["verdict"]) for row in claimed)
    said = [
        f"{n} {_SAID[one][n > 1]}" for one in ORDER if one is not Robustness.NO_REDUCTION and (n := counts[one.value])
    ]
    return f"Of {counted(len(claimed), 'reduction', 'reductions')} asked under perturbations, {listed(said)}"


def robustness_said(audit: AuditRecord, names: Mapping[str, str]) -> str:
    """Say it with the names of those that are broken or cannot be read, and of what breaks them; empty without."""
    rows = robustness_rows(audit)
    finding = robustness_finding(rows)
    several = len({row["tuned"] for row in rows}) > 1
    named = [
        f"{clean(row['tuned']) + ', ' if several else ''}{names.get(str(row['probe']), clean(row['probe']))}, "
        f"{clean(row['feature'])}: {_what(row)}"
        for row in rows
        if row["verdict"] in {Robustness.BROKEN.value, Robustness.NOT_INTERPRETABLE.value}
    ]
    more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"{finding}. {'; '.join(named[:_NAMED])}{more}." if named else f"{finding}." if finding else ""


def robustness_warnings(audit: AuditRecord, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the first screen must say: a reduction that does not hold, or cannot be read, under other words."""
    alarming = {Robustness.BROKEN.value, Robustness.NOT_INTERPRETABLE.value}
    if not any(row["verdict"] in alarming for row in robustness_rows(audit)):
        return ()
    return (robustness_said(audit, names),)


def _what(row: Mapping[str, Any]) -> str:  # Any: pandas cells
    if row["verdict"] == Robustness.BROKEN.value:
        return f"broken by {clean(row['broken_by'], limit=200)}"
    return clean(row["reason"], limit=300)
