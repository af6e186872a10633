"""A checkpoint that vLLM computes, in a program of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from biasaudit.models.backend import Advance, Backend
from biasaudit.models.cache import cache_identity
from biasaudit.models.likelihood import (
    Encoded,
    distinct_of,
    encode_all,
    from_cache,
    identity_of,
    response_to,
    token_ends_all,
    within,
)
from biasaudit.types import Ability, ModelFingerprint, Request, Response, ScoringFacts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.child.scorer import Scorer
    from biasaudit.models.text.beginning import Beginning

CAN: Final = frozenset({Ability.LIKELIHOOD, Ability.TOKEN_ENDS})

BATCH_TOKENS: Final = {"cpu": 4096, "cuda": 65_536}
"""Tokens of a batch, which is what an interruption loses; the engine divides it further."""


@dataclass(slots=True, kw_only=True)
class VllmModel(Backend):
    """A checkpoint that answers from another program.

    Attributes
    ----------
    fingerprint : ModelFingerprint
    tokenizer : of transformers
        Ours: what is scored are the tokens that a model in this process would score.
    beginning : Beginning
    scorer : Scorer
    limit, n_ids : int or None
        Tokens of the longest text, and those that the weights have a row for.
    cache : ResponseCache or None
    batch_tokens : int
    """

    fingerprint: ModelFingerprint
    tokenizer: PreTrainedTokenizerBase
    beginning: Beginning
    scorer: Scorer
    limit: int | None
    n_ids: int | None
    cache: ResponseCache | None
    batch_tokens: int
    _computed_any: bool = field(default=False, init=False)

    @property
    def can(self) -> frozenset[Ability]:
        """Likelihood, and where its tokens end."""
        return CAN

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Answer through the cache, and ask the engine for the rest.

        Raises
        ------
        EngineError
            If it does not start, dies, hangs, or does not answer rightly; what was answered before is kept.
        """
        self._computed_any = False
        encoded = within(
            encode_all(self.tokenizer, distinct_of(requests), beginning=self.beginning),
            limit=self.limit,
            n_ids=self.n_ids,
        )
        return from_cache(
            requests,
            encoded,
            model_id=identity_of(cache_identity(self.fingerprint), self.tokenizer, self.beginning),
            cache=self.cache,
            computed=self._computed,
            on_progress=on_progress,
        )

    @property
    def scoring(self) -> ScoringFacts | None:
        """None where the cache had every answer."""
        if not self._computed_any:
            return None
        return ScoringFacts(
            path="engine",
            reason="whole, cut short, with more given and asked again agree",
            largest_difference_nats=self.scorer.largest_difference_nats,
            batch_tokens=self.batch_tokens,
            pack_nodes=None,
        )

    @property
    def unknown_id(self) -> int | None:
        """Of the tokenizer."""
        found = self.tokenizer.unk_token_id
        return found if isinstance(found, int) else None

    def token_ends(self, scored: Sequence[tuple[Request, Sequence[int]]]) -> list[list[int] | None]:
        """Return where the tokens of each continuation end; None where they cannot be told apart."""
        return token_ends_all(self.tokenizer, scored)

    def _computed(self, pending: Sequence[Encoded]) -> Iterator[tuple[list[tuple[str, Response]], int]]:
        sequences = [((*one.context_ids, *one.continuation_ids), len(one.context_ids)) for one in pending]
        for places, found in self.scorer.scored(sequences, self.batch_tokens):
            self._computed_any = True
            yield (
                [
                    (pending[place].scored_key, response_to(pending[place], values))
                    for place, values in zip(places, found, strict=True)
                ],
                sum(len(sequences[place][0]) for place in places),
            )
