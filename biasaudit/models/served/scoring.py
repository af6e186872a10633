"""All requests to a server in, responses in their order out; what it answered is kept, and believed once it is proved.

Requests go out in blocks. Each answer is kept as it comes, under a name of its own; after a block the known strings are
asked again, and only if they are what they were do its answers get the name under which they are looked up. A server
that lies in between leaves nothing behind, and one that dies, or a run that is killed, loses nothing: some of what
stands under the first name is asked again by the next run, and all of it taken if these agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from biasaudit.errors import LyingServerError, NotOfferedError, ServerError
from biasaudit.models.likelihood import believed, encoded_within
from biasaudit.models.served.side_by_side import side_by_side
from biasaudit.types import Failed, Request, Response, Scored

if TYPE_CHECKING:
    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.served.handshake import Session
    from biasaudit.models.text.encoding import Encoded

BLOCK: Final = 200
"""Requests between two looks at the known strings."""

_ASKED_AGAIN: Final = 8
"""Of the answers of a run that broke off."""

_NOT_PROVED: Final = "the server lied before it was seen to tell the truth again"


class Scoring:
    """Scores requests with one server.

    Parameters
    ----------
    session : Session
    identity : str
        Under which its responses are kept.
    cache : ResponseCache or None
    on_progress : callable, optional
        Called with the number of distinct requests done by now and the tokens read for them.
    """

    def __init__(
        self,
        session: Session,
        *,
        identity: str,
        cache: ResponseCache | None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._session = session
        self._identity = identity
        self._unproved = hashlib.sha256(f"{identity} not proved".encode()).hexdigest()
        self._cache = cache
        self._advance = on_progress or (lambda *_: None)
        self._n_in_block = 0

    def score(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield the response to each request, in the order of `requests`; equal ones are asked once.

        Raises
        ------
        LyingServerError
            If what the server answers no longer holds together.
        ServerError
            If it gives no answers any more.
        """
        session = self._session
        distinct = list({request.key: request for request in requests}.values())
        encoded = encoded_within(
            session.texts.tokenizer,
            distinct,
            beginning=session.beginning,
            limit=session.server.longest,
            n_ids=session.server.n_ids or len(session.texts.tokenizer),
        )
        done: dict[str, Response] = {key: one for key, one in encoded.items() if isinstance(one, Failed)}
        pending = [one for one in encoded.values() if not isinstance(one, Failed)]
        self._check_kept()
        for look_up in (partial(self._found, self._identity), self._of_broken_run):
            done.update(look_up(pending))
            pending = [one for one in pending if one.key not in done]
        self._advance(len(done), 0)
        for start in range(0, len(pending), BLOCK):
            try:
                done.update(self._block(pending[start : start + BLOCK]))
            except ServerError as error:
                raise self._broken_off(error, n_done=len(done), n_all=len(distinct)) from error
        for request in requests:
            yield done[request.key]

    def _found(self, identity: str, pending: Sequence[Encoded]) -> dict[str, Response]:
        if self._cache is None or not pending:
            return {}
        return believed(self._cache.found(identity, {one.scored_key for one in pending}), pending)

    def _check_kept(self) -> None:
        """Compare the known strings with what they were when the first responses were kept.

        Raises
        ------
        LyingServerError
            If they differ: the model was exchanged, and no name tells.
        """
        session = self._session
        if self._cache is None or not session.known:
            return
        now = {
            one.key: Scored(key=one.key, token_ids=one.continuation_ids, token_logprobs_nats=values)
            for one, values in zip(session.known, session.trust.values, strict=True)
        }
        then = self._cache.found(self._identity, now)
        for key, response in then.items():
            if isinstance(response, Scored) and _apart(response, now[key]) > session.trust.tolerance_nats:
                raise LyingServerError(
                    session.spec.url,
                    f"answers known strings otherwise than when its answers of an earlier run were kept: under the "
                    f"name {session.spec.model!r} there is another model now",
                    fix="Serve it under another name, or name another folder with BIASAUDIT_CACHE.",
                )
        self._cache.keep(self._identity, [one for key, one in now.items() if key not in then])

    def _of_broken_run(self, pending: Sequence[Encoded]) -> dict[str, Response]:
        """Return what a run that broke off was answered, if the server answers some of it alike."""
        found = self._found(self._unproved, pending)
        if not found or self._cache is None:
            return {}
        asked = [one for one in pending if one.key in found]
        some = asked[:: max(1, len(asked) // _ASKED_AGAIN)]
        for place, response in side_by_side(self._answer, some, n_threads=self._session.concurrency):
            if not _agree(found[some[place].key], response, self._session.trust.tolerance_nats):
                self._forget(asked)
                return {}
        self._prove(asked, found)
        return found

    def _block(self, block: Sequence[Encoded]) -> dict[str, Response]:
        found: dict[str, Response] = {}
        self._n_in_block = 0
        try:
            for place, response in side_by_side(self._answer, block, n_threads=self._session.concurrency):
                found[response.key] = response
                self._n_in_block += 1
                if self._cache is not None and isinstance(response, Scored):
                    self._cache.keep(self._unproved, [replace(response, key=block[place].scored_key)])
                self._advance(1, block[place].n_tokens)
            self._session.still_same()
        except LyingServerError:
            self._forget(block)
            raise
        self._prove(block, found)
        return found

    def _answer(self, one: Encoded) -> Response:
        try:
            found = self._session.reader.read(one.context_ids, one.continuation_ids)
        except NotOfferedError as error:
            # One text that is too long for it, say; a server that refuses all is found by the known strings.
            return Failed(key=one.key, reason=f"the server {error.found}")
        if isinstance(found, str):
            return Failed(key=one.key, reason=found)
        return Scored(key=one.key, token_ids=one.continuation_ids, token_logprobs_nats=found)

    def _prove(self, block: Sequence[Encoded], found: Mapping[str, Response]) -> None:
        """Give answers the name under which they are looked up."""
        if self._cache is not None:
            pairs = [(one.scored_key, found[one.key]) for one in block if one.key in found]
            self._cache.keep(self._identity, [replace(one, key=key) for key, one in pairs if isinstance(one, Scored)])

    def _forget(self, block: Sequence[Encoded]) -> None:
        if self._cache is not None:
            self._cache.keep(self._unproved, [Failed(key=one.scored_key, reason=_NOT_PROVED) for one in block])

    def _broken_off(self, error: ServerError, *, n_done: int, n_all: int) -> ServerError:
        """Return the error with what is kept of the run."""
        if isinstance(error, LyingServerError):
            kept = f"{n_done:,} of {n_all:,} requests were answered before it was last seen to tell the truth"
        else:
            kept = f"{n_done + self._n_in_block:,} of {n_all:,} requests are answered"
        held = ", and kept" if self._cache is not None else ""
        fix = f"{error.fix or 'Look whether the server runs.'} The same command goes on from what is kept."
        return type(error)(error.server, f"{error.found}; {kept}{held}", fix=fix)


def _apart(one: Scored, other: Scored) -> float:
    if one.token_ids != other.token_ids:
        return float("inf")
    pairs = zip(one.token_logprobs_nats, other.token_logprobs_nats, strict=True)
    return max(abs(left - right) for left, right in pairs)


def _agree(one: Response, other: Response, tolerance_nats: float) -> bool:
    return isinstance(one, Scored) and isinstance(other, Scored) and _apart(one, other) <= tolerance_nats
