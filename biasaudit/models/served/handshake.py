"""What a server can do, found out before any item, and whether what it does is to be believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from biasaudit.errors import LyingServerError, ModelFilesError, NotOfferedError, ServerError
from biasaudit.models.served.checks import Checker, Trust
from biasaudit.models.served.hostile import WrongValueError, listed, whole
from biasaudit.models.served.known import TEXTS, Known, alternatives, known_strings, whole_tokens
from biasaudit.models.served.readers import READERS, Asked, Read, Reader, TopLogprobs
from biasaudit.models.served.server import Server, server_of
from biasaudit.models.served.side_by_side import side_by_side
from biasaudit.types import Reading

if TYPE_CHECKING:
    from biasaudit.models.served.client import Client
    from biasaudit.models.served.reference import ServedSpec
    from biasaudit.models.served.tokens import Texts
    from biasaudit.models.text.beginning import Beginning

_ANOTHER: Final = (
    "An audit compares log-probabilities. Serve the model with vLLM, SGLang or llama.cpp's llama-server, which give "
    "them, audit its weights on this machine, or read choices and decisions from texts that are drawn: --draws 25."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A server that was looked at closely.

    Attributes
    ----------
    spec : ServedSpec
    texts : Texts
    beginning : Beginning
    server : Server
    reader : Reader
        The way of asking that it has.
    trust : Trust
    still_same : callable
        Asks the known strings again. Raises LyingServerError if they are not what they were.
    known : tuple of Known
        Those whose log-probabilities are in `trust`.
    concurrency : int
        Requests at once.
    """

    spec: ServedSpec
    texts: Texts
    beginning: Beginning
    server: Server
    reader: Reader
    trust: Trust
    still_same: Callable[[], None]
    known: tuple[Known, ...]
    concurrency: int

    @property
    def told(self) -> str:
        """How it is asked, in a sentence."""
        return (
            f"{self.spec.model} is served by {self.server.engine} and read as {self.reader.level} "
            f"({self.reader.name}); asked again, a token differed by at most {self.trust.noise_nats:.1g} nats"
        )


def shaken(spec: ServedSpec, texts: Texts, beginning: Beginning, *, client: Client, concurrency: int) -> Session:
    """Find out what a server can do, and check it.

    Raises
    ------
    ModelReferenceError
        If it has no such model.
    ModelFilesError
        If it cuts texts into other tokens than the tokenizer that was named.
    LyingServerError
        If what it answers does not hold together.
    NotOfferedError
        If it gives no log-probabilities.
    ServerError
        If it does not answer as it should.
    """
    server = server_of(client, spec)
    spread = whole_tokens(texts)
    if not spread:
        raise ModelFilesError(
            f"the tokenizer of {spec.reference} has no token that is a text by itself.", fix="Name the server's own."
        )
    _same_tokens(client, spec, texts)
    known = known_strings(texts, beginning)
    asked = Asked(client=client, spec=spec, written=texts.written, plain_id=spread[0], n_models=server.n_models)
    reader = _reader(asked, known[0])
    checker = Checker(
        server=client.server, read=reader.read, read_all=partial(_all_read, reader=reader, n_threads=concurrency)
    )
    if isinstance(reader, TopLogprobs):
        next_token = NextToken(checker=checker, reader=reader, known=known)
        known, trust, still_same = (), next_token.checked(), next_token.still_same
    else:
        trust = checker.exact(known, alternatives(texts, known))
        still_same = partial(checker.same, known, trust)
    return Session(
        spec=spec,
        texts=texts,
        beginning=beginning,
        server=server,
        reader=reader,
        trust=trust,
        still_same=still_same,
        known=known,
        concurrency=concurrency,
    )


def _all_read(known: Sequence[Known], *, reader: Reader, n_threads: int) -> list[Read]:
    def one_read(one: Known) -> Read:
        return reader.read(one.context_ids, one.continuation_ids)

    found = dict(side_by_side(one_read, known, n_threads=n_threads))
    return [found[place] for place in range(len(known))]


def _reader(asked: Asked, known: Known) -> Reader:
    """Return the first way of asking that the server has.

    Raises
    ------
    NotOfferedError
    """
    for kind in READERS:
        reader = kind(asked)
        try:
            if isinstance(reader, TopLogprobs):
                reader.most_likely(known.context_ids)
            else:
                reader.read(known.context_ids, known.continuation_ids)
        except NotOfferedError:
            continue
        except WrongValueError as exc:
            raise asked.lies(f"answered with {exc}") from exc
        return reader
    raise NotOfferedError(asked.client.server, _what_it_gives(asked, known), fix=_ANOTHER)


