"""Log-probabilities of continuations: all requests in, responses in their order out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from biasaudit.models.cache import ResponseCache, cache_identity
from biasaudit.models.engine.engine import Engine
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.text.beginning import own_beginning
from biasaudit.models.text.encoding import Encoded, encode, encode_all, token_ends, token_ends_all
from biasaudit.types import Failed, Request, Response, Scored

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.models.text.beginning import Beginning

__all__ = [
    "Encoded",
    "believed",
    "encode",
    "encode_all",
    "encoded_within",
    "identity_of",
    "response_to",
    "score",
    "token_ends",
    "token_ends_all",
]

NOT_A_NUMBER: Final = "the model gave a log-probability that is not a number"
"""Why such a response failed; the check of plausibility looks for it."""


def score(
    loaded: LoadedModel,
    requests: Sequence[Request],
    *,
    cache: ResponseCache | None = None,
    batch_tokens: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Response]:
    """Yield the response to each request, in the order of `requests`.

    Equal requests are scored once. All requests go into one prefix tree, and packs of it run
    through the model, if the model computes packs right (:mod:`biasaudit.models.engine.packed`);
    otherwise padded batches do. Each is kept in `cache` before the next begins, so that a run
    that is killed loses one. Every request is tokenized, also where its response is kept: one
    that is of other tokens is scored again. How it was done is left in ``loaded.scoring``.

    Parameters
    ----------
    loaded : LoadedModel
    requests : sequence of Request
    cache : ResponseCache, optional
    batch_tokens : int, optional
        Tokens of a pack or a batch; it changes the time, not the numbers. None chooses.
    on_progress : callable, optional
        Called with the number of distinct requests done by now and the tokens computed for them.

    Yields
    ------
    Scored or Failed

    Raises
    ------
    OutOfMemoryError
        If the memory does not suffice for a single request.
    """
    distinct = list({request.key: request for request in requests}.values())
    encoded = encoded_within(
        loaded.tokenizer, distinct, beginning=loaded.beginning, longest=loaded.max_length, n_ids=loaded.n_ids
    )
    done: dict[str, Response] = {key: one for key, one in encoded.items() if isinstance(one, Failed)}
    pending = [one for one in encoded.values() if isinstance(one, Encoded)]
    model_id = identity_of(cache_identity(loaded.fingerprint), loaded.tokenizer, loaded.beginning)
    if cache:
        known = believed(cache.found(model_id, {one.scored_key for one in pending}), pending)
        done.update(known)
        pending = [one for one in pending if one.key not in known]
    if on_progress:
        on_progress(len(done), 0)
    for responses, n_tokens in _computed(loaded, pending, cache, batch_tokens):
        if cache:
            cache.keep(model_id, [replace(response, key=encoded_key) for encoded_key, response in responses])
        done.update((response.key, response) for _, response in responses)
        if on_progress:
            on_progress(len(responses), n_tokens)
    for request in requests:
        yield done[request.key]


def encoded_within(
    tokenizer: PreTrainedTokenizerBase,
    requests: Sequence[Request],
    *,
    beginning: Beginning | None,
    longest: int | None,
    n_ids: int,
) -> dict[str, Encoded | Failed]:
    """Return key -> tokens of each request, or why it cannot be asked of a model.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    requests : sequence of Request
        With distinct keys.
    beginning : Beginning or None
    longest : int or None
        Tokens of the longest text that the model takes.
    n_ids : int
        Tokens that its weights have a row for.
    """
    encoded = encode_all(tokenizer, requests, beginning=beginning)
    for key, one in encoded.items():
        if isinstance(one, Failed):
            continue
        if longest is not None and one.n_tokens > longest:
            encoded[key] = Failed(key=key, reason=f"{one.n_tokens} tokens, more than the model's {longest}")
        elif (largest := max(*one.context_ids, *one.continuation_ids)) >= n_ids:
            encoded[key] = Failed(key=key, reason=f"token {largest}, for which the model's {n_ids} have no row")
    return encoded


def identity_of(model: str, tokenizer: PreTrainedTokenizerBase, beginning: Beginning | None) -> str:
    """Return under which name responses of a model are kept.

    The tokens before a text are not among what a response holds, so a beginning that is not the tokenizer's own has a
    name of its own.

    Parameters
    ----------
    model : str
        From :func:`biasaudit.models.cache.cache_identity`.
    tokenizer : PreTrainedTokenizerBase
    beginning : Beginning or None
    """
    if beginning is None or beginning == own_beginning(tokenizer):
        return model
    begins = f"{beginning.token_id} {beginning.before_context}"
    return hashlib.sha256(f"{model} begins with {begins}".encode()).hexdigest()


def believed(known: Mapping[str, Response], pending: Sequence[Encoded]) -> dict[str, Response]:
    """Return, by request, the kept responses that are of the very tokens to be scored.

    What was kept by a version that cut or read a text otherwise is scored again.
    """
    found: dict[str, Response] = {}
    for one in pending:
        response = known.get(one.scored_key)
        if response is None:
            continue
        of_these_tokens = isinstance(response, Scored) and response.token_ids == one.continuation_ids
        if of_these_tokens or (isinstance(response, Failed) and response.reason == NOT_A_NUMBER):
            found[one.key] = replace(response, key=one.key)
    return found


def _computed(
    loaded: LoadedModel, pending: Sequence[Encoded], cache: ResponseCache | None, batch_tokens: int | None
) -> Iterator[tuple[list[tuple[str, Response]], int]]:
    """Yield, batch by batch, (key to keep it under, response) and the tokens computed."""
    if not pending:
        return
    sequences = [TokenSequence((*item.context_ids, *item.continuation_ids), len(item.context_ids)) for item in pending]
    run = Engine(loaded, cache).run(sequences, batch_tokens)
    for found, n_tokens in run:
        yield (
            [(pending[position].scored_key, response_to(pending[position], logprobs)) for position, logprobs in found],
            n_tokens,
        )


def response_to(item: Encoded, logprobs_nats: Sequence[float]) -> Response:
    """Return the response to a request whose tokens a model found so likely; failed where one is not a number."""
    if not all(value <= 1e-4 for value in logprobs_nats):  # also catches NaN
        return Failed(key=item.key, reason=NOT_A_NUMBER)
    return Scored(
        key=item.key,
        token_ids=item.continuation_ids,
        token_logprobs_nats=tuple(min(value, 0.0) for value in logprobs_nats),
    )
