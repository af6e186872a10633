"""An audit's tables as rows, and what several criteria read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from biasaudit.gate.lean import Halves, Interval
from biasaudit.gate.measurement import Measurement, Row, interval_of, measurement
from biasaudit.gate.vocabulary import Form
from biasaudit.record.pairs import group_and_reference
from biasaudit.types import Status
from biasaudit.types.competence import is_above_chance

ALL: Final = "all"

UNMEASURED: Final = "competence was not measured in both arms, so that nothing shows that the model reads the items"
UNSEEN: Final = UNMEASURED.replace(" in both arms", "")

RISE: Final = "|B| of the second arm minus |B| of the first, from the intervals of their difference and of their sum"
"""How a rise of |B| comes about."""

METRICS: Final = {Form.PUBLISHED: "index", Form.GRADED: "graded"}
"""Form of the index -> its metric in the estimates."""

Arm: TypeAlias = tuple[str, str, str]
"""Checkpoint, framing and probe."""


class Frame(Protocol):
    """A pandas frame, which this room does not import: a check must be quick."""

    def to_dict(self, orient: Any, /) -> Any:  # Any: pandas overloads it by the word
        """Return the rows as dictionaries for the word ``records``."""


Table: TypeAlias = Frame | Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What an audit offers to every criterion, row by row.

    Attributes
    ----------
    estimates, comparisons, disparities : sequence of mapping
        See :mod:`biasaudit.record.tables`.
    damage : sequence of mapping
        See :data:`biasaudit.analysis.damage.SCHEMA`; empty where the audit has none.
    robustness : sequence of mapping
        See :data:`biasaudit.analysis.perturbed.robustness.SCHEMA`; empty where the audit has none.
    baseline : sequence of mapping or None
        See :func:`biasaudit.analysis.baseline.baseline_changes`; None where no earlier audit is given.
    level : float
        Of intervals whose table does not name it.
    unread : mapping
        Arm whose competence was asked -> why nothing shows that it reads; empty where something does.
    """

    estimates: Sequence[Row]
    comparisons: Sequence[Row]
    disparities: Sequence[Row]
    damage: Sequence[Row]
    robustness: Sequence[Row]
    baseline: Sequence[Row] | None
    level: float
    unread: Mapping[Arm, str]

    @property
    def changes(self) -> list[Row]:
        """Comparisons of the graded index, on which changes are judged."""
        return [row for row in self.comparisons if row["metric"] == METRICS[Form.GRADED]]

    def indices(self, form: Form) -> list[Row]:
        """Return the estimates of the index."""
        return [row for row in self.estimates if row["metric"] == METRICS[form]]

    def why_unread(self, checkpoint: str, framing: str, probe: str) -> str:
        """Return why nothing shows that an arm reads what it was asked; empty if competence shows it."""
        return self.unread.get((checkpoint, framing, probe), UNSEEN)


def tables_of(
    *,
    estimates: Table,
    comparisons: Table,
    disparities: Table,
    damage: Table | None,
    robustness: Table | None,
    baseline: Table | None,
    level: float,
) -> Tables:
    """Take an audit's tables as they come, frames or rows."""
    estimated = _records(estimates)
    return Tables(
        estimates=estimated,
        comparisons=_records(comparisons),
        disparities=_records(disparities),
        damage=[] if damage is None else _records(damage),
        robustness=[] if robustness is None else _records(robustness),
        baseline=None if baseline is None else _records(baseline),
        level=level,
        unread=_unread(estimated),
    )


def levels(tables: Tables, form: Form = Form.PUBLISHED) -> list[Measurement]:
    """Return the index of every checkpoint, in one of its forms."""
    return [of_checkpoint(tables, row, table="estimates", metric=row["metric"]) for row in tables.indices(form)]


def graded_levels(tables: Tables) -> list[Measurement]:
    """Return the index of every checkpoint as the report shows it."""
    return levels(tables, Form.GRADED)


def ratios(tables: Tables, statistic: str) -> list[Measurement]:
    """Return a ratio of selection rates, by group."""
    return [
        of_checkpoint(tables, row, table="disparities", metric=row["statistic"], group=group_and_reference(row)[0])
        for row in tables.disparities
        if row["statistic"] == statistic
    ]


def of_checkpoint(tables: Tables, row: Row, *, table: str, metric: str, group: str = "") -> Measurement:
    """Put a row of one checkpoint in one framing, which has a value and its interval, into the one form."""
    return measurement(
        row,
        tuned=row["checkpoint"],
        arm=row["framing"],
        interval=interval_of((row["value"], row["ci_low"], row["ci_high"])),
        level=tables.level,
        table=table,
        metric=metric,
        group=group,
        unread=tables.why_unread(row["checkpoint"], row["framing"], row["probe"]),
    )


def halves_of(row: Row) -> Halves | None:
    """Return what a rise of |B| is made of, or None where one of the two intervals is none."""
    reduction = interval_of((row["reduction"], row["ci_low"], row["ci_high"]))
    total = interval_of([row.get(name) for name in ("total", "total_ci_low", "total_ci_high")])
    return None if reduction is None or total is None else Halves(reduction, total)


def _records(table: Table) -> list[Row]:
    if isinstance(table, Sequence):
        return list(table)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


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
