"""How log-probabilities are got out of a server: one class a way of asking, from the most that can be had down.

Texts are sent as token ids, so that what is scored is what a model on this machine would be given. Every answer is
held against what was sent: as many tokens, and the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from biasaudit.errors import LyingServerError, NotOfferedError
from biasaudit.models.served.hostile import WrongValueError, entry, listed, nats, shown, whole
from biasaudit.types import Reading

if TYPE_CHECKING:
    from biasaudit.models.served.client import Client
    from biasaudit.models.served.reference import ServedSpec

Read = tuple[float, ...] | str
"""Log-probabilities of the tokens of a continuation, in nats; or why they cannot be had, which is data."""

_TOKEN_ID: Final = "token_id:"  # noqa: S105  # how vLLM writes the number of a token


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a reader asks.

    Attributes
    ----------
    client : Client
    spec : ServedSpec
    written : callable
        From the id of a token to the ways in which a server may write it.
    plain_id : int
        A token that is a whole text by itself.
    n_models : int
        How many the server has.
    """

    client: Client
    spec: ServedSpec
    written: Callable[[int], frozenset[str]]
    plain_id: int
    n_models: int = 1

    def post(self, path: str, body: Mapping[str, object]) -> Any:  # Any: JSON
        """Ask an address of OpenAI's."""
        return self.client.post(self.spec.url + path, {"model": self.spec.model, **body})

    def choice(self, answer: object) -> dict[str, Any]:  # Any: JSON
        """Return the one text that a completion gives.

        Raises
        ------
        NotOfferedError
            If it is no completion.
        """
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise self.lacks(f"answered a completion with {shown(answer)}")
        return choices[0]

    def lies(self, found: str) -> LyingServerError:
        """Return the error of an answer that is not about what was sent."""
        return LyingServerError(
            self.client.server,
            found,
            fix="No number was taken from it. Ask a server that answers as it should, or the model itself, here.",
        )

    def lacks(self, found: str) -> NotOfferedError:
        """Return the error of an answer that does not have what was asked for."""
        return NotOfferedError(self.client.server, found)

    def check_count(self, found: int, sent: int) -> None:
        """Refuse a server that read other tokens than were sent.

        Raises
        ------
        LyingServerError
        """
        if found > sent:
            raise self.lies(
                f"read {found:,} tokens where {sent:,} were sent: it puts text of its own before them, as a hidden "
                "system prompt or a second beginning token"
            )
        if found < sent:
            raise self.lies(f"read {found:,} tokens where {sent:,} were sent: it drops some, as the beginning token")


class Reader(Protocol):
    """A way of asking."""

    name: ClassVar[str]
    level: ClassVar[Reading]

    def __init__(self, asked: Asked) -> None: ...

    def read(self, context_ids: Sequence[int], continuation_ids: Sequence[int]) -> Read:
        """Return the log-probability of each token of a continuation, given all before it.

        Raises
        ------
        NotOfferedError
            If the server has no such way.
        LyingServerError
            If it answers about something else.
        ServerError
        """
        ...


class _PromptReader:
    """Common to those that get the log-probabilities of every token of a prompt in one answer."""

    level: ClassVar[Reading] = Reading.PROMPT

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def read(self, context_ids: Sequence[int], continuation_ids: Sequence[int]) -> Read:
        """Return the log-probabilities of a continuation, in one question."""
        ids = [*context_ids, *continuation_ids]
        try:
            found = self._entries(ids)
            # The first token of a prompt follows nothing; no server has a number for it.
            return tuple(nats(value) for value in found[len(context_ids) :])
        except WrongValueError as exc:
            raise self.asked.lies(f"answered with {exc}") from exc

    def _entries(self, ids: Sequence[int]) -> list[object]:
        """Return what it has for each token, of which there are as many as were sent."""
        raise NotImplementedError

    def _of_sent(self, found: Sequence[int], ids: Sequence[int]) -> None:
        for place, (theirs, ours) in enumerate(zip(found, ids, strict=True)):
            if theirs != ours:
                raise self.asked.lies(
                    f"gave the log-probability of token {theirs} where token {ours} was sent, at place {place}: it "
                    "reads another text"
                )

    def _usage(self, answer: object, n_sent: int) -> None:
        usage = answer.get("usage") if isinstance(answer, dict) else None
        if isinstance(usage, dict) and usage.get("prompt_tokens") is not None:
            self.asked.check_count(whole(usage["prompt_tokens"], "the number of tokens"), n_sent)


