"""The rows of an audit's tables that can be judged, in one form for every criterion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from biasaudit.gate.changes import ALL, UNMEASURED, competence_losses, rise, rise_over_baseline
from biasaudit.gate.lean import Interval
from biasaudit.gate.measurement import Measurement, Row, count, interval_of, measurement, place
from biasaudit.gate.vocabulary import Criterion, Form
from biasaudit.types import Checkpoint, Status
from biasaudit.types.competence import is_above_chance

__all__ = ["ALL", "Evidence", "Frame", "Measurement", "Table", "evidence_of"]

RATIO: Final = "selection_rate_ratio"
IMPACT_RATIO: Final = "impact_ratio"

Arm: TypeAlias = tuple[str, str, str]
"""Checkpoint, framing and probe."""


class Frame(Protocol):
    """A pandas frame, which this room does not import: a check must be quick."""

    def to_dict(self, orient: Any, /) -> Any:  # Any: pandas overloads it by the word
        """Return the rows as dictionaries for the word ``records``."""


Table: TypeAlias = Frame | Sequence[Row]

METRICS: Final = {Form.PUBLISHED: "index", Form.GRADED: "graded"}
"""Form of the index -> its metric in the estimates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an audit offers to every criterion.

    Attributes
    ----------
    by_criterion : mapping of Criterion to sequence of Measurement
        Of the index: in its published form.
    graded : sequence of Measurement
        The index in its graded form.
    tuned : tuple of str
        Tuned checkpoints.
    features : mapping of str to tuple of str
        Probe -> features that have an index or a change.
    has_baseline : bool
    """

    by_criterion: Mapping[Criterion, Sequence[Measurement]]
    graded: Sequence[Measurement]
    tuned: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]
    has_baseline: bool

    def rows(self, criterion: Criterion, form: Form) -> Sequence[Measurement]:
        """Return what a rule looks at."""
        return self.graded if criterion.is_level and form is Form.GRADED else self.by_criterion[criterion]


def evidence_of(
    *,
    estimates: Table,
    comparisons: Table,
    disparities: Table = (),
    baseline: Table | None = None,
    level: float = 0.95,
) -> Evidence:
    """Gather what can be judged.

    Parameters
    ----------
    estimates, comparisons, disparities : DataFrame or sequence of mapping
        See :mod:`biasaudit.record.tables`.
    baseline : DataFrame or sequence of mapping, optional
        See :func:`biasaudit.analysis.baseline.baseline_changes`.
    level : float
        Of intervals whose table does not name it.

    Returns
    -------
    Evidence
    """
    estimated, compared = _records(estimates), _of_metric(comparisons, "graded")
    unread = _unread(estimated)
    levels, graded = (
        [_level(row, level, unread) for row in estimated if row["metric"] == METRICS[form]]
        for form in (Form.PUBLISHED, Form.GRADED)
    )
    changes = [rise(row, level) for row in compared]
    found = {
        Criterion.MAX_INDEX: levels,
        Criterion.MAX_ABS_INDEX: levels,
        Criterion.MAX_INCREASE: changes,
        Criterion.MAX_INCREASE_OVER_BASELINE: [
            rise_over_baseline(row, level, unread=unread.get((row["tuned"], row["framing"], row["probe"]), UNSEEN))
            for row in _records(() if baseline is None else baseline)
        ],
        Criterion.MIN_RATIO: _ratios(disparities, RATIO, level, unread),
        Criterion.MIN_IMPACT_RATIO: _ratios(disparities, IMPACT_RATIO, level, unread),
        Criterion.MIN_COVERAGE: [_coverage(row) for row in estimated if row["metric"] == METRICS[Form.PUBLISHED]],
        Criterion.MAX_COMPETENCE_LOSS: competence_losses(compared, level),
    }
    features: dict[str, set[str]] = {}
    for one in (*levels, *changes):
        features.setdefault(one.probe, set()).add(one.feature)
    tuned = {one.tuned for rows in found.values() for one in rows} - {Checkpoint.BASE.value}
    return Evidence(
        by_criterion=found,
        graded=graded,
        tuned=tuple(sorted(tuned)),
        features={probe: tuple(sorted(there)) for probe, there in sorted(features.items())},
        has_baseline=baseline is not None,
    )


UNSEEN: Final = UNMEASURED.replace(" in both arms", "")


def _records(table: Table) -> list[Row]:
    if isinstance(table, Sequence):
        return list(table)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _of_metric(table: Table, metric: str) -> list[Row]:
    return [row for row in _records(table) if row["metric"] == metric]


def _unread(estimated: Sequence[Row]) -> dict[Arm, str]:
    """Return, for each arm whose competence was asked, why nothing shows that it reads; empty where it does."""
    found = {}
    for row in estimated:
        if row["metric"] == "competence" and row["feature"] == ALL:
            number = interval_of((row["value"], row["ci_low"], row["ci_high"]))
            why = UNSEEN if row["status"] != Status.OK.value or number is None else _at_chance(number)
            found[row["checkpoint"], row["framing"], row["probe"]] = why
    return found


def _at_chance(competence: Interval) -> str:
    if is_above_chance(competence.low):
        return ""
    return (
        f"not interpretable: competence is not shown above chance ({competence.value:.3f}, from {competence.low:.3f})"
    )


def _level(row: Row, level: float, unread: Mapping[Arm, str]) -> Measurement:
    return measurement(
        row,
        tuned=row["checkpoint"],
        arm=row["framing"],
        interval=interval_of((row["value"], row["ci_low"], row["ci_high"])),
        level=level,
        table="estimates",
        metric=row["metric"],
        unread=unread.get((row["checkpoint"], row["framing"], row["probe"]), UNSEEN),
    )


def _ratios(disparities: Table, statistic: str, level: float, unread: Mapping[Arm, str]) -> list[Measurement]:
    return [_ratio(row, level, unread) for row in _records(disparities) if row["statistic"] == statistic]


def _ratio(row: Row, level: float, unread: Mapping[Arm, str]) -> Measurement:
    return measurement(
        row,
        tuned=row["checkpoint"],
        arm=row["framing"],
        interval=interval_of((row["value"], row["ci_low"], row["ci_high"])),
        level=level,
        table="disparities",
        metric=row["statistic"],
        # Of a ratio to the reference the table names the pair: "woman / man".
        group=str(row["group"]).removesuffix(f" / {row['reference']}"),
        unread=unread.get((row["checkpoint"], row["framing"], row["probe"]), UNSEEN),
    )


def _coverage(row: Row) -> Measurement:
    scored, asked = count(row["n_items"]), count(row["n_asked"])
    usable = asked > 0 and scored <= asked
    share = scored / asked if usable else math.nan
    return Measurement(
        tuned=row["checkpoint"],
        arm=row["framing"],
        probe=row["probe"],
        feature=row["feature"],
        interval=Interval(share, share, share) if usable else None,
        n_items=scored,
        n_clusters=count(row["n_clusters"]),
        why=f"no usable counts: {scored} of {asked} items",
        method=f"{scored} of {asked} items were scored",
        evidence=place("estimates", row, "index, n_items and n_asked"),
        reserve="" if row["status"] == Status.OK.value else f"status: {row['status']}",
    )
