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
    "distinct_of",
    "encode",
    "encode_all",
    "encoded_within",
    "from_cache",
    "identity_of",
    "response_to",
    "score",
    "token_ends",
    "token_ends_all",
    "within",
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
    distinct = distinct_of(requests)
    encoded = encoded_within(
        loaded.tokenizer, distinct, beginning=loaded.beginning, limit=loaded.max_length, n_ids=loaded.n_ids
    )
    return from_cache(
        requests,
        encoded,
        model_id=identity_of(cache_identity(loaded.fingerprint), loaded.tokenizer, loaded.beginning),
        cache=cache,
        computed=lambda pending: _computed(loaded, pending, cache, batch_tokens),
        on_progress=on_progress,
    )


def distinct_of(requests: Sequence[Request]) -> list[Request]:
    """Return requests with distinct keys, in their order."""
    return list({request.key: request for request in requests}.values())


def from_cache(
    requests: Sequence[Request],
    encoded: Mapping[str, Encoded | Failed],
    *,
    model_id: str,
    cache: ResponseCache | None,
    computed: Callable[[Sequence[Encoded]], Iterator[tuple[list[tuple[str, Response]], int]]],
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Response]:
    """Yield the response to each request: what is kept as it is, all else computed and kept batch by batch.

    Parameters
    ----------
    requests : sequence of Request
    encoded : mapping
        Key -> its tokens, or why it cannot be asked.
    model_id : str
        Under which the cache knows the model; see :func:`identity_of`.
    cache : ResponseCache or None
    computed : callable
        From what is not kept to batches: (key to keep it under, response), and the tokens computed.
    on_progress : callable, optional
        Called with the number of distinct requests done by now and the tokens computed for them.
    """
    done: dict[str, Response] = {key: one for key, one in encoded.items() if isinstance(one, Failed)}
    pending = [one for one in encoded.values() if isinstance(one, Encoded)]
    if cache:
        known = believed(cache.found(model_id, {one.scored_key for one in pending}), pending)
        done.update(known)
        pending = [one for one in pending if one.key not in known]
    if on_progress:
        on_progress(len(done), 0)
    for responses, n_tokens in computed(pending):
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
    limit: int | None,
    n_ids: int | None,
) -> dict[str, Encoded | Failed]:
    """Return :func:`~biasaudit.models.text.encoding.encode_all` of requests, of which some are not for this model.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    requests : sequence of Request
        With distinct keys.
    beginning : Beginning or None
    limit : int or None
        Tokens that the model can read; None where it has no bound.
    n_ids : int or None
        Tokens that the model has a row for; None where it is not known.
    """
    return within(encode_all(tokenizer, requests, beginning=beginning), limit=limit, n_ids=n_ids)


def within(
    encoded: Mapping[str, Encoded | Failed], *, limit: int | None, n_ids: int | None
) -> dict[str, Encoded | Failed]:
    """Return requests as tokens, those failed that are too long for a model or of tokens that it has no row for.

    Parameters
    ----------
    encoded : mapping
        Key -> its tokens, or why it cannot be asked.
    limit : int or None
        Tokens of the longest text; None where the model does not say.
    n_ids : int or None
        Tokens that the weights have a row for; None where it is not known.
    """
    found: dict[str, Encoded | Failed] = {}
    for key, one in encoded.items():
        found[key] = one
        if isinstance(one, Failed):
            continue
        if limit is not None and one.n_tokens > limit:
            found[key] = Failed(key=key, reason=f"{one.n_tokens} tokens, more than the model's {limit}")
        elif n_ids is not None and (largest := max(*one.context_ids, *one.continuation_ids)) >= n_ids:
            found[key] = Failed(key=key, reason=f"token {largest}, for which the model's {n_ids} have no row")
    return found


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
    """Return the response that log-probabilities of a continuation's tokens are, in nats; failed if one is none."""
    if not all(value <= 1e-4 for value in logprobs_nats):  # also catches NaN
        return Failed(key=item.key, reason=NOT_A_NUMBER)
    return Scored(
        key=item.key,
        token_ids=item.continuation_ids,
        token_logprobs_nats=tuple(min(value, 0.0) for value in logprobs_nats),
    )
