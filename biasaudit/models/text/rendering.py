"""Chat templates rendered with a bound on time, memory and length, in a process of their own."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from biasaudit.errors import ChatTemplateError

LIMIT_SECONDS: Final = 10.0
"""For one rendering; an ordinary template takes about a millisecond."""
_START_SECONDS: Final = 60.0
_WORKER: Final = Path(__file__).with_name("template_worker.py")
_CHUNK: Final = 1 << 16
_ANOTHER: Final = "Name another with --chat-template."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a template wrote.

    Attributes
    ----------
    text : str
    dated : bool
        Whether it asked for the date.
    """

    text: str
    dated: bool


class Renderer:
    """One process that renders; started when first asked, started anew where it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def render(
        self,
        template: str,
        messages: Sequence[Mapping[str, str]],
        *,
        variables: Mapping[str, object],
        add_generation_prompt: bool,
        now: str,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> Rendered:
        """Render a chat template.

        Parameters
        ----------
        template : str
        messages : sequence of mapping
            Each with ``role`` and ``content``.
        variables : mapping
            What else the template may read: the special tokens, and ``date_string`` where a date is set. JSON values.
        add_generation_prompt : bool
        now : str
            Date and time that the template is told, in ISO 8601.
        limit_seconds : float

        Raises
        ------
        ChatTemplateError
            If it cannot be rendered, or not within the bounds.
        """
        asked = {
            "template": template,
            "messages": list(messages),
            "variables": dict(variables),
            "add_generation_prompt": add_generation_prompt,
            "now": now,
        }
        with self._lock:
            found = self._answered(json.dumps(asked).encode() + b"\n", limit_seconds)
        if "error" in found:
            shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(found["error"]))
            raise ChatTemplateError(f"the chat template cannot be rendered: {shown}", fix=_ANOTHER)
        return Rendered(text=str(found["text"]), dated=bool(found["dated"]))

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _answered(self, line: bytes, limit_seconds: float) -> dict[str, object]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._start()
        answer = self._exchanged(line, time.monotonic() + limit_seconds)
        if answer is None:
            self.close()
            return {"error": f"it takes longer than {limit_seconds:.0f} s, or more memory than a template may have"}
        found: dict[str, object] = json.loads(answer)
        return found

    def _start(self) -> None:
        self.close()
        paths = [path for path in sys.path if path]
        self._process = subprocess.Popen(  # noqa: S603  # this interpreter, our own script
            [sys.executable, "-I", str(_WORKER), json.dumps(paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._owner = os.getpid()
        # A first, empty rendering: what the limit of a rendering counts is then the rendering alone.
        empty = {"template": "", "messages": [], "variables": {}, "add_generation_prompt": False, "now": "2000-01-01"}
        self._exchanged(json.dumps(empty).encode() + b"\n", time.monotonic() + _START_SECONDS)

    def _exchanged(self, line: bytes, deadline: float) -> bytes | None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        writing = threading.Thread(target=_written, args=(process.stdin, line), daemon=True)
        writing.start()
        found = b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while not found.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not waiting.select(left):
                    return None
                piece = os.read(process.stdout.fileno(), _CHUNK)
                if not piece:
                    return None
                found += piece
        writing.join()
        return found


def _written(pipe: object, line: bytes) -> None:
    try:
        pipe.write(line)  # type: ignore[attr-defined]  # a binary pipe
        pipe.flush()  # type: ignore[attr-defined]
    except (OSError, ValueError):  # the other process has ended, which its silence says
        return


RENDERER: Final = Renderer()
"""The one of this process."""
atexit.register(RENDERER.close)
