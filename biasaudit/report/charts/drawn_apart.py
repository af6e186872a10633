"""Charts drawn in a process of its own, whose death costs a picture and nothing else.

The library that draws runs V8. Where the address space is limited (``ulimit -v``, a batch system, a container), V8
does not raise but ends its process: at a limit of 8 GB too, since it reserves more than that before it begins.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_SCRIPT: Final = Path(__file__).with_name("_artist.py")
_LONGEST_SECONDS: Final = 300.0
"""A chart takes a tenth of a second."""
_TRIES: Final = 3
_REST_SECONDS: Final = 60.0


class NotDrawnError(Exception):
    """A chart could not be drawn; the text says why, the same text for the same cause."""


class _Artist:
    """The process, begun when it is first needed and ended with ours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._deaths = 0
        self._died = 0.0
        self._why = ""
        atexit.register(self.close)

    def draw(self, drawn: dict[str, Any] | str, version: str | None, form: str) -> str:  # Any: JSON values
        """Return a chart as SVG, or an SVG, which has no version, as PNG in base64."""
        line = json.dumps([drawn, version])
        with self._lock:
            if self._deaths >= _TRIES and time.monotonic() - self._died < _REST_SECONDS:
                raise NotDrawnError(self._why)
            answer = self._answer(line)
            if not answer:
                self._why = f"the process that draws {self._ended()}"
                raise NotDrawnError(self._why)
        found = json.loads(answer)
        if form not in found:
            raise NotDrawnError(f"the drawing library refused it: {found['error']}")
        self._deaths = 0
        return str(found[form])

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        if process.stdout is not None:
            process.stdout.close()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answer(self, line: str) -> str:
        try:
            process = self._begun()
            with _no_longer_than(process, _LONGEST_SECONDS):
                if process.stdin is None or process.stdout is None:  # pipes, as asked for
                    return ""
                process.stdin.write(line + "\n")
                process.stdin.flush()
                return process.stdout.readline()
        except OSError:  # it cannot be begun, or ended before it read
            return ""

    def _begun(self) -> subprocess.Popen[str]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self.close()
        self._owner = os.getpid()
        self._process = subprocess.Popen(  # noqa: S603  # our own script, by this interpreter
            # Nothing but the standard library is on its path until it reads ours.
            [sys.executable, "-I", "-S", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="ascii",
        )
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(sys.path) + "\n")
        return self._process

    def _ended(self) -> str:
        process, self._deaths, self._died = self._process, self._deaths + 1, time.monotonic()
        if process is None:
            return "could not be begun"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        code = process.returncode
        self.close()
        if code is None or code >= 0:
            return "ended"
        if code == -signal.SIGKILL:
            return "was killed (out of memory?)"
        return f"ended with {signal.Signals(-code).name} (a limit of the memory?)"


@contextlib.contextmanager
def _no_longer_than(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_ARTIST: Final = _Artist()


def svg_apart(spec: dict[str, Any], version: str) -> str:  # Any: JSON values
    """Return a chart as SVG; the same chart gives the same text.

    Parameters
    ----------
    spec : dict
        Of Vega-Lite.
    version : str
        Of Vega-Lite, as vl-convert names it.

    Raises
    ------
    NotDrawnError
        If the process that draws ends, takes longer than five minutes, or refuses the chart.
    """
    return _ARTIST.draw(spec, version, "svg")


def png_apart(drawn: str) -> bytes:
    """Return an SVG as PNG; the same drawing gives the same bytes on one system, whose fonts it is set in.

    Raises
    ------
    NotDrawnError
        As :func:`svg_apart`.
    """
    return base64.b64decode(_ARTIST.draw(drawn, None, "png"))
