"""Whether a bundle is the one that was written, and whether its numbers follow from its responses."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.bundles import archive
from biasaudit.record import store
from biasaudit.record.manifest import CHECKSUM, own_checksum

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._-]{1,100})")
_MAX_SUMS: Final = 100_000
_MAX_MANIFEST: Final = 50_000_000
_NO_CHECKSUM: Final = f"{store.MANIFEST} itself: an earlier version wrote it without a checksum of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of a bundle found.

    Attributes
    ----------
    differences : tuple of str
        One sentence each; empty if the bundle is whole.
    n_members : int
    sha256 : str
        Of the whole file: what can be signed, or named elsewhere.
    recomputed : bool
        Whether the numbers were computed again.
    unchecked : tuple of str
        What could not be compared, and why.
    """

    differences: tuple[str, ...]
    n_members: int
    sha256: str
    recomputed: bool
    unchecked: tuple[str, ...] = ()


def verify_bundle(path: str | Path, *, recompute: bool = False) -> Verification:
    """Check a bundle: its members, every checksum, and the manifest's own.

    Parameters
    ----------
    path : path
        What :func:`write_bundle` wrote.
    recompute : bool
        Compute tables, headlines, report and decision again from items and responses, and compare byte for
        byte; and the items with the manifest's hash of them, and the keys of the responses with those of the
        items' texts. No model is needed. Not done where the checksums differ already.

    Returns
    -------
    Verification

    Raises
    ------
    BundleError
        If the file is no bundle at all, or of a version whose numbers this version does not compute.
    """
    file = Path(path)
    with archive.opened(file) as bundle:
        differences = _members(bundle, archive.REQUIRED)
        manifest = None if differences else _manifest(bundle)
        files = None if manifest is None else _files_of_the_manifest(manifest)
        if files is not None:
            differences += _members(bundle, archive.REQUIRED | set(files), only=True)
        if not differences:
            differences = [*_checksums(bundle), *_of_the_manifest(bundle, files), *_of_itself(manifest)]
        unchecked = [] if manifest is None or CHECKSUM in manifest else [_NO_CHECKSUM]
        n_members = len(bundle.namelist())
        again = recompute and not differences
        if again:
            from biasaudit.bundles.recompute import computed_again  # noqa: PLC0415  # slow to import

            with tempfile.TemporaryDirectory() as scratch:
                _extract(bundle, Path(scratch))
                found = computed_again(Path(scratch))
            differences, unchecked = found.differences, [*unchecked, *found.unchecked]
    return Verification(
        differences=tuple(differences),
        n_members=n_members,
        sha256=archive.sha256_of_file(file),
        recomputed=again,
        unchecked=tuple(unchecked),
    )


def _members(bundle: zipfile.ZipFile, wanted: frozenset[str], *, only: bool = False) -> list[str]:
    names = set(bundle.namelist())
    wanted = wanted | (archive.WITH_POLICY if names & archive.WITH_POLICY else frozenset())
    extra = sorted(names - wanted) if only else []
    return [f"{name!a} is missing" for name in sorted(wanted - names)] + [
        f"{name!a} does not belong there" for name in extra
    ]


def _checksums(bundle: zipfile.ZipFile) -> list[str]:
    text = archive.text_of(bundle, archive.SUMS, limit=_MAX_SUMS)
    matches = [_LINE.fullmatch(line) for line in (text or "").splitlines()]
    sums = {match[2]: match[1] for match in matches if match is not None}
    names = set(bundle.namelist()) - {archive.SUMS}
    if text is None or set(sums) != names or archive.sums_text(sums) != text:
        return [f"{archive.SUMS} is not a list of one checksum for each of the other members"]
    return [
        f"{name} was altered: its checksum is not the one in {archive.SUMS}"
        for name in sorted(names)
        if archive.sha256_of(bundle, name) != sums[name]
    ]


def _manifest(bundle: zipfile.ZipFile) -> dict[str, Any] | None:  # Any: JSON values
    """Return the content of the manifest; None if it is no object."""
    try:
        content = json.loads(archive.text_of(bundle, store.MANIFEST, limit=_MAX_MANIFEST) or "")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _files_of_the_manifest(manifest: Mapping[str, Any]) -> dict[str, str] | None:  # Any: JSON values
    """Return the names and checksums of a manifest; None if it has none."""
    files = manifest.get("files")
    return {str(name): str(checksum) for name, checksum in files.items()} if isinstance(files, dict) else None


def _of_itself(manifest: Mapping[str, Any] | None) -> list[str]:  # Any: JSON values
    if manifest is None or CHECKSUM not in manifest or manifest[CHECKSUM] == own_checksum(manifest):
        return []
    return [f"{store.MANIFEST} was altered: it is not what its own checksum says"]


def _of_the_manifest(bundle: zipfile.ZipFile, files: dict[str, str] | None) -> list[str]:
    if files is None:
        return [f"{store.MANIFEST} is no manifest of an audit"]
    return [
        f"{name} is not the one that {store.MANIFEST} names"
        for name in sorted({*archive.TABLES, store.REPORT, *files})
        if archive.sha256_of(bundle, name) != files.get(name)
    ]


def _extract(bundle: zipfile.ZipFile, folder: Path) -> None:
    # Each is a plain name: the archive was refused if one is not.
    for name in bundle.namelist():
        with bundle.open(name) as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target)
