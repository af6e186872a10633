"""The archive: a zip without compression, the same bytes for the same members, and read with suspicion."""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from biasaudit.errors import BundleError
from biasaudit.record import store
from biasaudit.record.audit_record import NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUMS: Final = "SHA256SUMS"
POLICY: Final = "policy.yaml"
DECISION: Final = "decision.json"
TABLES: Final = tuple(f"{name}.parquet" for name in NEEDED)
REQUIRED: Final = frozenset({store.MANIFEST, store.REPORT, SUMS, *TABLES})
"""Beside these a bundle has whatever else the manifest names."""
WITH_POLICY: Final = frozenset({POLICY, DECISION})

MAX_MEMBERS: Final = 100
_CHUNK: Final = 1 << 20
# The oldest date that a zip can hold: the time of writing is no part of the evidence.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
# What Python's zipfile raises on bytes that are no sound archive, besides OSError.
_UNSOUND: Final = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


def sums_text(sums: Mapping[str, str]) -> str:
    """Return checksums in the form that ``sha256sum --check`` reads."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def write_archive(path: Path | IO[bytes], members: Mapping[str, bytes]) -> None:
    """Write members in the order of their names, uncompressed: compression depends on the zlib at hand."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, members[name])


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose directory is sound.

    Raises
    ------
    BundleError
        If it cannot be read, is no zip, or has members that no bundle has: compressed or encrypted ones,
        more bytes than the file, a name twice, a path.
    """
    try:
        archive = zipfile.ZipFile(path)
    except OSError as exc:
        raise BundleError(f"{path} cannot be read: {exc.strerror}.", fix="Name a file of `biasaudit bundle`.") from exc
    except _UNSOUND as exc:
        raise BundleError(f"{path} is no zip archive: {exc}.", fix="Name a file of `biasaudit bundle`.") from exc
    with archive:
        problem = _problem(archive.infolist(), n_bytes=path.stat().st_size)
        if problem is not None:
            raise BundleError(f"{path} is no bundle: {problem}.", fix="Name a file of `biasaudit bundle`.")
        yield archive


def _problem(members: list[zipfile.ZipInfo], *, n_bytes: int) -> str | None:
    if len(members) > MAX_MEMBERS:
        return f"it has {len(members):,} members, and {MAX_MEMBERS} is the limit"
    if len({member.filename for member in members}) < len(members):
        return "a name is given twice"
    # Nothing is compressed, so that members can be no larger than the file: no bomb.
    if sum(member.file_size for member in members) > n_bytes:
        return "its members claim more bytes than it has"
    return next((problem for problem in map(_problem_of, members) if problem is not None), None)


def _problem_of(member: zipfile.ZipInfo) -> str | None:
    if not is_plain_name(member.orig_filename):
        return f"member {member.orig_filename!a} is not the plain name of a file"
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        return f"member {member.filename!a} is compressed"
    if member.flag_bits & 0x1 or stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
        return f"member {member.filename!a} is encrypted, or no regular file"
    return None


def is_plain_name(name: str) -> bool:
    """Whether a name is that of a file in the folder itself, on every system."""
    allowed = name.isascii() and all(letter.isalnum() or letter in "._-" for letter in name)
    return allowed and 0 < len(name) <= 100 and not name.startswith(".")


def sha256_of(archive: zipfile.ZipFile, name: str) -> str | None:
    """Return the checksum of a member's content; None if the archive itself says that the content is damaged."""
    digest = hashlib.sha256()
    try:
        with archive.open(name) as member:
            while chunk := member.read(_CHUNK):
                digest.update(chunk)
    except (OSError, *_UNSOUND):
        return None
    return digest.hexdigest()


def text_of(archive: zipfile.ZipFile, name: str, *, limit: int) -> str | None:
    """Return a member's text; None if it is longer than `limit` bytes, damaged, or not UTF-8."""
    if archive.getinfo(name).file_size > limit:
        return None
    try:
        return archive.read(name).decode("utf-8")
    except (OSError, *_UNSOUND):
        return None


def sha256_of_file(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
