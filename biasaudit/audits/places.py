"""Whether a run can write where it must, asked before it begins: the folder of the audit, and room on the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from biasaudit.errors import AuditFolderError

BYTES_PER_RESPONSE: Final = 600
"""Of the cache, or of an audit's tables: of short texts these took 35 to 110."""

PAGE_BYTES: Final = 8 << 20
"""Report and tables that do not grow with the responses."""


def check_folder(out: Path) -> None:
    """Make sure that an audit can be written into `out`, and leave nothing behind.

    Raises
    ------
    AuditFolderError
        If `out` is a file, lies below one, or cannot be made or written.
    """
    below = existing(out)
    if not below.is_dir():
        what = f"{out} is a file" if below == out else f"{below}, in which it would lie, is a file"
        raise AuditFolderError(f"the audit cannot be written into {out}: {what}.", fix="Name a folder with --out.")
    made: list[Path] = []
    try:
        for folder in reversed([out, *out.parents][: _n_absent(out)]):
            folder.mkdir()
            made.append(folder)
        with tempfile.NamedTemporaryFile(dir=out, prefix=".biasaudit-"):
            pass
    except OSError as exc:
        raise AuditFolderError(
            f"the audit cannot be written into {out}: {exc.strerror or exc}.",
            fix="Name a folder that can be written with --out.",
        ) from exc
    finally:
        for folder in reversed(made):
            folder.rmdir()


def check_folder_unwritten(out: Path) -> None:
    """Ask the same of a run that writes nothing, by the rights alone.

    Raises
    ------
    AuditFolderError
    """
    below = existing(out)
    if not below.is_dir() or not os.access(below, os.W_OK | os.X_OK):
        why = "cannot be written" if below.is_dir() else "is a file"
        raise AuditFolderError(
            f"the audit cannot be written into {out}: {below} {why}.",
            fix="Name a folder that can be written with --out.",
        )


def check_room(out: Path | None, cache: Path | None, *, n_responses: int) -> None:
    """Make sure that responses, tables and report have room.

    Parameters
    ----------
    out : Path or None
    cache : Path or None
        Folder of the cache, where there is one.
    n_responses : int
        That the cache does not hold yet, or the tables will; an upper bound.

    Raises
    ------
    AuditFolderError
    """
    wanted = disk_bytes(n_responses)
    for what, folder in (("the cache", cache), ("the audit", out)):
        if folder is None:
            continue
        free = shutil.disk_usage(existing(folder)).free
        if free < wanted:
            raise AuditFolderError(
                f"{what} needs about {wanted / 1e6:,.0f} MB in {folder}, and {free / 1e6:,.0f} MB are free there.",
                fix="Make room, name another folder with --out or BIASAUDIT_CACHE, or ask less with --limit.",
            )


def disk_bytes(n_responses: int) -> int:
    """Return about how much room so many responses take, in bytes."""
    return n_responses * BYTES_PER_RESPONSE + PAGE_BYTES


def existing(path: Path) -> Path:
    """Return `path`, or the first folder above it that is there."""
    return next((above for above in [path, *path.absolute().parents] if above.exists()), Path("/"))


def _n_absent(path: Path) -> int:
    return sum(not above.exists() for above in [path, *path.parents])
