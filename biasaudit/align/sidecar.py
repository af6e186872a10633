"""The licence of a file of data, from the file that stands beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from biasaudit.errors import UsageError

_LINE: Final = re.compile(r"^\W*SPDX-License-Identifier:\s*(.+?)\s*$", re.MULTILINE)


def sidecar_licence(path: Path, *, error: type[UsageError]) -> str | None:
    """Return the licence that ``<file>.license`` names, or None where there is no such file.

    Parameters
    ----------
    path : Path
        The file of data.
    error : type
        What is raised.

    Raises
    ------
    UsageError
        Of the type `error`, if the file cannot be read or names none: to take it for "not stated" would hide a mistake
        of the person who wrote it.

    References
    ----------
    REUSE specification 3.3, "Comment headers" and ".license" files.
    """
    sidecar = path.with_name(path.name + ".license")
    try:
        text = sidecar.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise error(
            f"{sidecar} cannot be read: {exc}.", fix="Restore it, or delete it and use --data-license."
        ) from exc
    found = _LINE.search(text)
    if found is None:
        raise error(f"{sidecar} names no licence.", fix="Write a line such as `SPDX-License-Identifier: Apache-2.0`.")
    return found.group(1)
