"""The only reader and writer of audit folders."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from biasaudit.audits import sealed, tables
from biasaudit.audits.agreement import derived_headlines
from biasaudit.audits.manifest import Manifest
from biasaudit.audits.result import Audit
from biasaudit.errors import AlteredAuditError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandera.pandas import DataFrameSchema

MANIFEST: Final = sealed.MANIFEST
REPORT: Final = "report.html"
REPORT_MARKDOWN: Final = "report.md"
TABLES: Final[Mapping[str, DataFrameSchema]] = {
    "items": tables.ITEMS,
    "responses": tables.RESPONSES,
    "scores": tables.SCORES,
    "estimates": tables.ESTIMATES,
    "families": tables.FAMILIES,
    "comparisons": tables.COMPARISONS,
    "disparities": tables.DISPARITIES,
    "published": tables.PUBLISHED,
}


read_manifest = sealed.read_manifest


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then move into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def table_bytes(frame: pd.DataFrame) -> bytes:
    """Return `frame` as Parquet; equal frames give equal bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def write_tables(folder: Path, audit: Audit) -> dict[str, str]:
    """Write every table and return file -> sha256."""
    written: dict[str, str] = {}
    for name, schema in TABLES.items():
        content = table_bytes(tables.checked(getattr(audit, name), schema))
        write_atomically(folder / f"{name}.parquet", content)
        written[f"{name}.parquet"] = hashlib.sha256(content).hexdigest()
    return written


def write_text(folder: Path, name: str, text: str) -> str:
    """Write a text file and return its sha256."""
    content = text.encode("utf-8")
    write_atomically(folder / name, content)
    return hashlib.sha256(content).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: from now on the audit is finished."""
    write_text(folder, MANIFEST, manifest.to_json())


def read_audit(folder: Path) -> Audit:
    """Read a finished audit, every file checked against the manifest.

    Raises
    ------
    UnfinishedAuditError, AlteredAuditError, AuditFolderError
    """
    manifest = read_manifest(folder)
    frames: dict[str, pd.DataFrame] = {}
    for name in TABLES:
        frames[name] = read_table(folder, name, manifest)
    headlines = derived_headlines(manifest, scores=frames["scores"], comparisons=frames["comparisons"], folder=folder)
    return Audit(manifest=manifest, headlines=headlines, folder=folder, **frames)


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
    frame: pd.DataFrame = pq.read_table(io.BytesIO(content)).to_pandas()
    return frame
