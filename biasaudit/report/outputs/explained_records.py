"""Which training records raise and which lower an index: what the page of an explanation shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.wording import clean, number, p_value, percent, present, records

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]  # Any: pandas cells

SHOWN: Final = 10
"""Records that raise most, and as many that lower most."""
_TEXT: Final = 240
_LEAST_DECIMALS: Final = 3
_MOST_DECIMALS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One record, as a row of the table."""

    line: str
    group: str
    prompt: str
    response: str
    influence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group of records, as a row of the table."""

    group: str
    n_records: str
    influence: str
    chance: str
    p_adjusted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecords:
    """One feature: which records raise its index, which lower it, and groups."""

    feature: str
    raise_it: tuple[RecordRow, ...]
    lower_it: tuple[RecordRow, ...]
    groups: tuple[GroupRow, ...]
    no_groups: str
    sure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRecords:
    """What the page shows of training records.

    Attributes
    ----------
    reason : str
        Why nothing was measured; empty where it was.
    file, counts, checkpoints, level : str
    features : tuple of FeatureRecords
    """

    reason: str = ""
    file: str = ""
    counts: str = ""
    checkpoints: str = ""
    level: str = ""
    features: tuple[FeatureRecords, ...] = ()


def explained_records(
    found: pd.DataFrame, groups: pd.DataFrame, facts: Mapping[str, Any]
) -> ExplainedRecords:  # Any: JSON values
    """Gather what is shown of training records.

    Parameters
    ----------
    found : DataFrame
        See :data:`biasaudit.record.influences.RECORDS`.
    groups : DataFrame
        See :data:`biasaudit.record.influences.RECORD_GROUPS`.
    facts : mapping
        How it was asked, as it was noted with the tables.
    """
    names = list(dict.fromkeys(found["feature"]))
    rest = int(facts["n_used"]) - int(facts["n_asked"])
    asked = f"{facts['n_asked']:,} of {facts['n_used']:,} records that were trained on"
    steps = ", ".join(f"{one['step']:,}" for one in facts["checkpoints"])
    return ExplainedRecords(
        file=clean(facts["file"]),
        counts=f"{asked}, drawn at random; the other {rest:,} were not asked" if rest else asked,
        checkpoints=f"{len(facts['checkpoints'])}, after {steps} updates",
        level=percent(float(facts["level"]), decimals=0),
        features=tuple(
            _feature(name, found[found["feature"] == name], groups[groups["feature"] == name], facts) for name in names
        ),
    )


def records_not_measured(reason: str) -> ExplainedRecords:
    """Return what is shown where nothing could be asked of the records."""
    return ExplainedRecords(reason=clean(reason, limit=400))


def _feature(name: str, found: pd.DataFrame, groups: pd.DataFrame, facts: Mapping[str, Any]) -> FeatureRecords:
    ordered = found.sort_values(["influence", "line"], ascending=[False, True])
    top, bottom = ordered[ordered["influence"] > 0].head(SHOWN), ordered[ordered["influence"] < 0].tail(SHOWN)[::-1]
    decimals = _decimals([*top["influence"], *bottom["influence"]])
    by_mean = groups.sort_values("influence", ascending=False)
    of_groups = _decimals([*by_mean["influence"], *by_mean["chance_low"], *by_mean["chance_high"]])
    return FeatureRecords(
        feature=clean(name),
        raise_it=tuple(_record(row, decimals) for row in records(top)),
        lower_it=tuple(_record(row, decimals) for row in records(bottom)),
        groups=tuple(_group(row, of_groups) for row in records(by_mean)),
        no_groups=clean(facts["no_groups"], limit=300),
        sure=_how_sure(facts["agreement"].get(name), facts["n_clusters"].get(name)),
    )


def _record(row: Row, decimals: int) -> RecordRow:
    value, low, high = (present(row[name]) for name in ("influence", "influence_ci_low", "influence_ci_high"))
    shown = number(value or 0.0, decimals=decimals)
    if low is not None and high is not None:
        shown += f" ({number(low, decimals=decimals)} to {number(high, decimals=decimals)})"
    return RecordRow(
        line=f"{int(row['line']):,}",
        group=clean(row["group"]) if isinstance(row["group"], str) else "",
        prompt=clean(row["prompt"], limit=_TEXT),
        response=clean(row["response"], limit=_TEXT),
        influence=shown,
    )


def _group(row: Row, decimals: int) -> GroupRow:
    low, high = (number(float(row[name]), decimals=decimals) for name in ("chance_low", "chance_high"))
    return GroupRow(
        group=clean(row["group"]),
        n_records=f"{int(row['n_records']):,}",
        influence=number(float(row["influence"]), decimals=decimals),
        chance=f"{low} to {high}",
        p_adjusted=p_value(present(row["p_adjusted"])),
    )


def _decimals(values: Sequence[float]) -> int:
    """Return decimals by which the largest value has two digits that count: single records move an index little."""
    largest = max((abs(one) for one in values), default=0.0)
    wanted = _LEAST_DECIMALS
    while wanted < _MOST_DECIMALS and largest < 10 ** (1 - wanted):
        wanted += 1
    return wanted


def _how_sure(agreement: float | None, n_clusters: int | None) -> str:
    if agreement is None:
        return "Too few clusters or records to say how far two halves of the items agree on the order."
    return (
        f"Two halves of the {n_clusters:,} clusters of items rank the records with a correlation of "
        f"{number(agreement, decimals=2)} (Spearman, mean over the even splits); 1 is the same order."
    )
