"""The rows of an audit's tables that can be judged, in one form for every criterion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from biasaudit.gate.vocabulary import Criterion
from biasaudit.types import Checkpoint, Contrast, Status

ALL: Final = "all"
RATIO: Final = "selection_rate_ratio"
IMPACT_RATIO: Final = "impact_ratio"

Row: TypeAlias = Mapping[str, Any]  # Any: cells of several types


class Frame(Protocol):
    """A pandas frame, which this room does not import: a check must be quick."""

    def to_dict(self, orient: Any, /) -> Any:  # Any: pandas overloads it by the word
        """Return the rows as dictionaries for the word ``records``."""


Table: TypeAlias = Frame | Sequence[Row]

_ARMS: Final = {
    Contrast.AS_DEPLOYED: ("plain", "chat"),
    Contrast.WEIGHTS_PLAIN: ("plain", "plain"),
    Contrast.WEIGHTS_CHAT: ("chat", "chat"),
}
"""Framing of the base and of the tuned checkpoint."""

_APART: Final = (
    "base minus tuned; the interval reaches from the lower end of one minus the upper end of the other to the reverse, "
    "which holds however the two depend on each other, and is wider than a paired one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number of an audit that a rule may look at, or the reason why there is none.

    Attributes
    ----------
    tuned, arm, probe, feature, group : str
        The cell; the arm is a framing or a contrast.
    interval : tuple of float or None
        Value, lower and upper bound.
    level : float or None
        Confidence level of the interval, if it is known.
    n_items, n_clusters : int
    why : str
        Why there is no interval.
    method : str
    evidence : str
        Table and row.
    reserve : str
        Why it cannot pass, whatever the number; empty if it can.
    """

    tuned: str
    arm: str
    probe: str
    feature: str
    group: str = ""
    interval: tuple[float, float, float] | None
    level: float | None = None
    n_items: int = 0
    n_clusters: int = 0
    why: str = ""
    method: str = ""
    evidence: str = ""
    reserve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an audit offers to every criterion.

    Attributes
    ----------
    by_criterion : mapping of Criterion to sequence of Measurement
    tuned : tuple of str
        Tuned checkpoints.
    features : mapping of str to tuple of str
        Probe -> features that have an index or a change.
    has_baseline : bool
    """

    by_criterion: Mapping[Criterion, Sequence[Measurement]]
    tuned: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]
    has_baseline: bool


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
        See :mod:`biasaudit.audits.tables`.
    baseline : DataFrame or sequence of mapping, optional
        See :func:`biasaudit.audits.baseline.baseline_changes`.
    level : float
        Of intervals whose table does not name it.

    Returns
    -------
    Evidence
    """
    index, competence = _of_metric(estimates, "index"), _of_metric(estimates, "competence")
    levels = [_level(row, level) for row in index]
    changes = [_change(row, level) for row in _of_metric(comparisons, "graded")]
    found = {
        Criterion.MAX_INDEX: levels,
        Criterion.MAX_ABS_INDEX: levels,
        Criterion.MAX_INCREASE: changes,
        Criterion.MAX_INCREASE_OVER_BASELINE: [
            _over_baseline(row, level) for row in _records(() if baseline is None else baseline)
        ],
        Criterion.MIN_RATIO: _ratios(disparities, RATIO, level),
        Criterion.MIN_IMPACT_RATIO: _ratios(disparities, IMPACT_RATIO, level),
        Criterion.MIN_COVERAGE: [_coverage(row) for row in index],
        Criterion.MAX_COMPETENCE_LOSS: _competence_losses(competence, level),
    }
    named = [*levels, *changes]
    features: dict[str, set[str]] = {}
    for one in named:
        features.setdefault(one.probe, set()).add(one.feature)
    tuned = {one.tuned for rows in found.values() for one in rows} - {Checkpoint.BASE.value}
    return Evidence(
        by_criterion=found,
        tuned=tuple(sorted(tuned)),
        features={probe: tuple(sorted(there)) for probe, there in sorted(features.items())},
        has_baseline=baseline is not None,
    )


def _records(table: Table) -> list[Row]:
    if isinstance(table, Sequence):
        return list(table)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _of_metric(table: Table, metric: str) -> list[Row]:
    return [row for row in _records(table) if row["metric"] == metric]


def _level(row: Row, level: float) -> Measurement:
    return _measurement(
        row,
        tuned=row["checkpoint"],
        arm=row["framing"],
        numbers=(row["value"], row["ci_low"], row["ci_high"]),
        level=level,
        table="estimates",
        metric="index",
    )


def _change(row: Row, level: float) -> Measurement:
    return _measurement(
        row,
        tuned=row["tuned"],
        arm=row["contrast"],
        numbers=_turned(row["reduction"], row["ci_low"], row["ci_high"]),
        level=level,
        table="comparisons",
        metric="graded",
    )


def _over_baseline(row: Row, level: float) -> Measurement:
    return _measurement(
        row,
        tuned=row["tuned"],
        arm=row["framing"],
        numbers=_turned(row["reduction"], row["ci_low"], row["ci_high"]),
        level=level,
        table="scores",
        metric="graded, of this audit and of the baseline",
    )


