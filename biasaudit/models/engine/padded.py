"""The plain way: rows of like length, padded on the right. For models that packs do not suit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from biasaudit.errors import OutOfMemoryError
from biasaudit.models.engine.memory import is_out_of_memory
from biasaudit.models.engine.tree import TokenSequence

if TYPE_CHECKING:
    from biasaudit.models.local.loaded import LoadedModel

BATCH_TOKENS: Final = 1024
"""Tokens of a batch, padding included."""

MAX_LOGITS: Final = 80_000_000
"""Logits that exist at once: 320 MB in float32, whatever the vocabulary."""


def run_padded(
    loaded: LoadedModel, sequences: Sequence[TokenSequence], batch_tokens: int
) -> Iterator[list[tuple[int, list[float]]]]:
    """Yield log-probabilities one batch at a time, as :func:`biasaudit.models.engine.schedule.run_packs` does.

    Raises
    ------
    OutOfMemoryError
        If the memory does not suffice for one sequence.
    """
    waiting = list(_batches(sequences, batch_tokens, loaded.vocabulary_size))[::-1]
    while waiting:
        batch = waiting.pop()
        rows = [sequences[position] for position in batch]
        try:
            found = loaded.continuation_logprobs(
                [(row.token_ids[: row.n_context], row.token_ids[row.n_context :]) for row in rows]
            )
        except (MemoryError, RuntimeError) as exc:
            if not is_out_of_memory(exc):
                raise
            if len(batch) == 1:
                raise OutOfMemoryError(len(rows[0].token_ids)) from exc
            half = len(batch) // 2
            waiting += [batch[half:], batch[:half]]
            continue
        yield list(zip(batch, found, strict=True))


def _batches(sequences: Sequence[TokenSequence], batch_tokens: int, vocabulary_size: int) -> Iterator[list[int]]:
    """Longest first, so that a batch that is too large for the memory fails at once."""

    # Neighbours share their context where they can: equal contexts give equal kept positions.
    def rank(position: int) -> tuple[int, int, tuple[int, ...]]:
        one = sequences[position]
        return -len(one.token_ids), -one.n_context, one.token_ids

    batch: list[int] = []
    for position in sorted(range(len(sequences)), key=rank):
        candidate = [*batch, position]
        length = len(sequences[candidate[0]].token_ids)
        kept = length - min(sequences[entry].n_context for entry in candidate) + 1
        too_many = len(candidate) * length > batch_tokens
        too_large = len(candidate) * kept * vocabulary_size > MAX_LOGITS
        if batch and (too_many or too_large):
            yield batch
            candidate = [position]
        batch = candidate
    if batch:
        yield batch
