"""A finished audit read without pandas: its manifest, its checksums, and the few columns that a check looks at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import AlteredAuditError, AuditFolderError, UnfinishedAuditError
from biasaudit.record.audit_record import NEEDED
from biasaudit.record.manifest import CHECKSUM, FIRST_VERSION, SCHEMA_VERSION, Manifest, from_dict, own_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

MANIFEST: Final = "manifest.json"
_RESTORE: Final = "Restore it, or run the audit again."
_CHUNK: Final = 1 << 20


def read_manifest(folder: Path, *, earlier: bool = False) -> Manifest:
    """Read the manifest of a finished audit.

    Parameters
    ----------
    folder : Path
    earlier : bool
        Whether an earlier version is read too.

    Raises
    ------
    UnfinishedAuditError
        If there is none.
    AlteredAuditError
        If it is not what its own checksum says.
    AuditFolderError
        If it cannot be read, or is of another version.
    """
    path = folder / MANIFEST
    content = _manifest_content(folder, path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    is_earlier = isinstance(version, int) and FIRST_VERSION <= version < SCHEMA_VERSION
    if version != SCHEMA_VERSION and not (earlier and is_earlier):
        raise AuditFolderError(
            f"{path} has schema version {version!r}; this version of biasaudit reads {SCHEMA_VERSION}.",
            fix=f"Compute its tables again, without a model: biasaudit report {folder} --recompute."
            if is_earlier
            else "Use the version of biasaudit that wrote it, or run the audit again.",
        )
    try:
        manifest = from_dict(content)
    except TypeError as exc:
        raise AlteredAuditError(f"{path} is not a whole manifest: {exc}.", fix=_RESTORE) from exc
    if CHECKSUM in content and content[CHECKSUM] != own_checksum(content):
        raise AlteredAuditError(f"{path} was altered: it is not what its own checksum says.", fix=_RESTORE)
    return manifest


def has_own_checksum(folder: Path) -> bool:
    """Whether a manifest has a checksum of its own; earlier versions wrote none, and an edit of theirs goes unseen.

    Raises
    ------
    UnfinishedAuditError, AlteredAuditError, AuditFolderError
        As :func:`read_manifest`.
    """
    content = _manifest_content(folder, folder / MANIFEST)
    return isinstance(content, dict) and CHECKSUM in content


def _manifest_content(folder: Path, path: Path) -> Any:  # Any: JSON values
    try:
        if not folder.is_dir():
            raise AuditFolderError(
                f"{folder} is not an audit folder: there is no such folder.", fix="Name the folder given to --out."
            )
        if path.exists() and not path.is_file():
            raise AlteredAuditError(f"{path} cannot be read: it is no file.", fix=_RESTORE)
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise UnfinishedAuditError(
            f"{folder} holds no finished audit: {MANIFEST} is missing.",
            fix="Run the same `biasaudit audit` command again; it goes on from the cache.",
        ) from exc
    except (OSError, ValueError, RecursionError) as exc:
        raise AlteredAuditError(f"{path} cannot be read: {exc}.", fix=_RESTORE) from exc


def check_files(folder: Path, manifest: Manifest) -> None:
    """Check every file that a manifest names, the report too: a page that was altered shows other numbers.

    Raises
    ------
    AlteredAuditError
        If one is absent, or is not the one that was written, or if the manifest lacks a table.
    """
    missing = [name for table in NEEDED if (name := f"{table}.parquet") not in manifest.files]
    if missing:
        raise AlteredAuditError(f"{folder / MANIFEST} does not name {', '.join(missing)}.", fix=_RESTORE)
    for name, checksum in manifest.files.items():
        # A name such as ../x or /dev/zero would be read outside the folder, or without end.
        if name in {"", ".", ".."} or "\0" in name or Path(name).name != name or "\\" in name:
            raise AlteredAuditError(f"{folder / MANIFEST} names {name!r}, which is no file name.", fix=_RESTORE)
        path = folder / name
        if _checksum(path) != checksum:
            is_report = not name.endswith(".parquet")
            fix = f"Write it again: biasaudit report {folder}." if is_report else _RESTORE
            raise AlteredAuditError(f"{path} was altered: its checksum is not the manifest's.", fix=fix)


def read_columns(folder: Path, table: str, manifest: Manifest, columns: Mapping[str, str]) -> pa.Table:
    """Read columns of one table, from bytes that have the manifest's checksum.

    Parameters
    ----------
    folder : Path
    table : str
        Name without its ending.
    manifest : Manifest
    columns : mapping of str to str
        Column -> ``text``, ``count``, or ``number``; only a number may be null.

    Raises
    ------
    AlteredAuditError
        If the table is absent or not the one that was written, or a column is absent or holds something else.
    """
    name = f"{table}.parquet"
    path = folder / name
    try:
        content = _regular(path).read_bytes()
    except OSError as exc:
        raise AlteredAuditError(f"{path} cannot be read: {exc}.", fix=_RESTORE) from exc
    if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
        raise AlteredAuditError(f"{path} was altered: its checksum is not the manifest's.", fix=_RESTORE)
    import pyarrow as pa  # noqa: PLC0415  # as late as its reader
    import pyarrow.parquet as pq  # noqa: PLC0415  # nothing that is refused before needs it

    try:
        # Not by read_table: with it comes pandas. Not from a Python file, and without threads: one of Arrow's that is
        # still at work while Python ends aborts the process, with 134 in the place of the exit code (arrow#34314).
        found = pq.ParquetFile(pa.BufferReader(content)).read(columns=list(columns), use_threads=False)
    except (pa.ArrowException, ValueError, OSError, OverflowError) as exc:
        reason = " ".join(str(exc).split())[:200]
        raise AlteredAuditError(f"{path} cannot be read as a table: {reason}.", fix=_RESTORE) from exc
    _check_columns(found, path, columns)
    return found


def _check_columns(found: pa.Table, path: Path, columns: Mapping[str, str]) -> None:
    from pyarrow import types  # noqa: PLC0415  # as above

    holds = {
        "text": lambda kind: types.is_string(kind) or types.is_large_string(kind),
        "count": types.is_integer,
        "number": lambda kind: types.is_floating(kind) or types.is_integer(kind) or types.is_null(kind),
    }
    for column, kind in columns.items():
        if found.column_names.count(column) != 1:
            raise AlteredAuditError(f"{path} has not one column {column!r}.", fix=_RESTORE)
        there = found.column(column)
        if not holds[kind](there.type) or (kind != "number" and there.null_count):
            raise AlteredAuditError(f"{path}: column {column!r} does not hold a {kind} in every row.", fix=_RESTORE)


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with _regular(path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as exc:
        raise AlteredAuditError(f"{path} cannot be read: {exc}.", fix=_RESTORE) from exc
    return digest.hexdigest()


def _regular(path: Path) -> Path:
    if path.exists() and not path.is_file():
        raise OSError("it is no file")
    return path


def framings_of(manifest: Manifest) -> Sequence[tuple[str, str, str]]:
    """Return id, framing and request of each wording of an audit, sorted.

    Raises
    ------
    AlteredAuditError
        If the manifest does not say.
    """
    try:
        return sorted((str(one["framing_id"]), str(one["framing"]), str(one["request"])) for one in _framings(manifest))
    except (KeyError, TypeError) as exc:
        raise AlteredAuditError(f"the manifest does not say how texts were framed: {exc!r}.", fix=_RESTORE) from exc


def _framings(manifest: Manifest) -> Any:  # Any: JSON values
    return manifest.plan["framings"]


def level_of(manifest: Manifest) -> float:
    """Return the confidence level of an audit's intervals.

    Raises
    ------
    AlteredAuditError
        If the manifest names none between 0 and 1.
    """
    level = manifest.plan.get("level")
    if not isinstance(level, (int, float)) or isinstance(level, bool) or not 0 < level < 1:
        raise AlteredAuditError(f"the manifest's level is {level!r}; it lies between 0 and 1.", fix=_RESTORE)
    return float(level)
