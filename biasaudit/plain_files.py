r"""Files that people bring: plain ones only, of a bounded size, as text, and what a message quotes of them.

A path may name a pipe that never ends, a device, a link to somebody else's file; a text may hold half of a character,
a number of thousands of digits, or U+2028, which is no end of a line. Each is one error of the room that asked.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from biasaudit.errors import BiasauditError

MOST_BYTES: Final = 256 * 1024 * 1024
"""A larger file is no list of items or predictions."""

_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_EXCERPT: Final = 80


def is_plain(path: Path) -> bool:
    """Tell whether `path` names a regular file; `Path.is_file` raises where a name is too long, or a folder shut."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def plain_bytes(path: Path, *, error: type[BiasauditError], fix: str, at_most: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file.

    Parameters
    ----------
    path : Path
        A folder, a pipe, a device or a socket is refused without being opened.
    error : type of BiasauditError
        What is raised.
    fix : str
        What a reader can do where there is no such file, or it cannot be read.
    at_most : int
        Bytes.

    Raises
    ------
    BiasauditError
        Of the type `error`: if it is absent, no regular file, cannot be read, or is larger.
    """
    try:
        _refuse_others(path, path.stat().st_mode, error=error)
        # Should a pipe be exchanged for it by now, opening does not wait.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            _refuse_others(path, os.fstat(handle).st_mode, error=error)
            content = file.read(at_most + 1)
    except FileNotFoundError as exc:
        raise error(f"{path}: there is no such file.", fix=fix) from exc
    except (OSError, ValueError) as exc:  # ValueError: a null character in the name
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise error(f"{path}: cannot be read: {reason}.", fix=fix) from exc
    if len(content) > at_most:
        raise error(f"{path}: is larger than {at_most:,} bytes.", fix="Check that it is what you meant, or split it.")
    return content


def plain_text(path: Path, *, error: type[BiasauditError], fix: str, at_most: int = MOST_BYTES) -> str:
    """Return the text of a regular file in UTF-8; a byte-order mark at its beginning is left out.

    Raises
    ------
    BiasauditError
        As :func:`plain_bytes`, and if it is not UTF-8.
    """
    return decoded(plain_bytes(path, error=error, fix=fix, at_most=at_most), path, error=error)


def decoded(content: bytes, path: Path, *, error: type[BiasauditError]) -> str:
    """Return the text that the bytes of `path` are in UTF-8, without a byte-order mark.

    Raises
    ------
    BiasauditError
        Of the type `error`, with the line of the first byte that is none.
    """
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        of_16 = content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        other = "it looks like UTF-16" if of_16 else f"line {line} has the byte 0x{content[exc.start]:02x}"
        raise error(f"{path}: is not UTF-8 text: {other}.", fix="Save it as UTF-8.") from exc


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of a text, each with its number from 1; only ``\n`` ends one, a ``\r`` before it belongs to it.

    `str.splitlines` also splits at U+2028, U+0085 and others, which may stand inside strings.

    Examples
    --------
    >>> list(lines_of("a\u2028b\r\n\nc"))
    [(1, 'a\u2028b'), (2, ''), (3, 'c')]
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        yield number, line.removesuffix("\r")


def json_value(text: str) -> Any:  # Any: JSON
    """Return what a JSON text holds.

    Raises
    ------
    ValueError
        If it is no JSON, gives a key twice, is nested too deeply, or holds a number of thousands of digits or half
        of a character that takes two.
    """
    try:
        value = json.loads(text, object_pairs_hook=_each_key_once)
    except RecursionError as exc:
        msg = "it is nested too deeply"
        raise ValueError(msg) from exc
    # Only an escape can write it: UTF-8 holds none.
    if "\\u" in text and half_character(value):
        msg = "it holds half of a character that takes two \\u escapes"
        raise ValueError(msg)
    return value


def half_character(value: object) -> bool:
    """Tell whether a text in `value` holds half of a surrogate pair, which nothing can encode."""
    if isinstance(value, str):
        return _HALF_CHARACTER.search(value) is not None
    if isinstance(value, dict):
        return any(half_character(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(half_character, value))


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        msg = f"key {excerpt(next(name for name in names if names.count(name) > 1))} is given twice"
        raise ValueError(msg)
    return found


def excerpt(value: object, limit: int = _EXCERPT) -> str:
    r"""Return a value for a message: one line, nothing in it that acts on a terminal, and no more than `limit` of it.

    Examples
    --------
    >>> excerpt("a" * 100, 10), excerpt(chr(27) + "[2J")
    ("'aaaaaaaa…", "'\\x1b[2J'")
    """
    if isinstance(value, str):
        value = value[: limit + 1]
    try:
        shown = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number of thousands of digits"
    except RecursionError:
        return "something nested too deeply"
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def found_value(value: object) -> str:
    """Return what stands in a field, for an error that quotes it: a text as it is, all else as Python writes it."""
    return value[: _EXCERPT + 1] if isinstance(value, str) else excerpt(value)


def plain_name(name: str) -> bool:
    """Tell whether `name` is a relative path that leads down: not absolute, without ``..`` and null characters."""
    path = PurePosixPath(name.replace("\\", "/"))
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def inside(folder: Path, name: str, *, error: type[BiasauditError]) -> Path:
    """Return the path of a file that lies in `folder`, where nothing leads out of it.

    Raises
    ------
    BiasauditError
        Of the type `error`: if `name` is absolute or has ``..``, or a link on its way leaves the folder.
    """
    fix = "Lay the file itself into the folder, and name it as it is called there."
    if not plain_name(name):
        raise error(f"{folder}: the file {excerpt(name)} does not lie in this folder.", fix=fix)
    path = folder / name
    try:
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links
        within = False
    if not within:
        raise error(f"{path}: is a link that leads out of its folder.", fix=fix)
    return path


def _refuse_others(path: Path, mode: int, *, error: type[BiasauditError]) -> None:
    if not stat.S_ISREG(mode):
        what = next((name for check, name in _KINDS if check(mode)), "no file")
        raise error(f"{path}: cannot be read: it is {what}.", fix="Name the file itself.")
