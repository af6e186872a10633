"""The user's own words to search among."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from biasaudit.errors import UsageError
from biasaudit.plain_files import excerpt, plain_text

_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_FIX: Final = "Write one word a line; lines that begin with # are not read."


def words_of(given: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the words of a file or a sequence, each once; None of None.

    Parameters
    ----------
    given : path, sequence of str, or None
        A text is the path of a file in UTF-8, one word a line.

    Raises
    ------
    UsageError
        If the file cannot be read, or an entry is no word.
    """
    if given is None:
        return None
    if isinstance(given, (str, Path)):
        where = f"{given}: "
        lines = [line.strip() for line in plain_text(Path(given), error=UsageError, fix=_FIX).splitlines()]
        entries = [line for line in lines if line and not line.startswith("#")]
    else:
        where, entries = "", list(given)
    wrong = next((one for one in entries if not _WORD.fullmatch(one)), None)
    if wrong is not None:
        raise UsageError(f"{where}{excerpt(wrong)} is no single word.", fix=_FIX)
    return tuple(dict.fromkeys(entries))
