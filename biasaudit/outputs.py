"""Files that are written where a person says: whole or not at all, and never over an audit or over what is read.

An output option is a path that somebody types. One slip, and the evidence of an hour's work, or the policy that judges
it, would be a report. Every writer of such a path goes through here; audit folders themselves, caches and adapters have
writers of their own, whose folders nobody else writes into.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import UsageError

STREAM: Final = "-"
"""Standard output, as the name of a file."""

_MANIFEST: Final = "manifest.json"
_LARGEST_MANIFEST: Final = 50_000_000
_NUMBERED: Final = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_STREAMS: Final = {STREAM: 1, "/dev/stdout": 1, "/dev/stderr": 2}
_NOWHERE: Final = "/dev/null"
_ANOTHER: Final = "Name another file; nothing was written."


def check_outputs(paths: Iterable[str | Path | None], *, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse what cannot or must not be written, before anything is.

    Parameters
    ----------
    paths : iterable of path or None
        Files that are to be written; None is passed over.
    inputs : iterable of path
        What the same command reads: files, and folders of audits.

    Raises
    ------
    UsageError
        If one is a file of a finished audit, or an input, by any name or link; if it is a folder, a pipe or a device
        other than standard output; if its folder is absent or takes no files; or if one file is named twice.
    """
    read = _identities(inputs)
    seen: set[Path] = set()
    for path in paths:
        if path is None or _stream_of(path) is not None:
            continue
        target = _target(path)
        _refuse_audits(path, target)
        if _identity(target) in read:
            raise UsageError(f"{path} is what this command reads.", fix=_ANOTHER)
        with _told(path):
            _refuse_unwritable(path, target)
        if target in seen:
            raise UsageError(f"{path} is named for two outputs.", fix="Name a file for each; nothing was written.")
        seen.add(target)


def write_output(
    path: str | Path, content: str | bytes, *, inputs: Iterable[str | Path] = (), new: bool = False
) -> Path:
    """Write a file whole, under another name first, and return its path.

    Parameters
    ----------
    path : path
        ``-``, ``/dev/stdout`` and the like are streams. A link is followed.
    content : str or bytes
        Text is written as UTF-8.
    inputs : iterable of path
        As in :func:`check_outputs`.
    new : bool
        Whether the file must not be there yet.

    Raises
    ------
    UsageError
        As in :func:`check_outputs`; if the file is there though it must not be; or if the disk does not take it.
    """
    check_outputs([path], inputs=inputs)
    data = content.encode("utf-8") if isinstance(content, str) else content
    number = _stream_of(path)
    with _told(path):
        if number is not None:
            _write_stream(number, data)
        else:
            _write_file(path, _target(path), data, new=new)
    return Path(path)


def append_output(path: str | Path, text: str, *, inputs: Iterable[str | Path] = ()) -> None:
    """Write text to the end of a file, which is made if need be.

    Raises
    ------
    UsageError
        As in :func:`write_output`.
    """
    check_outputs([path], inputs=inputs)
    number = _stream_of(path)
    with _told(path):
        if number is not None:
            _write_stream(number, text.encode("utf-8"))
        else:
            with _target(path).open("a", encoding="utf-8") as file:
                file.write(text)


def suffix_of(path: str | Path, known: Iterable[str], *, default: str) -> str:
    """Return how a file is to be written, by the end of its name; a stream as `default`.

    Raises
    ------
    UsageError
        If nothing is written that ends so.

    Examples
    --------
    >>> suffix_of("Report.HTML", [".html", ".md"], default=".html")
    '.html'
    """
    found, endings = Path(path).suffix.lower(), tuple(known)
    if _stream_of(path) is not None:
        return default
    if found not in endings:
        raise UsageError(
            f"{path} cannot be written: no report ends with {found!r}."
            if found
            else f"{path} cannot be written: its name does not say what it is to be.",
            fix=f"Name a file that ends with {' or '.join(endings)}; nothing was written.",
        )
    return found


def is_stream(path: str | Path) -> bool:
    """Whether a path is a stream that is open already, as ``-`` is."""
    return _stream_of(path) is not None


