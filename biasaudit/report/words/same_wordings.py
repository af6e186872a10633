"""Wordings that give the same value throughout: as far as the model goes, they are one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from biasaudit.report.words.wording import present, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_NUMBERED: Final = re.compile(r"(.*?)(\d+)", re.DOTALL)
_DECIMALS: Final = 9
"""Values that differ less are the same: they were added up in another order."""


def same_wordings(families: pd.DataFrame, *, probe: str) -> dict[str, tuple[str, ...]]:
    """Return name -> wordings, for every set of wordings that have the same index in all arms and features.

    Parameters
    ----------
    families : DataFrame
        See :data:`biasaudit.record.tables.FAMILIES`.
    probe : str

    Returns
    -------
    dict of str to tuple of str
        Sets of two or more. None where all wordings would be one: there is then nothing to compare.
    """
    alike = _alike(families, probe=probe)
    found = {joined(sorted(names)): tuple(sorted(names)) for names in alike if len(names) > 1}
    return found if len(alike) > 1 else {}


def all_alike(families: pd.DataFrame, *, probe: str) -> bool:
    """Whether a probe has several wordings and all of them have the same values, in all arms and features."""
    alike = _alike(families, probe=probe)
    return len(alike) == 1 and len(alike[0]) > 1


def _alike(families: pd.DataFrame, *, probe: str) -> list[list[str]]:
    """Return the wordings of a probe, those with the same values in one list."""
    values: dict[str, list[tuple[Any, ...]]] = {}  # Any: text and numbers
    for row in records(families[(families["probe"] == probe) & (families["metric"] == "index")]):
        numbers = (present(row[name]) for name in ("value", "ci_low", "ci_high"))
        values.setdefault(str(row["family"]), []).append(
            (
                *(str(row[name]) for name in ("checkpoint", "framing", "feature", "status")),
                *(None if number is None else round(number, _DECIMALS) for number in numbers),
                int(row["n_items"]),
                int(row["n_asked"]),
            )
        )
    alike: dict[tuple[Any, ...], list[str]] = {}  # Any: text and numbers
    for family, rows in values.items():
        # Two wordings without a number are not known to be alike.
        measured = any(row[3] == "ok" for row in rows)
        alike.setdefault((*sorted(rows, key=repr), "" if measured else family), []).append(family)
    return list(alike.values())


def with_same_as_one(families: pd.DataFrame, *, probe: str) -> pd.DataFrame:
    """Return the families with one row, under a joint name, for wordings that have the same values throughout."""
    same = same_wordings(families, probe=probe)
    if not same:
        return families
    of_index = (families["probe"] == probe) & (families["metric"] == "index")
    dropped = {name for names in same.values() for name in names[1:]}
    renamed = {names[0]: joint for joint, names in same.items()}
    kept = families[~(of_index & families["family"].isin(dropped))]
    own = of_index.loc[kept.index]
    return kept.assign(family=kept["family"].where(~own, kept["family"].replace(renamed)))


def joined(names: Sequence[str]) -> str:
    """Return one name for several: numbered ones as a range.

    Examples
    --------
    >>> joined(["unknown 1", "unknown 2", "unknown 3"]), joined(["decide", "opinion"])
    ('unknown 1 to 3', 'decide, opinion')
    """
    parts = [_NUMBERED.fullmatch(name) for name in names]
    found = [(part[1], int(part[2])) for part in parts if part]
    first, last = min(found, default=("", 0)), max(found, default=("", 0))
    one_run = len({prefix for prefix, _ in found}) == 1 and last[1] - first[1] == len(names) - 1
    if len(found) == len(names) and one_run:
        return f"{first[0]}{first[1]} to {last[1]}"
    return ", ".join(names)
