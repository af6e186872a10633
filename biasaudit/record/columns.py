"""Columns that say what they hold: type, unit and meaning stand in the contract of a table, and nowhere else.

``docs/audit-format.md`` says the same of every column, word for word, which a test holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandera.pandas as pa

if TYPE_CHECKING:
    import pandas as pd

_TYPES: Final = {"float64": "number", "int64": "count", "bool": "true/false", "object": "list"}
"""Types of columns by what holds them; any other is text."""


def text(
    meaning: str, unit: str = "", *, check: pa.Check | None = None, null: bool = False, later: bool = False
) -> pa.Column:
    """Return a column of texts.

    Parameters
    ----------
    meaning : str
        What stands in it, to be understood without the rows before it.
    unit : str
        Empty where there is none.
    check : pandera.Check, optional
        What every value must be.
    null : bool
        Whether a value may be missing.
    later : bool
        Whether older audits lack the column.

    Examples
    --------
    >>> column = text("why it failed; else null", null=True)
    >>> column.description, column.nullable, type_of(column)
    ('why it failed; else null', True, 'text')
    """
    return _column(str, meaning, unit, check=check, null=null, later=later)


def number(
    meaning: str, unit: str = "", *, check: pa.Check | None = None, null: bool = False, later: bool = False
) -> pa.Column:
    """Return a column of 64-bit floats; see :func:`text`."""
    return _column(float, meaning, unit, check=check, null=null, later=later)


def count(meaning: str, unit: str = "", *, later: bool = False) -> pa.Column:
    """Return a column of 64-bit integers, none of them missing; see :func:`text`."""
    return _column(int, meaning, unit, later=later)


def flag(meaning: str, *, later: bool = False) -> pa.Column:
    """Return a column of true and false; see :func:`text`."""
    return _column(bool, meaning, "", later=later)


def listed(meaning: str, unit: str = "", *, null: bool = False, later: bool = False) -> pa.Column:
    """Return a column of lists; see :func:`text`."""
    return _column(object, meaning, unit, null=null, later=later)


def with_bounds(name: str, meaning: str, unit: str) -> dict[str, pa.Column]:
    """Return the columns of a number that may be missing and of its interval, ``NAME_ci_low`` to ``NAME_ci_high``."""
    return {
        name: number(meaning, unit, null=True),
        f"{name}_ci_low": number("lower bound of its interval", unit, null=True),
        f"{name}_ci_high": number("upper bound of its interval", unit, null=True),
    }


def _column(
    kind: type, meaning: str, unit: str, *, check: pa.Check | None = None, null: bool = False, later: bool = False
) -> pa.Column:
    return pa.Column(
        kind, check, nullable=null, required=not later, description=meaning, metadata={"unit": unit} if unit else None
    )


def type_of(column: pa.Column) -> str:
    """Return the type of a column in the words of the page: text, number, count, true/false or list."""
    return _TYPES.get(str(column.dtype), "text")


def described(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return what the columns of a table are, one row each.

    Parameters
    ----------
    schema : pandera.DataFrameSchema

    Returns
    -------
    pandas.DataFrame
        ``column``, ``type`` (text, number, count, true/false or list), ``unit`` (empty where there is none),
        ``may_be_missing`` and ``meaning`` (empty where the table's author gave none), in the order of the columns.

    Examples
    --------
    >>> schema = pa.DataFrameSchema({"n_failed": count("requests without an answer", "requests")})
    >>> described(schema).to_dict("records")[0]["meaning"]
    'requests without an answer'
    """
    import pandas as pd  # noqa: PLC0415  # slow to import

    def row(name: str, column: pa.Column) -> dict[str, Any]:  # Any: texts, and one true or false
        return {
            "column": name,
            "type": type_of(column),
            "unit": str((column.metadata or {}).get("unit", "")),
            "may_be_missing": bool(column.nullable),
            "meaning": column.description or "",
        }

    names = ["column", "type", "unit", "may_be_missing", "meaning"]
    return pd.DataFrame([row(name, column) for name, column in schema.columns.items()], columns=names)
