"""Texts drawn from a local model: generations in, what was written out, through the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from biasaudit.framing import request_key
from biasaudit.models.cache import ResponseCache, cache_identity
from biasaudit.models.engine.writing import draws
from biasaudit.models.likelihood import identity_of
from biasaudit.models.text.encoding import encode_all
from biasaudit.types import Failed, Generation, Request, Written

if TYPE_CHECKING:
    from biasaudit.models.local.loaded import LoadedModel

_ANY_WORD: Final = " the"


def write(
    loaded: LoadedModel,
    generations: Sequence[Generation],
    *,
    cache: ResponseCache | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Written | Failed]:
    """Yield what is written after each request, in their order.

    A prompt's tokens are those that would stand before any of the answers that its text is read for, so that what is
    drawn is what a likelihood of these answers would be read after.

    Parameters
    ----------
    loaded : LoadedModel
    generations : sequence of Generation
        Equal ones are drawn once.
    cache : ResponseCache, optional
        Each is kept before the next begins.
    on_progress : callable, optional
        Called with the number of distinct requests done by now and the tokens computed for them.

    Raises
    ------
    OutOfMemoryError
    """
    distinct = {one.key: one for one in generations}
    model_id = identity_of(cache_identity(loaded.fingerprint), loaded.tokenizer, loaded.beginning)
    done: dict[str, Written | Failed] = {}
    if cache:
        done.update(cache.found_written(model_id, distinct))
    if on_progress:
        on_progress(len(done), 0)
    for key, request in distinct.items():
        if key in done:
            continue
        found, n_tokens = _written(loaded, request)
        if cache and isinstance(found, Written):
            cache.keep_written(model_id, found)
        done[key] = found
        if on_progress:
            on_progress(1, n_tokens)
    for one in generations:
        yield done[one.key]


def _written(loaded: LoadedModel, request: Generation) -> tuple[Written | Failed, int]:
    ids = prompt_ids(loaded, request)
    if isinstance(ids, Failed):
        return ids, 0
    if loaded.max_length is not None and len(ids) + request.sampling.max_tokens > loaded.max_length:
        asked = f"{len(ids)} tokens and {request.sampling.max_tokens} to be drawn"
        return Failed(key=request.key, reason=f"{asked}, more than the model's {loaded.max_length}"), 0
    found = draws(loaded, ids, request.sampling, key=request.key)
    return Written(key=request.key, texts=found.texts), found.n_tokens


def prompt_ids(loaded: LoadedModel, request: Generation) -> tuple[int, ...] | Failed:
    """Return the tokens after which a text is drawn, or why there are none."""
    spellings = [one for of in request.options.values() for one in of] or [_ANY_WORD]
    # As framings join them: a space before the first word of a reply is the template's own.
    opens = not request.context or request.context[-1].isspace()
    answers = [one.lstrip() if opens else f" {one.lstrip()}" for one in spellings]
    asked = {
        key: Request(
            key=key,
            context=request.context,
            continuation=answer,
            templated=request.templated,
            item_id=request.item_id,
            part=request.part,
            framing_id=request.framing_id,
        )
        for answer in answers
        if (key := request_key(request.context, answer, templated=request.templated))
    }
    encoded = encode_all(loaded.tokenizer, list(asked.values()), beginning=loaded.beginning)
    for one in encoded.values():
        if isinstance(one, Failed):
            return replace(one, key=request.key)
        if one.moved.strip():
            return Failed(key=request.key, reason=f"its last token goes on in an answer: {one.moved!r}")
        return one.context_ids
    return Failed(key=request.key, reason="nothing to be drawn for")
