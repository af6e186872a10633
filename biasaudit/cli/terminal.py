"""The one way to a terminal: every text that a verb shows leaves through here, and every text of others too.

Two fences. :func:`say`, :func:`tell` and :func:`show_table` make foreign text visible before it is laid out. And while
a verb runs, the standard streams are :class:`Outlet`: what other libraries, Python's warnings and tracebacks write
passes there as well. A reader that has gone (``biasaudit check DIR … | head -1``) ends no verb.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from biasaudit.visible import visible, visible_line, visible_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

# A line that begins so would be a command to the runner of a workflow.
_COMMAND: Final = re.compile(r"^([ \t]*):(?=:)", re.MULTILINE)
_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EIO})
"""The reader has gone: nobody misses the rest."""

_IN_ASCII: Final = str.maketrans(
    {
        "\u00a0": " ",
        "\u2212": "-",
        "\u2013": "-",
        "…": "...",
        "“": '"',
        "”": '"',
        "±": "+/-",
        "↓": "v",
        "↑": "^",
        "⇄": "x",
        "↗": "/",
        "↘": "\\",
        "∅": "0",
        "•": "*",
    }
)
"""What stands for our signs where they cannot be shown."""


class Outlet(io.TextIOBase):
    """A standard stream that acts on no terminal, and whose reader may go.

    Parameters
    ----------
    stream : text stream
        What it writes to.
    escapes : bool
        Whether what acts on a terminal is escaped; False for our own colours, whose texts were made visible before.
    """

    def __init__(self, stream: TextIO, *, escapes: bool = True) -> None:
        self._stream = stream
        self._change: Callable[[str], str] = visible_stream if escapes else str
        self._has_signs = True
        self.failure: OSError | None = None

    @property
    def colours(self) -> TextIO:
        """The same stream for what rich has laid out."""
        inner = Outlet(self._stream, escapes=False)
        inner._has_signs = _has_signs()
        inner._report = self._report  # type: ignore[method-assign]  # one failure for both
        return cast("TextIO", inner)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute there
        """Of the stream below; ascii for what is drawn where signs cannot be shown."""
        return (getattr(self._stream, "encoding", None) or "utf-8") if self._has_signs else "ascii"

    def write(self, text: str) -> int:
        """Write what acts on nothing; where the reader has gone, nothing."""
        if not isinstance(text, str):
            # By this typer finds out that there are no bytes to be written past us.
            msg = f"text is written here, not {type(text).__name__}"
            raise TypeError(msg)
        with self._lenient():
            self._stream.write(self._change(text))
        return len(text)

    def flush(self) -> None:
        """Flush, as far as somebody reads."""
        with self._lenient():
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream below is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the number of the stream below."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Say that this is for writing."""
        return True

    @contextlib.contextmanager
    def _lenient(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self._report(exc)

    def _report(self, failure: OSError) -> None:
        if failure.errno not in _GONE and self.failure is None:
            self.failure = failure
        with contextlib.suppress(OSError, ValueError):
            # What is left in buffers goes nowhere, so that the interpreter does not fail on it when it ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def guarded() -> Iterator[Outlet]:
    """Let nothing reach the standard streams but through an :class:`Outlet`; yields that of standard output."""
    before = sys.stdout, sys.stderr
    out, err = (Outlet(_usable(stream, number)) for number, stream in ((1, sys.stdout), (2, sys.stderr)))
    sys.stdin = sys.stdin or _usable(None, 0)
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def _usable(stream: TextIO | None, number: int) -> TextIO:
    """Return a stream that takes every character, in place of one that is closed."""
    if stream is None:
        # Else the next file that is opened gets the number, and what C libraries print goes into it.
        handle = os.open(os.devnull, os.O_RDWR)
        if handle != number:
            os.dup2(handle, number)
            os.close(handle)
        stream = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
    if isinstance(stream, io.TextIOWrapper) and stream.errors in {"strict", "surrogateescape"}:
        # A terminal without a dash must not end a finished audit.
        stream.reconfigure(errors="backslashreplace")
    return stream


@contextlib.contextmanager
def also_guarded() -> Iterator[None]:
    """Guard the streams that rich puts in place of the standard ones while it draws a bar."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, Outlet) else cast("TextIO", Outlet(stream)) for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def say(text: str = "", *, dim: bool = False, commands: bool = False) -> None:
    """Write lines to standard output.

    Parameters
    ----------
    text : str
        Lines; what acts on a terminal is escaped, and so is what a runner of workflows takes for a command.
    dim : bool
        Whether a terminal shows them faintly.
    commands : bool
        Whether these are such commands, made on purpose.
    """
    _line(sys.stdout, text, dim=dim, commands=commands)


def say_line(text: str) -> None:
    """Write one line to standard output, whatever names stand in it."""
    say(visible_line(text))


def tell(text: str) -> None:
    """Write lines to standard error, as :func:`say` does."""
    _line(sys.stderr, text)


def _line(stream: TextIO, text: str, *, dim: bool = False, commands: bool = False) -> None:
    shown = visible(text) if commands else _COMMAND.sub(r"\1\\:", visible(text))
    if dim and stream.isatty() and not os.environ.get("NO_COLOR"):
        stream, shown = _unfiltered(stream), f"\x1b[2m{shown}\x1b[0m"
    stream.write(f"{shown}\n")
    stream.flush()


def _unfiltered(stream: object) -> TextIO:
    return stream.colours if isinstance(stream, Outlet) else cast("TextIO", stream)


def width() -> int | None:
    """Return the columns that standard output has: as ``COLUMNS`` says, or as its terminal; None in a pipe.

    What goes into a pipe or a file is laid out for no screen: there a line is as long as what it says.
    """
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    if not sys.stdout.isatty():
        return None
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80


def spelled(text: str) -> str:
    """Return words of ours with letters that standard output has: ``-`` for a minus sign, ``v`` for an arrow down."""
    return text if _has_signs() else text.translate(_IN_ASCII)


def _has_signs() -> bool:
    """Whether arrows and dashes can be shown: by the encoding, and by a locale that says otherwise.

    In the locale C Python writes UTF-8 all the same; whoever names it has a terminal that may not read it.
    """
    if not (os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8")):
        named = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
        if named in {"C", "POSIX"}:
            return False
    try:
        "".join(map(chr, _IN_ASCII)).encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def console(*, err: bool = False) -> Console:
    """Return a console of rich for one of the standard streams; it takes ``[red]`` and ``:smile:`` for text."""
    from rich.console import Console

    return Console(file=_unfiltered(sys.stderr if err else sys.stdout), markup=False, emoji=False, highlight=False)


def show(renderable: RenderableType) -> None:
    """Print what rich lays out, whose texts are visible already."""
    console().print(renderable)


def show_text(text: str, *, style: str = "") -> None:
    """Print text that is broken at the width of the terminal."""
    from rich.text import Text

    show(Text(visible(text), style=style))


def show_table(
    *,
    title: str,
    columns: Sequence[str | tuple[str, dict[str, Any]]],  # Any: options of rich
    rows: Iterable[Sequence[object]],
) -> None:
    """Print a table; every cell stands on one line of its own and acts on nothing.

    Parameters
    ----------
    title : str
    columns : sequence
        Headings, each alone or with options of :meth:`rich.table.Table.add_column`.
    rows : iterable
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible_line(title), style="table.title"))
    for column in columns:
        heading, options = (column, {}) if isinstance(column, str) else column
        table.add_column(heading, **options)
    for row in rows:
        table.add_row(*(Text(visible_line(str(cell))) for cell in row))
    show(table)