class PromptLogprobs(_PromptReader):
    """vLLM's completions with `prompt_logprobs`."""

    name: ClassVar[str] = "completions, prompt_logprobs"

    def _entries(self, ids: Sequence[int]) -> list[object]:
        answer = self.asked.post(
            "/completions", {"prompt": list(ids), "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        )
        choice = self.asked.choice(answer)
        if not choice.get("prompt_logprobs"):
            raise self.asked.lacks("gives no prompt_logprobs")
        self._usage(answer, len(ids))
        found = listed(choice["prompt_logprobs"], "prompt_logprobs")
        if found == [None]:
            raise self.asked.lacks("gives prompt_logprobs that are empty")
        self.asked.check_count(len(found), len(ids))
        values: list[object] = [None]
        for place, one in enumerate(found[1:], start=1):
            if not isinstance(one, dict) or not one:
                raise WrongValueError(f"{shown(one)} for a token")
            if str(ids[place]) not in one:
                raise self.asked.lies(
                    f"gave the log-probability of token {shown(next(iter(one)))} where token {ids[place]} was sent, at "
                    f"place {place}: it reads another text"
                )
            values.append(entry(one, str(ids[place]), "logprob"))
        return values


class Echo(_PromptReader):
    """Completions with `echo`: the prompt comes back with log-probabilities."""

    name: ClassVar[str] = "completions, echo"

    def _entries(self, ids: Sequence[int]) -> list[object]:
        answer = self.asked.post(
            "/completions",
            {
                "prompt": list(ids),
                "max_tokens": 1,
                "temperature": 0,
                "echo": True,
                "logprobs": 1,
                "return_tokens_as_token_ids": True,
            },
        )
        logprobs = self.asked.choice(answer).get("logprobs")
        values = logprobs.get("token_logprobs") if isinstance(logprobs, dict) else None
        if not isinstance(values, list) or len(values) < 2 <= len(ids):
            raise self.asked.lacks("does not echo the log-probabilities of a prompt")
        self._usage(answer, len(ids))
        # The token that it wrote itself may follow.
        self.asked.check_count(len(values) - (len(values) == len(ids) + 1), len(ids))
        tokens = listed(entry(logprobs, "tokens"), "tokens")
        if len(tokens) != len(values):
            raise WrongValueError(f"{len(tokens)} tokens and {len(values)} log-probabilities")
        for place, (token, number) in enumerate(zip(tokens, ids, strict=False)):
            if place and not self._is(token, number):
                raise self.asked.lies(
                    f"echoed {shown(token)} where token {number} was sent, at place {place}: it reads another text"
                )
        return values[: len(ids)]

    def _is(self, token: object, number: int) -> bool:
        if isinstance(token, str) and token.startswith(_TOKEN_ID):
            return token == f"{_TOKEN_ID}{number}"
        return isinstance(token, str) and token in self.asked.written(number)


class Generate(_PromptReader):
    """SGLang's own address, which takes no name of a model: a server of several is not asked there."""

    name: ClassVar[str] = "generate, logprob_start_len"

    def _entries(self, ids: Sequence[int]) -> list[object]:
        if self.asked.n_models > 1:
            raise self.asked.lacks(f"has {self.asked.n_models} models, and its own address takes no name of one")
        body = {
            "input_ids": list(ids),
            "sampling_params": {"max_new_tokens": 1, "temperature": 0},
            "return_logprob": True,
            "logprob_start_len": 0,
        }
        answer = self.asked.client.post(f"{self.asked.spec.root}/generate", body)
        meta = answer.get("meta_info") if isinstance(answer, dict) else None
        if not isinstance(meta, dict) or not meta.get("input_token_logprobs"):
            raise self.asked.lacks("gives no input_token_logprobs")
        self.asked.check_count(whole(entry(meta, "prompt_tokens"), "the number of tokens"), len(ids))
        found = [listed(one, "a token") for one in listed(meta["input_token_logprobs"], "input_token_logprobs")]
        self.asked.check_count(len(found), len(ids))
        self._of_sent([whole(entry(one, 1), "a token") for one in found], ids)
        return [entry(one, 0) for one in found]


class Forced:
    """llama-server's own address: it is made to take one token, and says how likely that was before.

    It says nothing of a token that ends within a character; those are looked for among the most likely ones.
    """

    name: ClassVar[str] = "completion, forced token"
    level: ClassVar[Reading] = Reading.FORCED
    _MOST: ClassVar[tuple[int, ...]] = (200, 20_000)

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def read(self, context_ids: Sequence[int], continuation_ids: Sequence[int]) -> Read:
        """Return the log-probabilities of a continuation, one question for each token."""
        found: list[float] = []
        for place, number in enumerate(continuation_ids):
            try:
                one = self._one([*context_ids, *continuation_ids[:place]], number)
            except WrongValueError as exc:
                raise self.asked.lies(f"answered with {exc}") from exc
            if isinstance(one, str):
                return one
            found.append(one)
        return tuple(found)

    def _one(self, prompt: list[int], number: int) -> float | str:
        answer = self._answer(prompt, number, n_probs=1)
        if answer is None:
            return self._among_the_most_likely(prompt, number)
        if whole(entry(answer, "id"), "a token") != number:
            raise self.asked.lacks("does not take the token that it is made to take")
        return nats(entry(answer, "logprob"))

    def _among_the_most_likely(self, prompt: list[int], number: int) -> float | str:
        if number == self.asked.plain_id:
            raise self.asked.lacks("gives no completion_probabilities")
        for most in self._MOST:
            answer = self._answer(prompt, self.asked.plain_id, n_probs=most)
            if answer is None:
                raise self.asked.lacks("gives no completion_probabilities")
            for one in listed(entry(answer, "top_logprobs"), "top_logprobs"):
                if entry(one, "id") == number:
                    return nats(entry(one, "logprob"))
        return (
            f"the server does not say how likely token {number} is, which ends within a character, and it is not among "
            f"the {self._MOST[-1]:,} most likely"
        )

    def _answer(self, prompt: list[int], number: int, *, n_probs: int) -> dict[str, Any] | None:  # Any: JSON
        body = {
            "model": self.asked.spec.model,
            "prompt": prompt,
            "n_predict": 1,
            "n_probs": n_probs,
            "logit_bias": [[number, 1e9]],
            "temperature": 0,
            "cache_prompt": True,
            "post_sampling_probs": False,
        }
        answer = self.asked.client.post(f"{self.asked.spec.root}/completion", body)
        if not isinstance(answer, dict) or "tokens_evaluated" not in answer:
            raise self.asked.lacks("does not say how many tokens it read")
        self.asked.check_count(whole(answer["tokens_evaluated"], "the number of tokens"), len(prompt))
        if answer.get("truncated"):
            raise self.asked.lies(f"cut a text of {len(prompt):,} tokens short")
        found = answer.get("completion_probabilities")
        if not found:
            return None
        one = entry(found, 0)
        if not isinstance(one, dict) or "logprob" not in one or "id" not in one:
            raise self.asked.lacks("gives probabilities of an older form")
        return one


class TopLogprobs:
    """Completions with `logprobs`: of the next token, for the k most likely ones."""

    name: ClassVar[str] = "completions, logprobs"
    level: ClassVar[Reading] = Reading.TOP_K
    _MOST: ClassVar[tuple[int, ...]] = (20, 5)

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self._k: int | None = None

    def read(self, context_ids: Sequence[int], continuation_ids: Sequence[int]) -> Read:
        """Return the log-probability of a continuation of one token, if it is among the most likely."""
        n_tokens = len(continuation_ids)
        if n_tokens > 1:
            return f"the server gives the next token alone, and {n_tokens} are asked for"
        try:
            found = self.most_likely(context_ids)
        except WrongValueError as exc:
            raise self.asked.lies(f"answered with {exc}") from exc
        number = continuation_ids[0]
        names = {f"{_TOKEN_ID}{number}"} | self.asked.written(number)
        values = [value for token, value in found.items() if token in names]
        if len(values) > 1:
            return "the server writes two tokens alike"
        if values:
            return (values[0],)
        return (
            f"not among the {len(found)} most likely tokens, beyond which the server says nothing: at most "
            f"{min(found.values()):.2f} nats"
        )

    def most_likely(self, context_ids: Sequence[int]) -> dict[str, float]:
        """Return the most likely next tokens, as the server writes them, and their log-probabilities."""
        if self._k is not None:
            return self._found(context_ids, self._k)
        for k in self._MOST:
            try:
                found = self._found(context_ids, k)
            except NotOfferedError:
                if k == self._MOST[-1]:
                    raise
            else:
                self._k = k
                return found
        raise self.asked.lacks("gives no log-probabilities")

    def _found(self, context_ids: Sequence[int], k: int) -> dict[str, float]:
        body = {
            "prompt": list(context_ids),
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": k,
            "return_tokens_as_token_ids": True,
        }
        answer = self.asked.post("/completions", body)
        logprobs = self.asked.choice(answer).get("logprobs")
        top = logprobs.get("top_logprobs") if isinstance(logprobs, dict) else None
        if not isinstance(top, list) or not top or not isinstance(top[0], dict) or not top[0]:
            raise self.asked.lacks("gives no log-probabilities of the next token")
        usage = answer.get("usage")
        if not isinstance(usage, dict):
            raise self.asked.lacks("does not say how many tokens it read")
        self.asked.check_count(whole(entry(usage, "prompt_tokens"), "the number of tokens"), len(context_ids))
        return {str(token): nats(value) for token, value in top[0].items()}


READERS: Final[tuple[type[Reader], ...]] = (PromptLogprobs, Echo, Generate, Forced, TopLogprobs)
"""From the most that can be had down; the first that a server has is taken."""
