"""What files hash to, remembered from one run to the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from biasaudit.errors import CacheError, ModelFilesError
from biasaudit.models import database
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.database import Trouble, trouble_of

_TABLES: Final = {
    "file_hashes": "path TEXT PRIMARY KEY, seen TEXT NOT NULL, sha256 TEXT NOT NULL, checksum TEXT NOT NULL"
}
_NAME: Final = "hashes.sqlite"
_PATIENCE_S: Final = 1.0
"""A lock is not waited for: hashing a model takes seconds."""
_SETTLED_NS: Final = 2_000_000_000
"""A file that changed less than this ago may change again without its times saying so."""


def sha256_of(paths: Iterable[Path]) -> str:
    """Return one hash over names and contents of `paths`, each file hashed once per version of it.

    A file's hash is remembered by all that the file system says of it, so that a model of several
    gigabytes is not read again only to be recognised.

    Raises
    ------
    ModelFilesError
        If one of them is no regular file, or cannot be read.
    """
    digest = hashlib.sha256()
    with _memory() as known:
        for path in sorted(paths):
            digest.update(f"{path.name}:{_sha256(path, known)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of one file, from memory if the file has not changed since.

    Raises
    ------
    ModelFilesError
        If it is no regular file, or cannot be read.
    """
    with _memory() as known:
        return _sha256(path, known)


def _sha256(path: Path, known: sqlite3.Connection | None) -> str:
    try:
        resolved = path.resolve(strict=True)
        # A pipe would be waited for without end, a device read without end.
        if not stat.S_ISREG(resolved.stat().st_mode):
            raise ModelFilesError(f"{path} is no regular file.", fix="Name the file itself.")
        with resolved.open("rb") as file:
            before = os.fstat(file.fileno())
            remembered = _remembered(known, str(resolved), _seen(before))
            if remembered is not None:
                return remembered
            found = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
    except (OSError, RuntimeError) as exc:  # RuntimeError: a circle of links
        reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        raise ModelFilesError(f"{path} cannot be read: {reason}.", fix="Restore it from its source.") from exc
    settled = time.time_ns() - max(after.st_ctime_ns, after.st_mtime_ns) > _SETTLED_NS
    if settled and _seen(before) == _seen(after):
        _remember(known, str(resolved), _seen(after), found)
    return found


def _seen(facts: os.stat_result) -> str:
    """Return what tells two versions of a file apart: times can be set, but not the time of the last change of them."""
    parts = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev)
    return " ".join(map(str, parts))


@contextlib.contextmanager
def _memory() -> Iterator[sqlite3.Connection | None]:
    """Give the open memory, or None: without it files are hashed again, which costs time only."""
    try:
        opened = _opened(cache_folder() / _NAME)
    except (sqlite3.Error, OSError, CacheError):
        yield None
        return
    try:
        yield opened
    finally:
        opened.close()


def _opened(path: Path) -> sqlite3.Connection:
    for _ in range(2):
        try:
            return database.on_disk(path, _TABLES, patience_s=_PATIENCE_S).connection
        except sqlite3.Error as exc:
            if trouble_of(exc) is not Trouble.BROKEN or database.set_aside(path, None) is None:
                break
    return database.read_only(path, _TABLES).connection


def _remembered(known: sqlite3.Connection | None, path: str, seen: str) -> str | None:
    if known is None:
        return None
    try:
        row = known.execute("SELECT seen, sha256, checksum FROM file_hashes WHERE path = ?", (path,)).fetchone()
    except (sqlite3.Error, UnicodeEncodeError):  # UnicodeEncodeError: a name that is no text
        return None
    if row is None or row[0] != seen or row[2] != _checksum(path, seen, row[1]):
        return None
    return str(row[1])


def _remember(known: sqlite3.Connection | None, path: str, seen: str, sha256: str) -> None:
    if known is not None:
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):
            row = (path, seen, sha256, _checksum(path, seen, sha256))
            known.execute("INSERT OR REPLACE INTO file_hashes VALUES (?, ?, ?, ?)", row)


def _checksum(path: str, seen: str, sha256: object) -> str:
    content = f"{path}\n{seen}\n{sha256}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(content, digest_size=16).hexdigest()
