"""The end of the socket that asks: bounded in time and size, and never left with a program that nobody speaks with."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Final, Self

from biasaudit.errors import EngineError
from biasaudit.models.child.vllm_worker import PROTOCOL, TooLargeError, length_of, packed
from biasaudit.visible import visible

START_SECONDS: Final = 60.0
"""From the start of the program to its first message, which comes before it imports anything slow."""

SAID_LINES: Final = 12
"""Of what a program printed last, shown where it died."""

_SAID_BYTES: Final = 1 << 16
_HEAD_BYTES: Final = 4
_CHUNK: Final = 1 << 16
_LOOK_SECONDS: Final = 0.5
"""How often it is looked whether the program still runs: one that it started may hold the socket open."""

_END_SECONDS: Final = 5.0
_SECRETS: Final = ("_TOKEN", "_KEY", "_SECRET", "_PASSWORD")
"""Ends of the names of variables that are not handed on."""

Reply = dict[str, Any]  # Any: JSON values


class _EndedError(Exception):
    """The other end is closed."""


class Child:
    """A program that answers one message with one.

    Parameters
    ----------
    command : sequence of str
        The number of its socket is put after it.
    name : str
        What messages call it.
    hint : str
        What can be done about what it says that it cannot do.
    environment, fixed : mapping
        Set where the user's environment has nothing, and set whatever it has. Variables that hold keys are not handed
        on.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        hint: str,
        environment: Mapping[str, str],
        fixed: Mapping[str, str],
    ) -> None:
        self.name = name
        self._hint = hint
        self._said = bytearray()
        self._socket, theirs = socket.socketpair()
        users = {key: value for key, value in os.environ.items() if not key.upper().endswith(_SECRETS)}
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the Python that the user named, and our own script
                [*command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                env={**environment, **users, **fixed},
                # Ctrl-C is for this process, which then ends the other with all that it started.
                start_new_session=True,
            )
        except OSError as exc:
            self._socket.close()
            raise EngineError(
                f"{name} cannot be started: {command[0]}: {exc.strerror or exc}.",
                fix="Name a Python that has the engine installed.",
            ) from exc
        finally:
            theirs.close()
        self._close = weakref.finalize(self, _ended, self._process, self._socket, os.getpid())
        self._draining = threading.Thread(target=_drained, args=(self._process.stdout, self._said), daemon=True)
        self._draining.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the program and what it started."""
        self._close()

    def greeting(self, *, limit_seconds: float = START_SECONDS) -> Reply:
        """Return its first message, checked to be of this version of the protocol.

        Raises
        ------
        EngineError
        """
        found = self._heard("hello", limit_seconds)
        if found.get("protocol") != PROTOCOL:
            raise self.refused(f"speaks version {found.get('protocol')!r:.40} of the protocol, not {PROTOCOL}")
        return found

    def ask(self, message: Mapping[str, object], *, expected: str, limit_seconds: float) -> Reply:
        """Send a message and wait for the answer.

        Parameters
        ----------
        message : mapping
        expected : str
            Kind of the answer.
        limit_seconds : float

        Raises
        ------
        EngineError
            If it says that it cannot, dies, takes too long, or answers with something else. It is then ended.
        """
        try:
            content = packed(dict(message))
        except TooLargeError as exc:
            raise EngineError(f"{self.name} would be asked {exc}.", fix="Ask less at once: --batch-tokens.") from exc
        # The answer comes only after the whole question, so that neither end waits for the other to read.
        self._within(limit_seconds, lambda until: self._send(content, until))
        return self._heard(expected, limit_seconds)

    def refused(self, what: str) -> EngineError:
        """End it for what it said; the error to raise."""
        self.close()
        return EngineError(
            f"{self.name} {what}.{self._printed()}",
            fix="It is not one that is known to answer rightly; what was scored before is kept.",
        )

    def _heard(self, expected: str, limit_seconds: float) -> Reply:
        try:
            content: bytes = self._within(limit_seconds, self._receive)
            found = json.loads(content)
        except TooLargeError as exc:
            raise self.refused(f"sent {exc}") from exc
        except (ValueError, RecursionError) as exc:
            raise self.refused("sent what is no JSON") from exc
        if not isinstance(found, dict):
            raise self.refused("sent what is no message")
        if found.get("kind") == "error":
            self.close()
            raise EngineError(
                f"{self.name} says: {visible(str(found.get('said'))[:2000])}{self._printed()}",
                fix=self._hint,
            )
        if found.get("kind") != expected:
            raise self.refused(f"sent {str(found.get('kind'))[:40]!r} where {expected!r} was due")
        return found

    def _within(self, limit_seconds: float, step: Callable[[float], Any]) -> Any:  # Any: whatever the step gives
        try:
            return step(time.monotonic() + limit_seconds)
        except TimeoutError as exc:
            self.close()
            raise EngineError(
                f"{self.name} did not answer within {limit_seconds:,.0f} s.{self._printed()}",
                fix="What was scored before is kept; ask less at once with --batch-tokens, or see what keeps it.",
            ) from exc
        except (_EndedError, OSError) as exc:
            how = self._how_it_ended()
            self.close()
            raise EngineError(
                f"{self.name} {how}.{self._printed()}",
                fix="What was scored before is kept: the same command goes on from there.",
            ) from exc
        except KeyboardInterrupt:
            # Half a message may be on its way: what comes next could be the answer to another question.
            self.close()
            raise

    def _send(self, content: bytes, until: float) -> None:
        rest = memoryview(content)
        while rest:
            self._wait(until)
            try:
                rest = rest[self._socket.send(rest[:_CHUNK]) :]
            except TimeoutError:
                continue

    def _receive(self, until: float) -> bytes:
        return self._exactly(length_of(self._exactly(_HEAD_BYTES, until)), until)

    def _exactly(self, n_bytes: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < n_bytes:
            self._wait(until)
            try:
                piece = self._socket.recv(min(n_bytes - len(found), _CHUNK))
            except TimeoutError:
                if self._process.poll() is not None:
                    raise _EndedError from None
                continue
            if not piece:
                raise _EndedError
            found += piece
        return bytes(found)

    def _wait(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, _LOOK_SECONDS))

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its end and goes on running"
        if code == -signal.SIGKILL:
            return "was killed, as a system does that is out of memory"
        if code < 0:
            return f"was ended by signal {-code}"
        return f"ended with exit code {code}"

    def _printed(self) -> str:
        """Return the last lines that it printed before it was ended, made visible."""
        # What it said of its death may still be in the pipe; a program that left its group may hold that open.
        self._draining.join(_END_SECONDS)
        text = bytes(self._said).decode(errors="replace")
        lines = [visible(line.rstrip())[:300] for line in text.replace("\r", "\n").split("\n") if line.strip()]
        return "".join(f"\n   | {line}" for line in lines[-SAID_LINES:])


def _drained(pipe: IO[bytes] | None, said: bytearray) -> None:
    """Read what a program prints, so that it never waits, and keep the end of it."""
    if pipe is None:
        return
    with pipe, contextlib.suppress(OSError, ValueError):
        while piece := os.read(pipe.fileno(), _CHUNK):
            said += piece
            del said[:-_SAID_BYTES]


def _ended(process: subprocess.Popen[bytes], link: socket.socket, owner: int) -> None:
    """End a program with its whole group; a copy of this process that was forked ends nothing of it."""
    link.close()
    if owner != os.getpid():
        return
    # The group may outlive the program: what it started is of the same one.
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
