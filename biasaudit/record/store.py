"""The only reader and writer of audit folders."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from biasaudit.errors import AlteredAuditError, AuditFolderError
from biasaudit.record import sealed
from biasaudit.record.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST: Final = sealed.MANIFEST
REPORT: Final = "report.html"
REPORT_MARKDOWN: Final = "report.md"
_TEMPORARY: Final = "????????"
_LEFT_BEHIND_S: Final = 3600.0
"""Age from which a temporary file is what a killed run left, and not what another writes."""

read_manifest = sealed.read_manifest


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then move into place.

    Raises
    ------
    OSError
        If there is no room, or the folder cannot be written; what lay at `path` is then as it was.
    """
    _moved_into_place({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files of an audit: all under temporary names, then all moved into place, in their order.

    A disk that is full shows while they have their temporary names, so that none of them is exchanged and the
    others not.

    Raises
    ------
    AuditFolderError
        If there is no room, or the folder cannot be written; every file is then as it was.
    """
    try:
        _moved_into_place(contents)
    except OSError as exc:
        raise AuditFolderError(
            f"the audit cannot be written into {next(iter(contents)).parent}: {exc.strerror or exc}.",
            fix="Make room there or name another folder, and run the same command again: it goes on from the cache.",
        ) from exc


def _moved_into_place(contents: Mapping[Path, bytes]) -> None:
    staged: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            staged[path] = _staged(path, content)
        for path, temporary in staged.items():
            os.replace(temporary, path)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _staged(path: Path, content: bytes) -> Path:
    """Return a file beside `path` that holds `content`; what a killed run left beside it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.{_TEMPORARY}"):
        if time.time() - left.lstat().st_mtime > _LEFT_BEHIND_S:
            left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def table_bytes(frame: pd.DataFrame) -> bytes:
    """Return `frame` as Parquet; equal frames give equal bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def write_tables(folder: Path, frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Write tables, given by name, and return file -> sha256.

    Raises
    ------
    AuditFolderError
        If they cannot be written; none of them is then exchanged.
    """
    contents = {f"{name}.parquet": table_bytes(frame) for name, frame in frames.items()}
    write_together({folder / name: content for name, content in contents.items()})
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def write_text(folder: Path, name: str, text: str) -> str:
    """Write a text file and return its sha256.

    Raises
    ------
    AuditFolderError
        If it cannot be written; what lay there is then as it was.
    """
    content = text.encode("utf-8")
    write_together({folder / name: content})
    return hashlib.sha256(content).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: from now on the audit is finished.

    Raises
    ------
    AuditFolderError
        If it cannot be written; an earlier one is then as it was.
    """
    write_text(folder, MANIFEST, manifest.to_json())


def read_table(folder: Path, table: str, manifest: Manifest) -> pd.DataFrame:
    """Read one table, checked against the manifest.

    Raises
    ------
    AlteredAuditError
        If it is absent, or is not the one that was written.
    """
    name = f"{table}.parquet"
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise AlteredAuditError(f"{path} cannot be read: {exc}.", fix="Restore it, or run the audit again.") from exc
    if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
        raise AlteredAuditError(
            f"{path} was altered: its checksum is not the manifest's.", fix="Restore it, or run the audit again."
        )
    # Without threads of Arrow's, as in record/sealed.py.
    found = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    frame: pd.DataFrame = found.to_pandas(use_threads=False)
    return frame