def _ratios(disparities: Table, statistic: str, level: float) -> list[Measurement]:
    return [_ratio(row, level) for row in _records(disparities) if row["statistic"] == statistic]


def _ratio(row: Row, level: float) -> Measurement:
    return _measurement(
        row,
        tuned=row["checkpoint"],
        arm=row["framing"],
        numbers=(row["value"], row["ci_low"], row["ci_high"]),
        level=level,
        table="disparities",
        metric=row["statistic"],
        # Of a ratio to the reference the table names the pair: "woman / man".
        group=str(row["group"]).removesuffix(f" / {row['reference']}"),
    )


def _coverage(row: Row) -> Measurement:
    scored, asked = _count(row["n_items"]), _count(row["n_asked"])
    usable = asked > 0 and scored <= asked
    share = scored / asked if usable else math.nan
    said = f"{scored} of {asked} items were scored"
    return Measurement(
        tuned=row["checkpoint"],
        arm=row["framing"],
        probe=row["probe"],
        feature=row["feature"],
        interval=(share, share, share) if usable else None,
        n_items=scored,
        n_clusters=_count(row["n_clusters"]),
        why=f"no usable counts: {scored} of {asked} items",
        method=said,
        evidence=_place("estimates", row, "index, n_items and n_asked"),
        reserve="" if row["status"] == Status.OK.value else f"status: {row['status']}",
    )


def _competence_losses(rows: Sequence[Row], level: float) -> list[Measurement]:
    """Set every tuned checkpoint's competence against the base's; no table pairs them with an interval."""
    by_arm: dict[tuple[str, str, str], Row] = {
        (row["probe"], row["checkpoint"], row["framing"]): row for row in rows if row["feature"] == ALL
    }
    tuned = sorted({(probe, name) for probe, name, _ in by_arm if name != Checkpoint.BASE.value})
    losses = []
    for probe, name in tuned:
        for contrast, (before, after) in _ARMS.items():
            first, second = by_arm.get((probe, Checkpoint.BASE.value, before)), by_arm.get((probe, name, after))
            if first is not None and second is not None:
                losses.append(_loss(first, second, contrast, level))
    return losses


def _loss(first: Row, second: Row, contrast: Contrast, level: float) -> Measurement:
    fewer = min(first, second, key=lambda row: _count(row["n_clusters"]))
    unmeasured = next((row for row in (first, second) if row["status"] != Status.OK.value), None)
    numbers: tuple[float | None, ...] = (None, None, None)
    if unmeasured is None:
        numbers = (
            _minus(first["value"], second["value"]),
            _minus(first["ci_low"], second["ci_high"]),
            _minus(first["ci_high"], second["ci_low"]),
        )
    row = {
        **second,
        "status": Status.OK.value if unmeasured is None else unmeasured["status"],
        "n_items": min(_count(first["n_items"]), _count(second["n_items"])),
        "n_clusters": fewer["n_clusters"],
    }
    return _measurement(
        row,
        tuned=second["checkpoint"],
        arm=contrast.value,
        numbers=numbers,
        level=level,
        table="estimates",
        metric="competence, and that of the base",
        method=_APART,
    )


def _measurement(
    row: Row,
    *,
    tuned: str,
    arm: str,
    numbers: Sequence[float | None],
    level: float,
    table: str,
    metric: str,
    group: str = "",
    method: str = "",
) -> Measurement:
    interval = _interval(numbers) if row["status"] == Status.OK.value else None
    why = "no usable interval" if row["status"] == Status.OK.value else f"status: {row['status']}"
    named = row.get("level", level)
    return Measurement(
        tuned=tuned,
        arm=arm,
        probe=row["probe"],
        feature=row["feature"],
        group=group,
        interval=interval,
        level=float(named) if _is_number(named) and 0 < named < 1 else None,
        n_items=_count(row["n_items"]),
        n_clusters=_count(row["n_clusters"]),
        why=why,
        method=method or str(row.get("method", "")),
        evidence=_place(table, row, metric),
    )


def _interval(numbers: Sequence[float | None]) -> tuple[float, float, float] | None:
    value, low, high = (float(number) if number is not None and _is_number(number) else math.nan for number in numbers)
    return (value, low, high) if math.isfinite(value) and low <= high and math.isfinite(high - low) else None


def _place(table: str, row: Row, metric: str) -> str:
    keys = ("checkpoint", "tuned", "framing", "contrast", "probe", "feature", "group")
    cell = ", ".join(f"{key} {row[key]}" for key in keys if row.get(key))
    return f"{table}.parquet: {cell}; {metric}"


def _turned(reduction: float | None, low: float | None, high: float | None) -> tuple[float | None, ...]:
    """Make an increase of a reduction: the bounds change places."""
    return tuple(_minus(0.0, number) for number in (reduction, high, low))


def _minus(first: float | None, second: float | None) -> float | None:
    # From zero, because the negative of 0.0 would be shown as -0.000.
    return first - second if _is_number(first) and _is_number(second) else None  # type: ignore[operator]  # numbers


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _count(value: object) -> int:
    return max(int(value), 0) if _is_number(value) else 0  # type: ignore[call-overload]  # a number
