"""Texts that a server writes, in chats or after a text as it is: also where it gives no log-probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import LyingServerError, NotOfferedError
from biasaudit.models.backend import Advance, Backend
from biasaudit.models.cache import cache_identity
from biasaudit.models.served.hostile import WrongValueError, entry, listed, whole
from biasaudit.models.served.server import Server, server_of
from biasaudit.models.served.side_by_side import side_by_side
from biasaudit.types import Ability, Failed, Generation, ModelFingerprint, Reading, Request, Response, Sampling, Written

if TYPE_CHECKING:
    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.served.client import Client
    from biasaudit.models.served.reference import ServedSpec
    from biasaudit.models.served.tokens import Texts

BLOCK: Final = 50
"""Prompts between two looks at whether the server is still the same; of no more are the draws lost by a lie."""

_SHORT: Final = "Say a word."
_LONG: Final = (
    "Say a word. " + "Any word will do, however long or short it may be, and none is better than another. " * 4
)
_LOOKS: Final = Sampling(n=8, max_tokens=8)
_ONE_BY_ONE: Final = "it writes one text at a time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A server that writes, looked at before it is asked.

    Attributes
    ----------
    spec : ServedSpec
    client : Client
    server : Server
    texts : Texts or None
        Its tokenizer, where one is named.
    several : bool
        Whether it writes several texts at once.
    n_around : int or None
        Tokens that its template puts around a word; None where it counts none.
    concurrency : int
        Requests at once.
    """

    spec: ServedSpec
    client: Client
    server: Server
    texts: Texts | None
    several: bool
    n_around: int | None
    concurrency: int

    @property
    def told(self) -> str:
        """How it is asked, in a sentence."""
        how = "" if self.several else f"; {_ONE_BY_ONE}"
        around = "" if self.n_around is None else f"; a message of three words is {self.n_around} tokens to it"
        return f"{self.spec.model} is served by {self.server.engine}, and its answers are drawn{how}{around}"


def looked_at(spec: ServedSpec, *, client: Client, texts: Texts | None, concurrency: int) -> Writer:
    """Find out whether a server writes, and check what can be checked of texts alone.

    Raises
    ------
    ModelReferenceError
        If it has no such model.
    LyingServerError
        If its texts do not differ from draw to draw, or it puts more before a message than the tokenizer's template.
    ServerError
        If it writes nothing.
    """
    server = server_of(client, spec)
    chat = _Chat(client=client, spec=spec)
    try:
        found = chat.asked(_SHORT, _LOOKS, n=2, seed=0)
    except NotOfferedError:
        chat = _Chat(client=client, spec=spec, plain=True)
        found = chat.asked(_SHORT, _LOOKS, n=2, seed=0)
    several = len(found.texts) == 2
    longer = chat.asked(_LONG, _LOOKS, n=1, seed=0)
    if found.n_prompt is not None and longer.n_prompt is not None and longer.n_prompt <= found.n_prompt:
        raise LyingServerError(client.server, "counts as many tokens in a long message as in a short one")
    if texts is not None and found.n_prompt is not None and not chat.plain:
        _no_more_than_ours(client, texts, found.n_prompt)
    drawn = {text for message in (_SHORT, _LONG) for text in chat.drawn(message, _LOOKS, several=several)}
    if len(drawn) == 1:
        raise LyingServerError(
            client.server, f"wrote the same text {2 * _LOOKS.n} times at temperature 1: it draws nothing"
        )
    return Writer(
        spec=spec,
        client=client,
        server=server,
        texts=texts,
        several=several,
        n_around=found.n_prompt,
        concurrency=concurrency,
    )


