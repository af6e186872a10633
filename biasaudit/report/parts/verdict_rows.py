"""The rows of a table of comparisons: the verdict first, the numbers beside it, and how they came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from biasaudit.report.words.came_about import came_about
from biasaudit.report.words.order import by_verdict
from biasaudit.report.words.other_forms import change_of, disagreement, other_forms
from biasaudit.report.words.places import Cell, cell_of, cell_places
from biasaudit.report.words.verdict_clauses import clause
from biasaudit.report.words.wording import (
    VERDICT_SYMBOLS,
    clean,
    present,
    records,
    verdict_class,
    with_interval,
)
from biasaudit.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

Row: TypeAlias = Mapping[str, Any]  # Any: cells of a pandas row
Where: TypeAlias = tuple[str, str, str]
"""Tuned checkpoint, contrast and probe."""
Family: TypeAlias = tuple[str, bool, bool]
"""Metric, whether exploratory, whether declared: what is corrected together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One comparison, display-ready.

    Attributes
    ----------
    place : str
        Its id; see :func:`biasaudit.report.words.places.cell_places`.
    feature : str
    pooled : str
        What is to be said of a row that pools the features of its probe; else empty.
    verdict, css_class, symbol, clause : str
        The last says it in plain words.
    warnings : tuple of str
        What must be known before the numbers are read.
    first, second, change : str
    came_about : tuple of str
        From its items to its verdict, in sentences.
    beside : tuple of str
        What it is in other forms, which have no verdict.
    """

    place: str
    feature: str
    pooled: str
    verdict: str
    css_class: str
    symbol: str
    clause: str
    warnings: tuple[str, ...]
    first: str
    second: str
    change: str
    came_about: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The comparisons of an audit by tuned checkpoint, contrast and probe, with what their rows share.

    Attributes
    ----------
    graded : mapping
        Tuned checkpoint, contrast and probe -> rows, in the form that carries the verdict: what changed comes first.
    sign : mapping
        Cell -> its row by sign.
    places : mapping
    damage : mapping
        Cell -> what tuning broke there; of a cell that is not in it nothing was measured.
    families : mapping
        How many comparisons were corrected together.
    saturated : frozenset
        Probes and features whose form by sign is at its limit in some checkpoint.
    level : str
    """

    graded: Mapping[Where, Sequence[Row]]
    sign: Mapping[Cell, Row]
    places: Mapping[Cell, str]
    damage: Mapping[Cell, Row]
    families: Mapping[Family, int]
    saturated: frozenset[tuple[str, str]]
    level: str


def gathered(audit: AuditRecord, *, level: str) -> Rows:
    """Gather the comparisons of an audit once, for all of its probes.

    Parameters
    ----------
    audit : AuditRecord
    level : str
        Of the intervals, as it is shown.
    """
    rows = records(audit.comparisons)
    graded: dict[Where, list[Row]] = {}
    for row in sorted((row for row in rows if str(row["metric"]) == "graded"), key=by_verdict):
        tuned, contrast, probe, _ = cell_of(row)
        graded.setdefault((tuned, contrast, probe), []).append(row)
    return Rows(
        graded=graded,
        sign={cell_of(row): row for row in rows if str(row["metric"]) == "sign"},
        places=cell_places(audit.comparisons),
        damage={} if audit.damage is None else {cell_of(row): row for row in records(audit.damage)},
        families=family_sizes(rows),
        saturated=saturated_arms(audit.estimates),
        level=level,
    )


def family_sizes(rows: Sequence[Row]) -> dict[Family, int]:
    """Return how many comparisons each p-value was corrected over: those that have a corrected one, by their kind."""
    return dict(
        Counter(_family(row) for row in rows if any(present(row.get(name)) is not None for name in ("p_holm", "p_bh")))
    )


def saturated_arms(estimates: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """Return the probes and features whose index is at its limit in some checkpoint."""
    rows = records(estimates[estimates["saturated"]])
    return frozenset((str(row["probe"]), str(row["feature"])) for row in rows)


def comparison_row(row: Row, among: Rows) -> ComparisonRow:
    """Return a row of the comparisons, ready to show.

    Parameters
    ----------
    row : mapping
        In the graded form.
    among : Rows
        All of the audit.
    """
    cell, verdict = cell_of(row), str(row["verdict"])
    n_corrected = among.families.get(_family(row))
    return ComparisonRow(
        place=among.places[cell],
        feature=clean(row["feature"]),
        pooled="" if row["declared"] else "all features of this probe together: a lead, and no claim",
        verdict=clean(verdict),
        css_class=verdict_class(verdict),
        symbol=VERDICT_SYMBOLS.get(verdict, "•"),
        clause=clause(row),
        warnings=_warnings(row),
        first=_lean(row, "first"),
        second=_lean(row, "second"),
        change=change_of(row),
        came_about=came_about(row, level=among.level, n_corrected=n_corrected, damage=among.damage.get(cell, {})),
        beside=other_forms(row, among.sign.get(cell), saturated=cell[2:] in among.saturated),
    )


def _warnings(row: Row) -> tuple[str, ...]:
    told = disagreement(row)
    if row.get("competence_fell") and str(row["verdict"]) != Verdict.NOT_INTERPRETABLE.value:
        told += ("Competence fell",)
    return told


def _lean(row: Row, arm: str) -> str:
    status = str(row["status"])
    value, low, high = (present(row[f"{arm}_{part}"]) for part in ("value", "ci_low", "ci_high"))
    return with_interval(value, low, high, otherwise=clean(status) if status != "ok" else "not measured")


def _family(row: Row) -> Family:
    return str(row["metric"]), bool(row["exploratory"]), bool(row["declared"])