def _stream_of(path: str | Path) -> int | None:
    name = str(path)
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered[1]) if numbered is not None else _STREAMS.get(name)


@contextlib.contextmanager
def _told(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, OverflowError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise UsageError(f"{path} cannot be written: {reason}.", fix="Name a file in a folder that takes it.") from exc


def _target(path: str | Path) -> Path:
    """Return where a path leads once every link is followed."""
    try:
        if not str(path):
            raise ValueError("it has no name")  # noqa: TRY301  # told as all others
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as exc:
        raise UsageError(f"{str(path)!r} cannot be written: {exc}.", fix=_ANOTHER) from exc


def _refuse_audits(path: str | Path, target: Path) -> None:
    folder = target.parent
    names = _files_of_audit(folder)
    own = {_identity(folder / name) for name in names} - {None}
    if target.name in names or _identity(target) in own:
        raise UsageError(f"{path} is a file of the audit itself, in {folder}.", fix=_ANOTHER)


def _files_of_audit(folder: Path) -> frozenset[str]:
    """Return the names of what belongs to a finished audit; none if the folder is no audit."""
    path = folder / _MANIFEST
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return frozenset()
        content: Any = None  # Any: JSON values
        if found.st_size <= _LARGEST_MANIFEST:
            content = json.loads(path.read_bytes())
    except OSError:
        return frozenset()
    except (ValueError, RecursionError):
        content = None
    files = content.get("files") if isinstance(content, dict) else None
    if isinstance(content, dict) and not (isinstance(files, dict) and "biasaudit_version" in content):
        return frozenset()
    # Of one that is damaged the evidence is still evidence.
    named = files if isinstance(files, dict) else {found.name for found in folder.glob("*.parquet")}
    return frozenset({_MANIFEST, "report.html", "report.md", *named})


def _identities(inputs: Iterable[str | Path]) -> set[tuple[int, int] | None]:
    """Return what files are, whatever their names: a link to an input is the input."""
    found: set[tuple[int, int] | None] = set()
    for one in inputs:
        path = Path(one)
        with contextlib.suppress(OSError, ValueError):
            paths = [path / name for name in _files_of_audit(path)] if path.is_dir() else [path]
            found |= {_identity(each) for each in paths}
    return found - {None}


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _refuse_unwritable(path: str | Path, target: Path) -> None:
    why = None
    if target.is_dir():
        why = "it is a folder"
    elif target.exists() and not target.is_file() and str(target) != _NOWHERE:
        why = "it is a pipe or a device"
    elif not target.parent.is_dir():
        why = f"there is no folder {target.parent}"
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        why = f"the folder {target.parent} takes no files"
    if why is not None:
        raise UsageError(
            f"{path} cannot be written: {why}.", fix="Name a file in a folder that exists; nothing was written."
        )


def _write_file(path: str | Path, target: Path, content: bytes, *, new: bool) -> None:
    if str(target) == _NOWHERE:
        return
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(prefix=".biasaudit-", dir=target.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(mode)
        if new:
            _place(path, unfinished, target)
        else:
            os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _place(path: str | Path, unfinished: Path, target: Path) -> None:
    """Give a file its name, unless there is one of that name; also one that came this moment."""
    there = UsageError(f"{path} is there already.", fix=_ANOTHER)
    try:
        os.link(unfinished, target)
    except FileExistsError as exc:
        raise there from exc
    except OSError:  # no hard links on this disk
        if target.exists():
            raise there from None
        os.replace(unfinished, target)


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


def _write_stream(number: int, content: bytes) -> None:
    stream = {1: sys.stdout, 2: sys.stderr}.get(number)
    if stream is not None:
        stream.flush()
        try:
            number = stream.fileno()
        except OSError:  # a stream of a test or a notebook, which has no number
            stream.write(content.decode("utf-8"))
            return
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(number, left) :]
    except OSError as exc:
        if exc.errno != errno.EPIPE:  # the reader has gone, and misses nothing
            raise