def _what_it_gives(asked: Asked, known: Known) -> str:
    """Say what a server gives that gives no log-probabilities of texts."""
    try:
        asked.post("/completions", {"prompt": list(known.context_ids), "max_tokens": 1})
    except ServerError:
        pass
    else:
        return f"gives text alone, and no log-probabilities ({Reading.SAMPLED})"
    chat = {"messages": [{"role": "user", "content": TEXTS[0]}], "max_tokens": 1}
    try:
        asked.post("/chat/completions", chat)
    except ServerError:
        return "gives no completions of texts, and no log-probabilities"
    return "answers chats alone: it cannot be asked for a text as it is, which the plain framing is"


class NextToken:
    """The checks of a server that gives the most likely next tokens alone: of those after each known string.

    Parameters
    ----------
    checker : Checker
    reader : TopLogprobs
    known : sequence of Known
    """

    def __init__(self, *, checker: Checker, reader: TopLogprobs, known: Sequence[Known]) -> None:
        self._checker = checker
        self._reader = reader
        self._contexts = [(*one.context_ids, *one.continuation_ids) for one in known]
        self._first: list[dict[str, float]] = []
        self._trust = Trust(values=(), noise_nats=0.0)

    def checked(self) -> Trust:
        """Check that they are probabilities, others for other texts, and twice the same.

        Raises
        ------
        LyingServerError
        """
        self._first = self._asked()
        for one, context in zip(self._first, self._contexts, strict=True):
            self._checker.no_more_than_certain(list(one.values()), "the most likely tokens after a text")
            if one == self._first[0] and context != self._contexts[0]:
                raise self._checker.lie("answers different texts with the same log-probabilities")
        noise = self._apart()
        self._checker.quiet(noise)
        self._trust = Trust(values=(), noise_nats=noise)
        return self._trust

    def still_same(self) -> None:
        """Ask again, in the middle of a run.

        Raises
        ------
        LyingServerError
        """
        apart = self._apart()
        if apart > self._trust.tolerance_nats:
            raise self._checker.changed(apart, self._trust)

    def _asked(self) -> list[dict[str, float]]:
        try:
            return [self._reader.most_likely(context) for context in self._contexts]
        except WrongValueError as exc:
            raise self._checker.lie(f"answered with {exc}") from exc

    def _apart(self) -> float:
        """Return by how much what is asked now differs from the first time; without bound where other tokens come."""
        pairs = list(zip(self._first, self._asked(), strict=True))
        # The last of them may change places with one that is not among them.
        if any(len(one.keys() & other.keys()) < len(one) - 1 for one, other in pairs):
            return math.inf
        return max(abs(value - other[token]) for one, other in pairs for token, value in one.items() if token in other)


def _same_tokens(client: Client, spec: ServedSpec, texts: Texts) -> None:
    """Compare the server's tokens of known texts with ours, where it says how it cuts them.

    Raises
    ------
    ModelFilesError
    """
    for text in TEXTS:
        ours = list(texts.tokenizer(text, add_special_tokens=False)["input_ids"])
        theirs = _their_tokens(client, spec, text)
        if theirs is None:
            return
        if theirs != ours:
            raise ModelFilesError(
                f"the server {client.server} cuts {text!r} into the tokens {theirs[:12]}, and the tokenizer "
                f"{spec.tokenizer} into {ours[:12]}.",
                fix="Name the tokenizer of the very model that is served with +tokenizer=PLACE.",
            )


def _their_tokens(client: Client, spec: ServedSpec, text: str) -> list[int] | None:
    """Return how a server cuts a text; None where it does not say.

    Raises
    ------
    LyingServerError
    """
    # Of llama.cpp the first of each, of vLLM the second.
    body: dict[str, object] = {"content": text, "prompt": text, "add_special": False, "add_special_tokens": False}
    try:
        answer = client.post(f"{spec.root}/tokenize", {**body, "model": spec.model})
    except NotOfferedError:
        return None
    found = answer.get("tokens") if isinstance(answer, dict) else None
    if found is None:
        return None
    try:
        return [whole(one, "a token") for one in listed(found, "tokens")]
    except WrongValueError as exc:
        raise LyingServerError(client.server, f"answered with {exc}") from exc
