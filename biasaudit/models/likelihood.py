"""Log-probabilities of continuations: all requests in, responses in their order out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from biasaudit.models.cache import ResponseCache, cache_identity
from biasaudit.models.engine import Engine
from biasaudit.models.tree import TokenSequence
from biasaudit.types import Failed, Request, Response, Scored

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.loading import LoadedModel


NOT_A_NUMBER: Final = "the model gave a log-probability that is not a number"
"""Why such a response failed; the check of plausibility looks for it."""


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


def token_ends(tokenizer: PreTrainedTokenizerBase, request: Request, token_ids: Sequence[int]) -> list[int] | None:
    """Return where each token of a continuation ends, in characters of the continuation.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    request : Request
    token_ids : sequence of int
        The tokens of the continuation, as they were scored.

    Returns
    -------
    list of int or None
        Not falling. None where the tokenizer does not say, splits the text into other tokens, or has a token
        that reaches over the border of context and continuation.
    """
    if not tokenizer.is_fast:
        return None
    special = bool(request.context) and not request.templated
    whole = tokenizer(request.context + request.continuation, add_special_tokens=special, return_offsets_mapping=True)
    ids = list(whole["input_ids"])
    n_own = len(token_ids)
    if ids[len(ids) - n_own :] != list(token_ids):
        return None
    if (
        request.context
        and ids[: len(ids) - n_own] != tokenizer(request.context, add_special_tokens=special)["input_ids"]
    ):
        return None
    border = len(request.context)
    ends = [max(end - border, 0) for _, end in whole["offset_mapping"][len(ids) - n_own :]]
    return ends if sorted(ends) == ends and ends and ends[-1] <= len(request.continuation) else None


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
    through the model, if the model computes packs right (:mod:`biasaudit.models.packed`);
    otherwise padded batches do. Each is kept in `cache` before the next begins, so that a run
    that is killed loses one. How it was done is left in ``loaded.scoring``.

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
    model_id = cache_identity(loaded.fingerprint)
    distinct = {request.key: request for request in requests}
    done: dict[str, Response] = cache.found(model_id, distinct) if cache else {}
    if on_progress:
        on_progress(len(done), 0)
    pending, failed = _encoded(loaded, [request for key, request in distinct.items() if key not in done])
    for responses, n_tokens in chain([(failed, 0)], _computed(loaded, pending, cache, batch_tokens)):
        if not responses:
            continue
        if cache:
            cache.keep(model_id, responses)
        done.update((response.key, response) for response in responses)
        if on_progress:
            on_progress(len(responses), n_tokens)
    for request in requests:
        yield done[request.key]


def _encoded(loaded: LoadedModel, requests: Sequence[Request]) -> tuple[list[Encoded], list[Response]]:
    pending: list[Encoded] = []
    failed: list[Response] = []
    limit = loaded.max_length
    for request in requests:
        encoded = encode(loaded.tokenizer, request)
        if isinstance(encoded, Encoded) and limit is not None and encoded.n_tokens > limit:
            encoded = Failed(key=request.key, reason=f"{encoded.n_tokens} tokens, more than the model's {limit}")
        if isinstance(encoded, Failed):
            failed.append(encoded)
        else:
            pending.append(encoded)
    return pending, failed


def _computed(
    loaded: LoadedModel, pending: Sequence[Encoded], cache: ResponseCache | None, batch_tokens: int | None
) -> Iterator[tuple[list[Response], int]]:
    if not pending:
        return
    sequences = [TokenSequence((*item.context_ids, *item.continuation_ids), len(item.context_ids)) for item in pending]
    run = Engine(loaded, cache).run(sequences, batch_tokens)
    for found, n_tokens in run:
        yield [_response(pending[position], logprobs) for position, logprobs in found], n_tokens


def _response(item: Encoded, logprobs_nats: Sequence[float]) -> Response:
    if not all(value <= 1e-4 for value in logprobs_nats):  # also catches NaN
        return Failed(key=item.key, reason=NOT_A_NUMBER)
    return Scored(
        key=item.key,
        token_ids=item.continuation_ids,
        token_logprobs_nats=tuple(min(value, 0.0) for value in logprobs_nats),
    )
