"""Local checkpoints that several workers score: on this machine in processes of their own, or on a cluster with Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.models import speeds
from biasaudit.models.backend import Advance, Backend, Say, Settings
from biasaudit.models.foreign import foreign_collected
from biasaudit.models.likelihood import token_ends_all
from biasaudit.models.local.loading import library_versions
from biasaudit.models.text.tokenizer import shared_tokenizer, text_files_sha256, tokenizer_sha256
from biasaudit.models.text.words import given_words, single_words
from biasaudit.models.workers.coordinator import Coordinator
from biasaudit.models.workers.messages import Facts, Job
from biasaudit.models.workers.processes import ProcessPool, threads_each
from biasaudit.models.workers.scoring import SharedOut
from biasaudit.types import Ability, ModelFingerprint, Request, Response, ScoringFacts

if TYPE_CHECKING:
    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.local.located import Located
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.models.workers.pool import Pool
    from biasaudit.types.search import Word

CAN: Final = frozenset({Ability.LIKELIHOOD, Ability.TOKEN_ENDS})
"""The weights are elsewhere: there are no gradients to be had of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedModel(Backend):
    """A checkpoint that workers hold.

    Attributes
    ----------
    facts : Facts
        What they have loaded.
    shared : SharedOut
    n_workers : int
    say : callable
    """

    facts: Facts
    shared: SharedOut
    n_workers: int
    say: Say

    @property
    def fingerprint(self) -> ModelFingerprint:
        """Of the files, as each worker read them."""
        return self.facts.fingerprint

    @property
    def can(self) -> frozenset[Ability]:
        """Likelihood, and where its tokens end."""
        return CAN

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Answer through cache and workers; see :class:`biasaudit.models.workers.scoring.SharedOut`.

        Raises
        ------
        WorkerError
            If workers cannot score, or two of them disagree.
        """
        self.shared.coordinator.scoring = None  # of the requests before
        with foreign_collected(self.say):
            return iter(list(self.shared.responses(requests, on_progress=on_progress)))

    @property
    def scoring(self) -> ScoringFacts | None:
        """How the workers computed; None where the cache had every answer."""
        return self.shared.coordinator.scoring

    @property
    def unknown_id(self) -> int | None:
        """Of the tokenizer."""
        return self.facts.unknown_id

    def token_ends(self, scored: Sequence[tuple[Request, Sequence[int]]]) -> list[list[int] | None]:
        """Return where the tokens of each continuation end; None where they cannot be told apart."""
        return token_ends_all(self.shared.tokenizer, scored)

    def words(self, *, at_most: int, given: Sequence[str] | None = None) -> tuple[Word, ...]:
        """Return words of the tokenizer; see :mod:`biasaudit.models.text.words`."""
        if given is not None:
            return given_words(self.shared.tokenizer, given)
        return single_words(self.shared.tokenizer, at_most=at_most)

    def took(self, n_tokens: int, seconds: float) -> None:
        """Remember how fast so many workers score such a model."""
        if n_tokens >= speeds.WORTH_REMEMBERING:
            model = self.facts.fingerprint
            key = speeds.machine(
                model.n_parameters, dtype=model.dtype, device=model.device, adapted=model.adapter is not None
            )
            speeds.remember(speeds.shared(key, self.n_workers), n_tokens / seconds)


@contextmanager
def shared_out(
    places: Mapping[str, Located],
    beginnings: Mapping[str, Beginning],
    settings: Settings,
    cache: ResponseCache | None,
    say: Say,
) -> Iterator[Callable[[str], SharedModel]]:
    """Start workers, and open checkpoints in all of them by name; they end with the block, however it ends.

    Parameters
    ----------
    places : mapping
        Checkpoint -> where its files lie.
    beginnings : mapping
        Checkpoint -> what stands before its texts.
    settings : Settings
        With `workers`.
    cache : ResponseCache or None
        Written here alone.
    say : callable

    Raises
    ------
    MissingExtraError
        If Ray is asked for and not installed.
    WorkerError
        If workers cannot start, or hold another model.
    """
    n_workers = settings.workers or 1
    expected = {name: _named(place) for name, place in places.items()}
    pool = _pool(places, beginnings, settings, n_workers)
    coordinator = Coordinator(pool, expected, say)

    def opened(name: str) -> SharedModel:
        shared = SharedOut(
            checkpoint=name,
            coordinator=coordinator,
            tokenizer=shared_tokenizer(places[name], trust_remote_code=settings.trust_remote_code),
            beginning=beginnings[name],
            cache=cache,
        )
        return SharedModel(facts=coordinator.facts(name), shared=shared, n_workers=n_workers, say=say)

    try:
        yield opened
    finally:
        pool.close()


def _pool(
    places: Mapping[str, Located], beginnings: Mapping[str, Beginning], settings: Settings, n_workers: int
) -> Pool:
    job = Job(
        references={name: place.spec.reference for name, place in places.items()},
        beginnings=dict(beginnings),
        dtype=settings.dtype,
        device=settings.device,
        trust_remote_code=settings.trust_remote_code,
        batch_tokens=settings.batch_tokens,
        n_threads=threads_each(n_workers),
    )
    if settings.ray is None:
        return ProcessPool(job, n_workers)
    from biasaudit.models.workers.ray_pool import RayPool  # noqa: PLC0415  # an extra

    return RayPool(job, n_workers, address=settings.ray)


def _named(place: Located) -> dict[str, object]:
    """Return what a worker's fingerprint must say if it has read the same files with the same libraries."""
    return {
        "reference": place.spec.reference,
        "weights": place.weights,
        "adapter": place.adapter,
        "tokenizer_sha256": tokenizer_sha256(place),
        "text_files_sha256": text_files_sha256(place),
        "libraries": library_versions(),
    }
