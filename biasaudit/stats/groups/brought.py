"""Columns that people bring: rows that belong together, no label missing, nothing converted that was not checked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_REAL: Final = (bool, int, float, np.bool_, np.integer, np.floating)


def same_rows(columns: Mapping[str, Any]) -> dict[str, Any]:  # Any: sequences of whatever kind
    """Return columns whose n-th values belong together.

    Series of pandas are aligned by their index to the first of them. Sequences without an index are taken by position.

    Parameters
    ----------
    columns : mapping of str to sequence
        None stands for a column that was not given, and is left out.

    Raises
    ------
    ValueError
        If Series have other rows than the first, or repeat a row and are in another order; or if Series in another
        order stand beside a column without an index, which could belong to either.

    Examples
    --------
    >>> import pandas as pd
    >>> whole = pd.Series([0.2, 0.8], index=["x", "y"])
    >>> same_rows({"outcomes": whole, "groups": pd.Series(["b", "a"], index=["y", "x"])})["groups"].tolist()
    ['a', 'b']
    """
    given = {name: column for name, column in columns.items() if column is not None}
    pandas = sys.modules.get("pandas")
    series = {} if pandas is None else {name: one for name, one in given.items() if isinstance(one, pandas.Series)}
    if len(series) < 2:
        return given
    first, *others = series
    index = series[first].index
    for name in others:
        own = series[name].index
        if own.equals(index):
            continue
        _check_rows(index, own, first=first, name=name)
        bare = [other for other in given if other not in series]
        if bare:
            msg = (
                f"the rows of {name} are in another order than those of {first}, and {bare[0]} has no index to tell "
                "which it follows; give all of them as Series, or none"
            )
            raise ValueError(msg)
        given[name] = series[name].reindex(index)
    return given


def _check_rows(index: Any, own: Any, *, first: str, name: str) -> None:  # Any: an index of pandas
    if len(own) != len(index):
        msg = f"{first} has {len(index)} rows, and {name} {len(own)}; give one of each for each row"
        raise ValueError(msg)
    if not index.is_unique or not own.is_unique:
        msg = (
            f"the rows of {name} are in another order than those of {first}, and the index repeats labels; "
            "use reset_index(drop=True) on both if they belong together as they stand"
        )
        raise ValueError(msg)
    absent = index.difference(own)
    if len(absent):
        msg = (
            f"{name} has other rows than {first}: {len(absent)} of its labels are absent, the first {absent[0]!r}; "
            "use reset_index(drop=True) on both if they belong together as they stand"
        )
        raise ValueError(msg)


def labels(name: str, column: Sequence[object] | NDArray[Any]) -> NDArray[np.str_]:
    """Return labels as text.

    Parameters
    ----------
    name : str
        Of the column, for the message.
    column : sequence
        Labels of whatever kind.

    Raises
    ------
    ValueError
        If one is missing: None, NaN, pandas' NA or NaT. As text it would be a group of its own.

    Examples
    --------
    >>> labels("gender", ["woman", 1]).tolist()
    ['woman', '1']
    """
    values = _listed(name, column)
    if not all(type(value) is str for value in values):
        missing = [place for place, value in enumerate(values) if _is_missing(value)]
        if missing:
            msg = (
                f"{name}: {len(missing)} of {len(values)} labels are missing, the first at position {missing[0]}; "
                "leave these rows out and count them, or give them a label of their own"
            )
            raise ValueError(msg)
    return np.asarray([str(value) for value in values], dtype=str)


def binary(name: str, column: Sequence[object] | NDArray[Any]) -> NDArray[np.int_]:
    """Return a column of 0 and 1.

    Raises
    ------
    ValueError
        If a value is anything else: 0.6 is no 0, and a missing truth is none.

    Examples
    --------
    >>> binary("y_true", [0, 1.0, True]).tolist()
    [0, 1, 1]
    """
    values = _listed(name, column)
    for place, value in enumerate(values):
        if not isinstance(value, _REAL) or value not in (0, 1):
            msg = f"{name} must be 0 or 1, and at position {place} it is {_shown(value)}; recode the labels"
            raise ValueError(msg)
    return np.asarray([int(value) for value in values], dtype=np.int_)


def numbers(name: str, column: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """Return a column of numbers, NaN among them; shape (n,).

    Raises
    ------
    ValueError
        If a value is no number: text that looks like one is not converted.
    """
    if type(column) is np.ndarray and column.dtype == np.float64 and column.ndim == 1:
        return column
    values = _listed(name, column)
    for place, value in enumerate(values):
        if not (isinstance(value, _REAL) or _is_missing(value)):
            msg = f"{name} must be numbers, and at position {place} it is {_shown(value)}"
            raise ValueError(msg)
    return np.asarray([float("nan") if _is_missing(value) else float(value) for value in values], dtype=np.float64)


def _listed(name: str, column: Any) -> list[Any]:  # Any: values of whatever kind
    if isinstance(column, (str, bytes)):
        msg = f"{name} is one text; give one value for each row"
        raise ValueError(msg)  # noqa: TRY004  # as every wrong column
    if isinstance(column, np.ndarray) and column.ndim != 1:
        msg = f"{name} has {column.ndim} dimensions; give one value for each row"
        raise ValueError(msg)
    # What a masked array hides comes as its mask, not as the number beneath.
    return [None if value is np.ma.masked else value for value in column]


def _is_missing(value: object) -> bool:
    if value is None or type(value).__name__ == "NAType":
        return True
    if type(value).__name__ == "NaTType":
        return True
    # What is not equal to itself is not there.
    return isinstance(value, (float, np.floating, np.datetime64, np.timedelta64)) and bool(value != value)  # noqa: PLR0124


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
