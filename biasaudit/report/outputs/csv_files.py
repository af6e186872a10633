"""Every table of an audit as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from biasaudit.analysis.wordings import wordings_frame
from biasaudit.errors import UsageError
from biasaudit.outputs import check_outputs, write_output
from biasaudit.report.words.wording import showable

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\n")
"""How a cell begins that a spreadsheet would compute, or run."""


def write_csv(audit: AuditRecord, folder: Path) -> tuple[Path, ...]:
    """Write each table to a file of its own, such as ``comparisons.csv``, and the wordings, computed from them.

    UTF-8, one header row, an empty cell for what is missing, lists as JSON. A text that begins with ``=``, ``+``,
    ``-``, ``@``, a tab or a new line gets an apostrophe before it, which makes it a text to a spreadsheet too, and
    a carriage return becomes a new line; numbers are left as they are. The Parquet files hold the texts unchanged.

    Parameters
    ----------
    audit : AuditRecord
    folder : Path
        Made if it is not there; files of these names in it are replaced.

    Returns
    -------
    tuple of Path
    """
    frames = {**audit.tables, "wordings": wordings_frame(audit.families)}
    paths = {name: folder / f"{name}.csv" for name in frames}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as exc:
        raise UsageError(f"{folder} cannot be made: {exc}.", fix="Name another folder; nothing was written.") from exc
    check_outputs(paths.values())
    return tuple(write_output(path, csv_bytes(frames[name])) for name, path in paths.items())


def csv_bytes(frame: pd.DataFrame) -> bytes:
    r"""Return a table as CSV; equal tables give equal bytes.

    Examples
    --------
    >>> csv_bytes(pd.DataFrame({"text": ["=1+1", "a"], "number": [-1.5, None], "list": [[1, 2], None]}))
    b'text,number,list\n\'=1+1,-1.5,"[1, 2]"\na,,\n'
    """
    shown = pd.DataFrame(
        {
            name: frame[name]
            if pd.api.types.is_numeric_dtype(frame[name].dtype)
            else pd.Series([_cell(value) for value in frame[name]], index=frame.index, dtype=object)
            for name in frame.columns
        },
        columns=frame.columns,
    )
    return shown.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _cell(value: Any) -> object:  # Any: a cell of a pandas frame
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted, and a spreadsheet begins a row there.
    text = showable(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text
