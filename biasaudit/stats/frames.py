"""Results as tables: one row a result, one column a number, for whoever goes on in pandas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Final, TypeAlias

from biasaudit.stats.change import Change
from biasaudit.stats.clusters import Clustered
from biasaudit.stats.flows import ItemFlows, ItemState
from biasaudit.stats.groups.disparity import GroupEstimate
from biasaudit.stats.groups.outcomes import GroupOutcomes
from biasaudit.stats.groups.range import BetweenGroups
from biasaudit.stats.missing import MissingBounds
from biasaudit.stats.multiplicity import ClaimPValues
from biasaudit.stats.power import Prospect
from biasaudit.stats.significance import TestResult
from biasaudit.stats.spread import Spread
from biasaudit.stats.two_sample import TwoSampleResult
from biasaudit.stats.verdict import Ruling
from biasaudit.types import Estimate

if TYPE_CHECKING:
    import pandas as pd

Row: TypeAlias = (
    Estimate
    | GroupEstimate
    | BetweenGroups
    | Change
    | MissingBounds
    | Prospect
    | TestResult
    | ClaimPValues
    | TwoSampleResult
    | Spread
    | Ruling
)
"""A result with named numbers."""

_ROWS: Final[tuple[type, ...]] = (
    Estimate,
    GroupEstimate,
    BetweenGroups,
    Change,
    MissingBounds,
    Prospect,
    TestResult,
    ClaimPValues,
    TwoSampleResult,
    Spread,
    Ruling,
)
_ARRAYS: Final = (ItemFlows, Clustered, GroupOutcomes)


def frame_of(result: Row | Sequence[Row] | ItemFlows | Clustered | GroupOutcomes) -> pd.DataFrame:
    """Return a result of :mod:`biasaudit.stats`, or several of one kind, as a table.

    Parameters
    ----------
    result : result, or sequence of results of one kind
        Such as what `by_group` returns.

    Returns
    -------
    pandas.DataFrame
        One row a result, one column a field. An estimate is its fields (``status``, ``value``, ``ci_low``, ...), a test
        ``p_value`` and ``test``, with the name of what they belong to before them where there are several
        (``total_value``, ``total_p_value``). A number that is not there is NaN, with the reason in ``status``; a group
        is its labels joined by ", ", several groups are joined by "; ".
        Of item flows one row for each state before and after, with ``n_items``. Of items with their clusters, or of
        outcomes by group, one row an item.

    Raises
    ------
    TypeError
        If it is no such result, or a sequence of several kinds.
    ValueError
        If the sequence is empty: it has no columns.

    Examples
    --------
    >>> from biasaudit.stats import benjamini_hochberg, group_outcomes, by_group
    >>> cases = group_outcomes(
    ...     [0.2, 0.4] * 5, sensitive_features={"gender": ["man", "woman"] * 5}, clusters=list("aabbccddee")
    ... )
    >>> frame_of(by_group(cases))[["group", "value", "n_clusters"]].round(3).values.tolist()
    [['man', 0.2, 5], ['woman', 0.4, 5]]
    """
    import pandas as pd  # noqa: PLC0415  # slow to import

    if isinstance(result, ItemFlows):
        states = list(ItemState)
        rows = [(before.value, after.value, result.count(before, after)) for before, after in product(states, states)]
        return pd.DataFrame(rows, columns=["before", "after", "n_items"])
    if isinstance(result, Clustered):
        found = {"value": result.values, "cluster": result.index}
        return pd.DataFrame(found if result.also is None else {**found, "also": result.also})
    if isinstance(result, GroupOutcomes):
        truth = {} if result.y_true is None else {"y_true": result.y_true}
        return pd.DataFrame(
            {
                **result.sensitive_features,
                **result.control_features,
                "clusters": result.clusters,
                "outcomes": result.outcomes,
                **truth,
            }
        )
    return pd.DataFrame([_row(one) for one in _of_one_kind(result)])


def _of_one_kind(result: object) -> Sequence[object]:
    several: Sequence[object] = result if isinstance(result, (list, tuple)) else [result]
    if not several:
        msg = "there are no results, so that a table of them has no columns"
        raise ValueError(msg)
    kinds = sorted({type(one).__name__ for one in several})
    if not isinstance(several[0], _ROWS) or len(kinds) > 1:
        known = ", ".join(kind.__name__ for kind in (*_ROWS, *_ARRAYS))
        msg = f"{' and '.join(kinds)} cannot be one table; give a result, or several of one kind, of: {known}"
        raise TypeError(msg)
    return several


def _row(result: object) -> dict[str, object]:
    row: dict[str, object] = {}
    for field in fields(result):  # type: ignore[arg-type]  # one of _ROWS, which are dataclasses
        row |= _cells(field.name, getattr(result, field.name), str(field.type))
    return row


def _cells(name: str, value: object, kind: str) -> dict[str, object]:
    """Return the columns of a field; `kind` is its annotation, which says what is absent where the value is None."""
    if isinstance(value, Estimate):
        prefix = "" if name == "estimate" else f"{name}_"
        return {f"{prefix}{column}": cell for column, cell in _row(value).items()}
    if kind.startswith("TestResult"):
        what = name.removesuffix("test").removesuffix("_")
        prefix = f"{what}_" if what else ""
        found = value if isinstance(value, TestResult) else None
        return {
            f"{prefix}p_value": math.nan if found is None else found.p_value,
            f"{prefix}test": None if found is None else found.test,
        }
    if isinstance(value, tuple) and kind == "tuple[Estimate, Estimate]":
        ends = zip(("lowest", "highest"), value, strict=True)
        return {column: cell for end, one in ends for column, cell in _cells(f"{name}_{end}", one, "Estimate").items()}
    if isinstance(value, tuple):
        return {name: "; ".join(", ".join(one) for one in value) if kind == "tuple[Group, ...]" else ", ".join(value)}
    if value is None and kind.startswith("float"):
        return {name: math.nan}
    return {name: value.value if isinstance(value, Enum) else value}