def _no_more_than_ours(client: Client, texts: Texts, n_prompt: int) -> None:
    """Refuse a server that puts a prompt of its own before a message.

    Raises
    ------
    LyingServerError
    """
    message = [{"role": "user", "content": _SHORT}]
    text = texts.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    ours = len(texts.tokenizer(str(text), add_special_tokens=False)["input_ids"])
    # Some count the beginning token that others leave to the template.
    if n_prompt > ours + 1:
        raise LyingServerError(
            client.server,
            f"reads {n_prompt} tokens where the chat template makes {ours} of a message: there is a prompt of its own",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    texts: list[str]
    n_prompt: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chat:
    """One way of asking for texts: a user's message, or a text to go on from."""

    client: Client
    spec: ServedSpec
    plain: bool = False

    def drawn(self, text: str, sampling: Sampling, *, several: bool) -> list[str]:
        """Return as many texts as are asked, each draw with a seed of its own where they come one by one."""
        if several:
            found = self.asked(text, sampling, n=sampling.n, seed=sampling.seed).texts
            if len(found) != sampling.n:
                raise LyingServerError(self.client.server, f"wrote {len(found)} texts in place of {sampling.n}")
            return found
        each = (self.asked(text, sampling, n=1, seed=sampling.seed + number) for number in range(sampling.n))
        return [one.texts[0] for one in each]

    def asked(self, text: str, sampling: Sampling, *, n: int, seed: int) -> _Found:
        """Ask once.

        Raises
        ------
        ServerError
        """
        what: dict[str, object] = {"prompt": text} if self.plain else {"messages": [{"role": "user", "content": text}]}
        answer = self.client.post(
            f"{self.spec.url}/{'completions' if self.plain else 'chat/completions'}",
            {
                **what,
                "model": self.spec.model,
                "n": n,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "max_tokens": sampling.max_tokens,
                "seed": seed,
            },
        )
        try:
            return self._found(answer)
        except WrongValueError as exc:
            raise LyingServerError(self.client.server, f"answered with {exc}") from exc

    def _found(self, answer: Any) -> _Found:  # Any: JSON
        choices = listed(entry(answer, "choices"), "choices")
        if not choices:
            msg = "no choices"
            raise WrongValueError(msg)
        texts = []
        for number in range(len(choices)):
            path = (number, "text") if self.plain else (number, "message", "content")
            text = entry(choices, *path)
            # Of a text that is over at once, some send nothing.
            if text is not None and not isinstance(text, str):
                msg = "a text that is none"
                raise WrongValueError(msg)
            texts.append(text or "")
        usage = answer.get("usage") if isinstance(answer, dict) else None
        counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return _Found(texts=texts, n_prompt=None if counted is None else whole(counted, "prompt_tokens"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedWriter(Backend):
    """A model behind a server whose texts are drawn.

    Attributes
    ----------
    writer : Writer
    cache : ResponseCache or None
    """

    writer: Writer
    cache: ResponseCache | None = None

    @property
    def fingerprint(self) -> ModelFingerprint:
        """Of what the server says."""
        writer, texts = self.writer, self.writer.texts
        return ModelFingerprint(
            reference=writer.spec.reference,
            weights=f"served:{writer.server.says}",
            dtype="as served",
            device="server",
            tokenizer_sha256="as served" if texts is None else texts.tokenizer_sha256,
            chat_template_sha256=None if texts is None else texts.chat_template_sha256,
            architecture="behind a server",
            n_parameters=writer.server.n_parameters,
            vocabulary_size=writer.server.n_ids,
            engine=writer.server.engine,
            quantization=writer.server.quantization,
            reading=Reading.SAMPLED,
        )

    @property
    def can(self) -> frozenset[Ability]:
        """Texts."""
        return frozenset({Ability.GENERATION})

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Draw what is not kept, block by block; what is no generation fails.

        Raises
        ------
        ServerError
            If it does not answer as it should, or is another one in the middle of a run.
        """
        identity = cache_identity(self.fingerprint)
        distinct = {one.key: one for one in requests if isinstance(one, Generation)}
        done: dict[str, Response] = {
            one.key: Failed(key=one.key, reason="the server gives texts, and no log-probabilities were asked of it")
            for one in requests
            if one.key not in distinct
        }
        if self.cache is not None:
            done.update(self.cache.found_written(identity, distinct))
        if on_progress:
            on_progress(len(done), 0)
        waiting = [one for key, one in distinct.items() if key not in done]
        for start in range(0, len(waiting), BLOCK):
            found = self._block(waiting[start : start + BLOCK], on_progress)
            self._still_same()
            for one in found:
                if self.cache is not None and isinstance(one, Written):
                    self.cache.keep_written(identity, one)
                done[one.key] = one
        return iter([done[request.key] for request in requests])

    def _block(self, block: Sequence[Generation], on_progress: Advance | None) -> list[Written | Failed]:
        found: list[Written | Failed] = []
        for _, one in side_by_side(self._written, block, n_threads=self.writer.concurrency):
            found.append(one)
            if on_progress:
                on_progress(1, 1)
        return found

    def _written(self, request: Generation) -> Written | Failed:
        chat = _Chat(client=self.writer.client, spec=self.writer.spec, plain=not request.templated)
        try:
            texts = chat.drawn(request.context, request.sampling, several=self.writer.several)
        except NotOfferedError as exc:
            return Failed(key=request.key, reason=str(exc))
        return Written(key=request.key, texts=tuple(texts))

    def _still_same(self) -> None:
        """Ask the server again what it is.

        Raises
        ------
        LyingServerError
        """
        writer = self.writer
        if server_of(writer.client, writer.spec).says != writer.server.says:
            raise LyingServerError(
                writer.client.server,
                "says of itself something else than at the beginning; what it wrote since the last look is not kept",
            )
