"""What files hash to, remembered from one run to the next."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from biasaudit.models.files import cache_folder


def sha256_of(paths: Iterable[Path]) -> str:
    """Return one hash over names and contents of `paths`, each file hashed once per version of it.

    A file's hash is remembered by its path, size and time of change, so that a model of several
    gigabytes is not read again only to be recognised.
    """
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}:{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of one file, from memory if the file has not changed since."""
    resolved = path.resolve()
    stat = resolved.stat()
    identity = (str(resolved), stat.st_size, stat.st_mtime_ns)
    with sqlite3.connect(cache_folder() / "hashes.sqlite", timeout=30) as known:
        known.execute("CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INT, mtime_ns INT, sha256 TEXT)")
        row = known.execute(
            "SELECT sha256 FROM hashes WHERE path = ? AND size = ? AND mtime_ns = ?", identity
        ).fetchone()
        if row is not None:
            return str(row[0])
        with resolved.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        known.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", (*identity, found))
    known.close()
    return found
