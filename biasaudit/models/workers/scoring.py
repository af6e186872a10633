"""Log-probabilities of continuations by several workers: all requests in, responses in their order out.

As :func:`biasaudit.models.likelihood.score` does it in one process: the same tokens, the same cache, the same failures.
Only the coordinator writes, whole batches at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from biasaudit.errors import WorkerError
from biasaudit.models.cache import cache_identity
from biasaudit.models.engine.check_packs import TOLERANCES_NATS
from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.likelihood import Encoded, believed, encoded_within, identity_of, response_to
from biasaudit.models.shards.cut import cut
from biasaudit.models.workers.coordinator import Answered
from biasaudit.types import Failed, Request, Response, Scored

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.models.workers.coordinator import Coordinator

AGREE_NATS: Final = 1e-5
"""Largest difference of two float32 log-probabilities of one token in one run, which runs the same packs, in nats."""

_OTHER_RUN: Final = "another run"


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Responses as they come; the first one to a request stays.

    Attributes
    ----------
    cache : ResponseCache or None
    identity : str
        Under which the cache keeps them.
    dtype : str
        Of the computation: of the shorter formats the last bits are worth more. Another run may have had other packs,
        which may differ by as much as packed and plain may (:mod:`biasaudit.models.engine.check_packs`).
    """

    cache: ResponseCache | None
    identity: str
    dtype: str
    _of: dict[str, Response] = field(default_factory=dict, init=False)
    _by: dict[str, str] = field(default_factory=dict, init=False)

    def enter(self, worker: str, responses: Sequence[Response]) -> dict[str, Response]:
        """Keep responses in one transaction, and return what now stands for each key.

        Parameters
        ----------
        worker : str
            Who found them.
        responses : sequence of Response

        Raises
        ------
        WorkerError
            If one is there already with other values, with who found either.
        """
        new = []
        for response in responses:
            if response.key in self._of:
                self._agree(self._of[response.key], response, (self._by[response.key], worker))
            else:
                new.append(response)
        before = {} if self.cache is None or not new else self.cache.add(self.identity, new)
        for response in new:
            stands = before.get(response.key, response)
            self._agree(stands, response, (_OTHER_RUN, worker))
            self._of[response.key], self._by[response.key] = stands, worker
        return {response.key: self._of[response.key] for response in responses}

    def _agree(self, first: Response, second: Response, who: tuple[str, str]) -> None:
        """Raise if two responses to one request are not the same but for the last bits."""
        if first == second:
            return
        how = "other tokens, or no number of one of them"
        if isinstance(first, Scored) and isinstance(second, Scored) and first.token_ids == second.token_ids:
            pairs = zip(first.token_logprobs_nats, second.token_logprobs_nats, strict=True)
            apart = max(abs(one - other) for one, other in pairs)
            exact = self.dtype == "float32" and who[0] != _OTHER_RUN
            if apart <= (AGREE_NATS if exact else TOLERANCES_NATS[self.dtype]):
                return
            how = f"{apart:.3g} nats apart"
        raise WorkerError(
            f"{who[0]} and {who[1]} gave different answers to one request ({first.key[:16]}): {how}.",
            fix="One of the two computes wrong, or holds other files; nothing was overwritten.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOut:
    """One checkpoint that several workers hold.

    Attributes
    ----------
    checkpoint : str
    coordinator : Coordinator
    tokenizer, beginning
        As the coordinator reads texts; fingerprints say that the workers have the same files.
    cache : ResponseCache or None
    """

    checkpoint: str
    coordinator: Coordinator
    tokenizer: PreTrainedTokenizerBase
    beginning: Beginning
    cache: ResponseCache | None

    def responses(
        self, requests: Sequence[Request], *, on_progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Response]:
        """Yield the response to each request, in the order of `requests`.

        Shards are cut from all of them, kept ones too, so that a run that goes on cuts as the one before it did; of
        each shard what is not kept is asked.

        Parameters
        ----------
        requests : sequence of Request
        on_progress : callable, optional
            Called with the number of distinct requests done by now and the tokens computed for them.

        Raises
        ------
        WorkerError
        """
        facts = self.coordinator.facts(self.checkpoint)
        encoded = encoded_within(
            self.tokenizer,
            list({request.key: request for request in requests}.values()),
            beginning=self.beginning,
            limit=facts.max_length,
            n_ids=facts.n_ids,
        )
        done: dict[str, Response] = {key: one for key, one in encoded.items() if isinstance(one, Failed)}
        texts = [one for one in encoded.values() if isinstance(one, Encoded)]
        identity = identity_of(cache_identity(facts.fingerprint), self.tokenizer, self.beginning)
        if self.cache is not None:
            done.update(believed(self.cache.found(identity, {one.scored_key for one in texts}), texts))
        if on_progress:
            on_progress(len(done), 0)
        ledger = Ledger(cache=self.cache, identity=identity, dtype=facts.fingerprint.dtype)
        for found, n_tokens in self._computed(texts, done, ledger):
            done.update(found)
            if on_progress:
                on_progress(len(found), n_tokens)
        for request in requests:
            yield done[request.key]

    def _computed(
        self, texts: Sequence[Encoded], done: Mapping[str, Response], ledger: Ledger
    ) -> Iterator[tuple[dict[str, Response], int]]:
        """Yield, batch by batch, request -> response and the tokens computed."""
        asking: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[Encoded]] = {}
        for one in texts:
            asking.setdefault((one.scored_key, one.context_ids, one.continuation_ids), []).append(one)
        # By content: the order of the requests decides nothing, and texts that are scored alike are scored once.
        units = [asking[content] for content in sorted(asking)]
        sequences = [
            TokenSequence((*unit[0].context_ids, *unit[0].continuation_ids), len(unit[0].context_ids)) for unit in units
        ]
        pending = {place for place, unit in enumerate(units) if any(one.key not in done for one in unit)}
        if not pending:
            return
        groups = [[place for place in shard.members if place in pending] for shard in cut(sequences).shards]
        longest = max(len(one.token_ids) for one in sequences)
        events = self.coordinator.scored(
            self.checkpoint, sequences, [group for group in groups if group], longest=longest
        )
        for event in events:
            if isinstance(event, Answered):
                firsts = [
                    replace(response_to(units[place][0], values), key=units[place][0].scored_key)
                    for place, values in event.rows
                ]
                stands = ledger.enter(event.worker, firsts)
                found = {
                    one.key: replace(stands[one.scored_key], key=one.key)
                    for place, _ in event.rows
                    for one in units[place]
                    if one.key not in done
                }
                yield found, event.n_tokens
            else:
                # Not kept: the next run asks again, maybe on a machine with more memory.
                yield {one.key: Failed(key=one.key, reason=event.reason) for one in units[event.position]}, 0
