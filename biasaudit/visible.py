r"""Foreign text for a terminal: what would act there, or hide, stands as an escape; all else stays as it is.

Names of probes, groups and models, cards, error messages and file names come from strangers. A terminal obeys the
control characters in them: it clears itself, renames its window, puts text into the clipboard, or shows a line
backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# Controls but the line feed, tab; soft hyphen, Arabic letter mark, Mongolian separator, zero-width space; marks and
# overrides of direction, separators of lines; invisible operators, byte-order mark, interlinear marks; surrogates;
# invisible musical marks, tags and what is unassigned beside them. The joiners of Persian words and of emoji stay.
_ACTING: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_IN_TEXT: Final = re.compile(f"[{_ACTING}]")
_IN_LINE: Final = re.compile(f"[\n\t{_ACTING}]")
_IN_STREAM: Final = re.compile(f"[{_ACTING.replace(chr(0x0B) + '-', chr(0x0B) + chr(0x0C) + chr(0x0E) + '-')}]")


def visible(text: str) -> str:
    r"""Return `text` with characters that act on a terminal, or that nobody sees, as escapes; lines and tabs stay.

    A control is ``\x1b``, as is a byte of a file name that is no text; all others are ``<U+202E>``.

    Examples
    --------
    >>> print(visible("a" + chr(27) + "[2J" + chr(0x202E) + "é"))
    a\x1b[2J<U+202E>é
    """
    return _IN_TEXT.sub(_escape, text)


def visible_line(text: str) -> str:
    r"""Return `text` as :func:`visible` does, and on one line: a name cannot begin a line of its own.

    Examples
    --------
    >>> print(visible_line("a" + chr(10) + "b"))
    a\x0ab
    """
    return _IN_LINE.sub(_escape, text)


def visible_stream(text: str) -> str:
    """Return `text` as :func:`visible` does, but for the carriage return, by which other libraries draw their bars."""
    return _IN_STREAM.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that Python could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"<U+{code:04X}>"


def quoted(text: str, limit: int = 220) -> str:
    r"""Return a text in quotation marks on one line, shortened in the middle.

    Examples
    --------
    >>> quoted("One.\nTwo.")
    '"One. / Two."'
    """
    line = " / ".join(text.splitlines())
    if len(line) > limit:
        half = (limit - 3) // 2
        line = f"{line[:half]}...{line[-half:]}"
    return f'"{line}"'


def in_short(names: Iterable[str], *, at_most: int = 6, limit: int = 60) -> str:
    r"""Return names on one line, each visible and shortened, and how many more there are.

    Examples
    --------
    >>> in_short(["a", "b\n", "c", "d"], at_most=2)
    'a, b\\x0a and 2 more'
    """
    found = [visible_line(name if len(name) <= limit else f"{name[: limit - 1]}…") for name in names]
    more = f" and {len(found) - at_most} more" if len(found) > at_most else ""
    return ", ".join(found[:at_most]) + more
