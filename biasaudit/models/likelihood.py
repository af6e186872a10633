"""Log-probabilities of continuations: all requests in, responses in their order out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.models.cache import ResponseCache, cache_identity
from biasaudit.types import Failed, Request, Response, Scored

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.loading import LoadedModel

DEFAULT_BATCH_TOKENS: Final = 1024
"""Tokens of a batch, padding included."""

MAX_LOGITS: Final = 80_000_000
"""Logits that exist at once: 320 MB in float32, whatever the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A request as tokens.

    Attributes
    ----------
    key : str
    context_ids, continuation_ids : tuple of int
        Neither is empty.
    """

    key: str
    context_ids: tuple[int, ...]
    continuation_ids: tuple[int, ...]

    @property
    def n_tokens(self) -> int:
        """Tokens in all."""
        return len(self.context_ids) + len(self.continuation_ids)


def encode(tokenizer: PreTrainedTokenizerBase, request: Request) -> Encoded | Failed:
    """Split a request into context and continuation tokens, as lm-evaluation-harness does.

    Without a context the continuation follows one beginning token: BOS, or EOS where there is
    none. With one, context and continuation are tokenized together and the context's length is
    cut off, so that the continuation is read as it would be in running text.

    References
    ----------
    lm-evaluation-harness 0.4.13, `lm_eval/api/model.py`, `_encode_pair`.
    """
    continuation, context = request.continuation, request.context
    if not continuation:
        return Failed(key=request.key, reason="empty continuation")
    if not context:
        ids = list(tokenizer(continuation, add_special_tokens=False)["input_ids"])
        prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if prefix is None:
            return Failed(key=request.key, reason="the tokenizer has no beginning token")
        if ids and ids[0] == prefix:
            ids = ids[1:]
        context_ids = [int(prefix)]
    else:
        special = not request.templated
        context_ids = list(tokenizer(context, add_special_tokens=special)["input_ids"])
        whole = list(tokenizer(context + continuation, add_special_tokens=special)["input_ids"])
        ids = whole[len(context_ids) :]
        context_ids = whole[: len(context_ids)]
    bos = tokenizer.bos_token_id
    if bos is not None and context_ids[:2] == [bos, bos]:
        return Failed(key=request.key, reason="two beginning tokens")
    if not ids or not context_ids:
        return Failed(key=request.key, reason="no token of its own after the context")
    return Encoded(key=request.key, context_ids=tuple(context_ids), continuation_ids=tuple(ids))


def score(
    loaded: LoadedModel,
    requests: Sequence[Request],
    *,
    cache: ResponseCache | None = None,
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Response]:
    """Yield the response to each request, in the order of `requests`.

    Equal requests are scored once. Batches are sorted by length; each is kept in `cache` before
    the next begins, so that a run that is killed loses one batch.

    Parameters
    ----------
    loaded : LoadedModel
    requests : sequence of Request
    cache : ResponseCache, optional
    batch_tokens : int
        Size of a batch; it changes the time, not the numbers.
    on_progress : callable, optional
        Called with the number of distinct requests done by now and the tokens computed for them.

    Yields
    ------
    Scored or Failed
    """
    model_id = cache_identity(loaded.fingerprint)
    distinct = {request.key: request for request in requests}
    done: dict[str, Response] = cache.found(model_id, distinct) if cache else {}
    if on_progress:
        on_progress(len(done), 0)
    pending: list[Encoded] = []
    failed: list[Response] = []
    limit = loaded.max_length
    for request in (request for key, request in distinct.items() if key not in done):
        encoded = encode(loaded.tokenizer, request)
        if isinstance(encoded, Encoded) and limit is not None and encoded.n_tokens > limit:
            encoded = Failed(key=request.key, reason=f"{encoded.n_tokens} tokens, more than the model's {limit}")
        if isinstance(encoded, Failed):
            failed.append(encoded)
        else:
            pending.append(encoded)
    batches: list[Sequence[Encoded | Response]] = [failed]
    batches += _batches(pending, batch_tokens, loaded.vocabulary_size)
    for batch in batches:
        responses = _run(loaded, batch)
        if cache and responses:
            cache.keep(model_id, responses)
        done.update((response.key, response) for response in responses)
        if on_progress and responses:
            on_progress(len(responses), sum(item.n_tokens for item in batch if isinstance(item, Encoded)))
    for request in requests:
        yield done[request.key]


def _batches(pending: Sequence[Encoded], batch_tokens: int, vocabulary_size: int) -> Iterator[list[Encoded]]:
    """Longest first, so that a batch that is too large for the memory fails at once."""
    # Neighbours share their context where they can: equal contexts give equal kept positions.
    ordered = sorted(pending, key=lambda item: (-item.n_tokens, -len(item.context_ids), item.key))
    batch: list[Encoded] = []
    for item in ordered:
        candidate = [*batch, item]
        length = candidate[0].n_tokens
        kept = length - min(len(entry.context_ids) for entry in candidate) + 1
        too_many = len(candidate) * length > batch_tokens
        too_large = len(candidate) * kept * vocabulary_size > MAX_LOGITS
        if batch and (too_many or too_large):
            yield batch
            candidate = [item]
        batch = candidate
    if batch:
        yield batch


def _run(loaded: LoadedModel, batch: Sequence[Encoded | Response]) -> list[Response]:
    encoded = [item for item in batch if isinstance(item, Encoded)]
    failed: list[Response] = [item for item in batch if isinstance(item, Failed)]
    if not encoded:
        return failed
    rows = loaded.continuation_logprobs([(item.context_ids, item.continuation_ids) for item in encoded])
    return [_response(item, logprobs) for item, logprobs in zip(encoded, rows, strict=True)]


def _response(item: Encoded, logprobs_nats: Sequence[float]) -> Response:
    if not all(value <= 1e-4 for value in logprobs_nats):  # also catches NaN
        return Failed(key=item.key, reason="the model gave a log-probability that is not a number")
    return Scored(
        key=item.key,
        token_ids=item.continuation_ids,
        token_logprobs_nats=tuple(min(value, 0.0) for value in logprobs_nats),
    )
