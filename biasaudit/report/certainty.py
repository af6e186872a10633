"""How sure one may be of the answer, and what was not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.facts import Fact, counted, mapping
from biasaudit.report.guards import ABOVE_CHANCE, COVERS, NO_ITEMS, GuardRow, Guards
from biasaudit.report.wording import NOT_RECORDED, clean, count, number, percent, present, records
from biasaudit.types import Kind, Status, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.audits.result import Audit, Headline

_NAMED: Final = 4
"""Cells or probes that are named; of more, the others are counted."""

_ASKS: Final[Mapping[str, str]] = {
    Kind.CHOICE: "which answer it picks",
    Kind.DECISION: "whom it grants something",
}
"""What a kind of probe would say, for audits without one."""

_UNDECIDED: Final = frozenset({Verdict.INCONCLUSIVE.value})
_UNMEASURED: Final = frozenset({Verdict.NOT_MEASURED.value, Verdict.NOT_INTERPRETABLE.value})


def how_sure(
    audit: Audit,
    recorded: Mapping[str, Any],  # Any: JSON values
    *,
    headline: Headline | None,
    guards: Sequence[Guards],
) -> tuple[Fact, ...]:
    """Return what the answer's certainty rests on.

    Parameters
    ----------
    audit : Audit
    recorded : mapping
        The manifest as JSON values; keys may be absent.
    headline : Headline or None
        The one that the page answers with.
    guards : sequence of Guards
    """
    cells = _cells(audit, headline)
    return (
        Fact(term="Interval", values=_interval(headline)),
        Fact(term="Verdicts", values=_verdicts(recorded, n_cells=len(cells))),
        Fact(term="Undecided", values=_undecided(cells)),
        Fact(term="Competence", values=(_guarded(guards, "competence_says", ABOVE_CHANCE), *_fell(cells))),
        Fact(term="Negative controls", values=(_guarded(guards, "control_says", COVERS),)),
        Fact(term="Coverage", values=_coverage(audit, recorded)),
    )


def not_measured(
    audit: Audit,
    recorded: Mapping[str, Any],  # Any: JSON values
    names: Mapping[str, str],
    *,
    headline: Headline | None,
    guards: Sequence[Guards],
) -> tuple[Fact, ...]:
    """Return what the audit does not say.

    Parameters
    ----------
    audit, recorded, headline, guards
        As in :func:`how_sure`.
    names : mapping
        Probe -> name to show.
    """
    cells = [row for row in _cells(audit, headline) if str(row["verdict"]) in _UNMEASURED]
    without = [part.probe for part in guards if all(row.control_says == NO_ITEMS for row in part.rows)]
    kinds = {str(mapping(card).get("kind")) for card in mapping(recorded.get("probes")).values()}
    return (
        Fact(
            term="Cells",
            values=_some([f"{names.get(str(row['probe']), clean(row['probe']))}: {_why(row)}" for row in cells])
            or ("every cell was measured",),
        ),
        Fact(term="No negative control", values=_some(without) or ("every probe has one",)),
        Fact(
            term="Behaviour",
            values=(
                "what the model writes: no text was generated",
                *(f"{what}: no {kind} probe was asked" for kind, what in _ASKS.items() if kind not in kinds),
            ),
        ),
        Fact(term="Beyond", values=("other groups, languages and uses than those of these probes",)),
    )


def _cells(audit: Audit, headline: Headline | None) -> list[dict[str, Any]]:  # Any: pandas cells
    if headline is None:
        return []
    rows: pd.DataFrame = audit.comparisons
    return records(
        rows[
            rows["declared"]
            & (rows["metric"] == "graded")
            & (rows["tuned"] == headline.tuned)
            & (rows["contrast"] == headline.contrast)
        ]
    )


def _interval(headline: Headline | None) -> tuple[str, ...]:
    if headline is None:
        return ("none",)
    relative = headline.relative_reduction
    if relative.status is not Status.OK:
        return (clean(relative.status.value),)
    return (f"{percent(relative.level, decimals=0)}: {clean(relative.method, limit=300)}",)


def _verdicts(recorded: Mapping[str, Any], *, n_cells: int) -> tuple[str, ...]:  # Any: JSON values
    margin = present(mapping(recorded.get("plan")).get("margin"))
    within = NOT_RECORDED if margin is None else f"within ±{number(margin, decimals=2)}"
    corrected = f"Holm-corrected over {counted(n_cells, 'cell', 'cells')}"
    return (corrected, f"unchanged: {within}, set beforehand")


def _undecided(cells: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:  # Any: pandas cells
    rows = [row for row in cells if str(row["verdict"]) in _UNDECIDED]
    said = f"{len(rows)} of {counted(len(cells), 'cell', 'cells')}"
    smallest = [change for row in rows if (change := present(row["smallest_detectable_change"])) is not None]
    if not smallest:
        return (said,)
    low, high = number(min(smallest)), number(max(smallest))
    least = low if low == high else f"{low} to {high}, by cell"
    return (said, f"smallest change one would see there at 80\u00a0% power: {least}")


def _guarded(guards: Sequence[Guards], name: str, wanted: str) -> str:
    said = [_said(row, name) for part in guards for row in part.rows]
    there = [word for word in said if word != NO_ITEMS]
    if not there:
        return "not measured: no such items"
    good = there.count(wanted)
    return f"{wanted} in {good} of {counted(len(there), 'arm', 'arms')}"


def _said(row: GuardRow, name: str) -> str:
    return row.competence_says if name == "competence_says" else row.control_says


def _fell(cells: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:  # Any: pandas cells
    n_fell = sum(1 for row in cells if row["competence_fell"])
    return (f"it fell in {n_fell} of {counted(len(cells), 'cell', 'cells')}",) if n_fell else ()


def _coverage(audit: Audit, recorded: Mapping[str, Any]) -> tuple[str, ...]:  # Any: JSON values
    counts = {str(name): value for name, value in mapping(recorded.get("counts")).items()}
    found = [value for value in counts.values() if isinstance(value, int)]
    said = f"{count(counts.get('ok', 0))} of {count(sum(found))} requests scored" if found else NOT_RECORDED
    rows = audit.comparisons[audit.comparisons["declared"] & (audit.comparisons["metric"] == "graded")]
    lowest = rows[["coverage_first", "coverage_second"]].min().min() if len(rows) else None
    share = present(lowest)
    return (said,) if share is None else (said, f"lowest in any cell: {percent(share)} of its items")


def _why(row: Mapping[str, Any]) -> str:  # Any: pandas cells
    return f"{clean(row['feature'])}, {clean(row['verdict'])} ({clean(row['verdict_reason'])})"


def _some(said: Sequence[str]) -> tuple[str, ...]:
    more = len(said) - _NAMED
    return (*said[:_NAMED], f"and {more} more, below") if more > 0 else tuple(said)
