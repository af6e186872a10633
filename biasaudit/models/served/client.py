"""One server over HTTP, with a bound on everything that it sends, and patience that ends."""

from __future__ import annotations

import os
import random
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import NotOfferedError, ServerError, UsageError
from biasaudit.models.served.hostile import WrongValueError, json_of, shown
from biasaudit.visible import in_short

if TYPE_CHECKING:
    import httpx2

KEY_VARIABLE: Final = "BIASAUDIT_API_KEY"
_MOST_BYTES: Final = 8 << 20
_STALLED_TRIES: Final = 2
"""Of one that takes all the time that it has: more would be many minutes."""

_KEY: Final = re.compile(r"[\x21-\x7e]+")
_NOT_THERE: Final = frozenset({400, 404, 405, 410, 415, 422, 501})
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is taken from a server, and how long it is waited for.

    Attributes
    ----------
    most_bytes : int
        Of one answer.
    answer_s : float
        Seconds for one answer, from the first byte sent to the last received.
    tries : int
        Of one request.
    longest_wait_s : float
        Seconds between two tries, whatever the server asks for.
    """

    most_bytes: int = _MOST_BYTES
    answer_s: float = 120.0
    tries: int = 6
    longest_wait_s: float = 60.0


BOUNDS: Final = Bounds()


class _AgainError(Exception):
    """A try that may be made again."""

    def __init__(self, found: str, wait_s: float | None = None, *, tries: int | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.wait_s = wait_s
        self.tries = tries


class Client:
    """Asks one server; for several threads.

    Parameters
    ----------
    server : str
        Its address, for messages.
    bounds : Bounds, optional
    sleep : callable
        Waits so many seconds.
    """

    def __init__(
        self, server: str, *, bounds: Bounds | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import httpx2  # noqa: PLC0415  # only where a server is asked

        self.server = in_short([server], limit=120)
        bounds = bounds or BOUNDS
        self._bounds = bounds
        self._sleep = sleep
        self._key = api_key()
        self._not_before = 0.0
        self._lock = threading.Lock()
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        # Neither proxies nor passwords from the environment: what is asked goes to the server that was named.
        self._http = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(bounds.answer_s, connect=min(10.0, bounds.answer_s)),
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=64),
        )
        # An audit that ends, however it ends, lets go of it.
        weakref.finalize(self, self._http.close)

    def __repr__(self) -> str:
        """Return which server it asks; never the key."""
        return f"Client({self.server})"

    def get(self, url: str) -> Any:  # Any: JSON
        """Return what lies at an address, or None where the server has nothing there.

        Raises
        ------
        ServerError
        """
        try:
            return self._json("GET", url, None)
        except NotOfferedError:
            return None

    def post(self, url: str, body: dict[str, object]) -> Any:  # Any: JSON
        """Return what the server answers.

        Raises
        ------
        NotOfferedError
            If it has no such address, or does not take such a request.
        ServerError
            If it does not answer in time and as it should, after several tries.
        """
        return self._json("POST", url, body)

    def error(self, found: str, *, fix: str | None = None) -> ServerError:
        """Return an error of this server."""
        return ServerError(self.server, found, fix=fix)

    def _json(self, method: str, url: str, body: dict[str, object] | None) -> Any:  # Any: JSON
        for number in range(self._bounds.tries):
            self._wait_until_wanted()
            try:
                return json_of(self._text(method, url, body))
            except WrongValueError as exc:
                raise self.error(f"answered with {exc}") from exc
            except _AgainError as exc:
                if number + 1 >= min(self._bounds.tries, exc.tries or self._bounds.tries):
                    raise self.error(
                        f"{exc.found}, {number + 1} times",
                        fix="Look whether it runs and is not overloaded; what was answered before is kept.",
                    ) from exc
                self._put_off(exc.wait_s, number)
        raise self.error("was asked no times")

    def _wait_until_wanted(self) -> None:
        with self._lock:
            wait_s = self._not_before - time.monotonic()
        if wait_s > 0:
            self._sleep(wait_s)

    def _put_off(self, wait_s: float | None, number: int) -> None:
        """Let all threads wait, as long as the server says, else longer each time."""
        # Apart from each other, so that threads which failed together do not come back together.
        chosen = 0.5 * 2**number * random.uniform(0.7, 1.3) if wait_s is None else wait_s  # noqa: S311  # no secret
        with self._lock:
            until = time.monotonic() + min(chosen, self._bounds.longest_wait_s)
            self._not_before = max(self._not_before, until)

    def _text(self, method: str, url: str, body: dict[str, object] | None) -> str:
        with self._mapped():
            request = self._http.build_request(method, url, json=body)
            ends = time.monotonic() + self._bounds.answer_s
            response = self._http.send(request, stream=True)
            try:
                text = self._bounded(response, ends)
            finally:
                response.close()
        # Some servers say in their errors which key they were given.
        text = text.replace(self._key, "[key]") if self._key else text
        return self._checked(response, text)

    def _bounded(self, response: httpx2.Response, ends: float) -> str:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self.error("sent a compressed answer, which was not asked for")
        parts, n_bytes = [], 0
        for part in response.iter_raw():
            n_bytes += len(part)
            if n_bytes > self._bounds.most_bytes:
                raise self.error(f"sent an answer of more than {self._bounds.most_bytes:,} bytes")
            if time.monotonic() > ends:
                raise _AgainError(f"had not ended its answer after {self._bounds.answer_s:g} s", tries=_STALLED_TRIES)
            parts.append(part)
        return b"".join(parts).decode("utf-8", errors="replace")

    def _checked(self, response: httpx2.Response, text: str) -> str:
        status = response.status_code
        if status == 200:
            return text
        said = f"answered with status {status}, {shown(text)}"
        if status in {401, 403}:
            raise self.error(said, fix=f"Put the key that it wants into the environment variable {KEY_VARIABLE}.")
        if status in _NOT_THERE:
            raise NotOfferedError(self.server, said)
        if status in _LATER:
            raise _AgainError(said, _seconds(response.headers.get("retry-after")))
        if 300 <= status < 400:
            raise self.error(f"answered with status {status}, to go elsewhere", fix="Name the address itself.")
        raise self.error(said)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Map errors of the library, of which none but its kind is told: it may quote headers."""
        import httpx2  # noqa: PLC0415

        try:
            yield
        except httpx2.ConnectError as exc:
            raise _AgainError("cannot be reached") from exc
        except httpx2.TimeoutException as exc:
            raise _AgainError(f"did not answer within {self._bounds.answer_s:g} s", tries=_STALLED_TRIES) from exc
        except httpx2.TransportError as exc:
            raise _AgainError(f"broke the connection ({type(exc).__name__})") from exc
        except (httpx2.InvalidURL, httpx2.HTTPError, ValueError, RuntimeError) as exc:
            raise self.error(f"cannot be asked ({type(exc).__name__})") from exc


def api_key() -> str | None:
    """Return the key for servers, from the environment alone.

    Raises
    ------
    UsageError
        If it is none that can be sent; it is not shown.
    """
    found = os.environ.get(KEY_VARIABLE, "").strip()
    if not found:
        return None
    if not _KEY.fullmatch(found):
        raise UsageError(
            f"the environment variable {KEY_VARIABLE} holds what is no key: spaces, or letters beyond ASCII.",
            fix="Set it to the key alone, or unset it.",
        )
    return found


def _seconds(value: str | None) -> float | None:
    """Return how long a server asks to wait; a date is taken for no number."""
    if value is None or not re.fullmatch(r"\d{1,6}(\.\d+)?", value.strip()):
        return None
    return float(value)
