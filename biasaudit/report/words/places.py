"""Where things stand on the page: the ids that links lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from biasaudit.report.words.wording import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

Cell: TypeAlias = tuple[str, str, str, str]
"""Tuned checkpoint, contrast, probe and feature, as the tables name them."""

_CELL: Final = ["tuned", "contrast", "probe", "feature"]


def probe_places(probes: Iterable[str]) -> dict[str, str]:
    """Return probe -> the id of its section. Numbers, since a name may hold anything.

    Parameters
    ----------
    probes : iterable of str
        All of the audit: the keys of `names` of a :class:`~biasaudit.report.section.Source`.

    Examples
    --------
    >>> probe_places(["traits", "<b>"])
    {'<b>': 'probe-1', 'traits': 'probe-2'}
    """
    return {probe: f"probe-{place}" for place, probe in enumerate(sorted(set(probes)), start=1)}


def part_place(place: str, part: str) -> str:
    """Return the id of a part of a probe's section.

    Examples
    --------
    >>> part_place("probe-2", "items")
    'probe-2-items'
    """
    return f"{place}-{part}"


def cell_of(row: Mapping[str, Any]) -> Cell:  # Any: cells of a pandas row
    """Return the cell that a row of the comparisons is about.

    Examples
    --------
    >>> cell_of({"tuned": "sft", "contrast": "as deployed", "probe": "traits", "feature": "age", "metric": "sign"})
    ('sft', 'as deployed', 'traits', 'age')
    """
    return str(row["tuned"]), str(row["contrast"]), str(row["probe"]), str(row["feature"])


def cell_places(comparisons: pd.DataFrame) -> dict[Cell, str]:
    """Return cell -> the id of its row, of every declared cell and of the pooled ones.

    Parameters
    ----------
    comparisons : DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`.
    """
    there = {cell_of(row) for row in records(comparisons[_CELL])}
    return {cell: f"cell-{place}" for place, cell in enumerate(sorted(there), start=1)}
