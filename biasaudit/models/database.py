"""SQLite files that may be damaged, locked, read-only, or no files at all: opened so that a run can go on."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_LARGEST_VALUE: Final = 64 * 1024 * 1024
"""Bytes of a value; a damaged length would ask for the memory of the machine."""


class Trouble(StrEnum):
    """Why a database cannot be used."""

    BROKEN = "broken"
    LOCKED = "locked"
    CLOSED = "not to be opened or written"
    FULL = "no room"


_BY_CODE: Final = {
    sqlite3.SQLITE_BUSY: Trouble.LOCKED,
    sqlite3.SQLITE_LOCKED: Trouble.LOCKED,
    sqlite3.SQLITE_PROTOCOL: Trouble.LOCKED,
    sqlite3.SQLITE_READONLY: Trouble.CLOSED,
    sqlite3.SQLITE_PERM: Trouble.CLOSED,
    sqlite3.SQLITE_AUTH: Trouble.CLOSED,
    sqlite3.SQLITE_CANTOPEN: Trouble.CLOSED,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_IOERR: Trouble.FULL,
}
_READING: Final = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})
_LOCKING: Final = frozenset(
    {sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK}
)


def trouble_of(error: sqlite3.Error) -> Trouble:
    """Return what kind of trouble an error of SQLite tells of; what it does not know is damage."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in _READING or not isinstance(code, int):
        return Trouble.BROKEN
    if code in _LOCKING:
        return Trouble.LOCKED
    return _BY_CODE.get(code & 0xFF, Trouble.BROKEN)


class _Connection(sqlite3.Connection):
    """One whose every trouble is an error of SQLite's: its messages quote names, which damage makes no text."""

    def execute(self, *asked: Any) -> sqlite3.Cursor:  # Any: as the base class has it
        with _as_damage():
            return super().execute(*asked)

    def executemany(self, *asked: Any) -> sqlite3.Cursor:  # Any: as above
        with _as_damage():
            return super().executemany(*asked)


@contextlib.contextmanager
def _as_damage() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as exc:
        msg = "it names what is no text"
        raise sqlite3.DatabaseError(msg) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database.

    Attributes
    ----------
    connection : sqlite3.Connection
    inode : int or None
        Of the file; None where it lies in memory.
    writable : bool
        Whether what is written can be read by the next run.
    """

    connection: sqlite3.Connection
    inode: int | None = None
    writable: bool = False


def in_memory(tables: Mapping[str, str]) -> Database:
    """Return a database that ends with the process."""
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=_Connection)
    _make(connection, tables)
    return Database(connection=connection)


def on_disk(path: Path, tables: Mapping[str, str], *, patience_s: float) -> Database:
    """Open the database at `path`, made if it is absent.

    Parameters
    ----------
    path : Path
        Its folder exists.
    tables : mapping of str to str
        Name -> columns, as SQL writes them between the parentheses.
    patience_s : float
        How long another program's lock is waited for.

    Raises
    ------
    sqlite3.Error
        :func:`trouble_of` says what kind.
    """
    _refuse_what_is_no_file(path)
    connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None, factory=_Connection)
    try:
        _cautious(connection)
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=NORMAL")
        _make(connection, tables)
        return Database(connection=connection, inode=_inode(path), writable=True)
    except sqlite3.Error:
        connection.close()
        raise


def read_only(path: Path, tables: Mapping[str, str]) -> Database:
    """Open the database at `path` for reading.

    Raises
    ------
    sqlite3.Error
        If it is absent, cannot be read, or lacks one of the tables.
    """
    _refuse_what_is_no_file(path)
    # Where no file can be made beside it, only a database without a log of changes can be read.
    log = path.with_name(path.name + "-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, timeout=1, isolation_level=None, factory=_Connection
    )
    try:
        _cautious(connection)
        for name, columns in tables.items():
            _check_columns(connection, name, columns)
        return Database(connection=connection, inode=_inode(path))
    except sqlite3.Error:
        connection.close()
        raise


def set_aside(path: Path, inode: int | None) -> Path | None:
    """Rename what lies at `path`, so that it is kept and in nobody's way.

    Parameters
    ----------
    path : Path
    inode : int or None
        Of the file that was found damaged. Where another lies there by now, another run has set it aside already.

    Returns
    -------
    Path or None
        Its new name; None if there is nothing to rename, or it cannot be renamed.
    """
    if inode is not None and _inode(path) != inode:
        return None
    target = next(
        place
        for number in itertools.count(1)
        if not os.path.lexists(place := path.with_name(f"{path.name}.unreadable-{number}"))
    )
    renamed = False
    for ending in _COMPANIONS:
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
            renamed = True
    return target if renamed else None


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write what the block writes at once, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except sqlite3.Error:
        # Some errors have ended the transaction already.
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _refuse_what_is_no_file(path: Path) -> None:
    """Refuse folders, pipes and devices before they are opened: a pipe would be waited for without end."""
    for ending in _COMPANIONS:
        place = path.with_name(path.name + ending)
        if os.path.lexists(place) and not (place.exists() and stat.S_ISREG(place.stat().st_mode)):
            msg = f"{place.name} is no file"
            raise sqlite3.DatabaseError(msg)


def _cautious(connection: sqlite3.Connection) -> None:
    connection.text_factory = _text
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA temp_store=MEMORY")


def _text(content: bytes) -> str:
    """Return a text of any bytes: damaged ones are found by what they are compared with."""
    return content.decode("utf-8", "replace")


def _make(connection: sqlite3.Connection, tables: Mapping[str, str]) -> None:
    """Make the tables that are absent, and check those that are there."""
    for name, columns in tables.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITHOUT ROWID")
        _check_columns(connection, name, columns)


def _check_columns(connection: sqlite3.Connection, name: str, columns: str) -> None:
    """Refuse a table of that name with other columns, or a view: somebody else's database."""
    row = connection.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    # A trigger could do whatever it likes with what is written.
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone():
        msg = "it holds triggers or views"
        raise sqlite3.DatabaseError(msg)
    if row is None or row[0] != "table" or f"({columns})" not in str(row[1]):
        msg = f"it has no table {name} of this version"
        raise sqlite3.DatabaseError(msg)
