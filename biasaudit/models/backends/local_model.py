"""A loaded checkpoint of this machine as one that answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from biasaudit.models import speeds
from biasaudit.models.backend import Advance, Backend, Say, Settings
from biasaudit.models.drawing import write
from biasaudit.models.engine.slopes import nearest_words, word_slopes
from biasaudit.models.foreign import foreign_collected
from biasaudit.models.insides.gradients import path_attributions
from biasaudit.models.insides.states import layer_states, lens_log_odds
from biasaudit.models.likelihood import score, token_ends_all
from biasaudit.models.local.loading import ModelShelf
from biasaudit.models.text.words import given_words, single_words
from biasaudit.types import Ability, Generation, ModelFingerprint, Request, Response, ScoringFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.types.insides import LayerStates, Paths
    from biasaudit.types.search import Word

CAN: Final = frozenset({Ability.LIKELIHOOD, Ability.GENERATION, Ability.TOKEN_ENDS, Ability.GRADIENTS})


def _silent(_: str) -> None:
    """Say nothing."""


def shelf_for(settings: Settings, say: Say) -> ModelShelf:
    """Return an empty shelf that loads models as they are asked for."""
    return ModelShelf(
        dtype=settings.dtype,
        device=settings.device,
        trust_remote_code=settings.trust_remote_code,
        quantize=settings.quantize,
        device_map=settings.device_map,
        say=say,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel(Backend):
    """A loaded checkpoint that answers.

    Attributes
    ----------
    loaded : LoadedModel
    cache : ResponseCache or None
    batch_tokens : int or None
        Tokens that run at once; None chooses.
    say : callable
        Told what the libraries say.
    """

    loaded: LoadedModel
    cache: ResponseCache | None = None
    batch_tokens: int | None = None
    say: Say = _silent

    @property
    def fingerprint(self) -> ModelFingerprint:
        """Of the files, with what texts begin with in this audit."""
        beginning = self.loaded.beginning
        if beginning is None:
            return self.loaded.fingerprint
        return replace(self.loaded.fingerprint, beginning_token=beginning.token, beginning_id=beginning.token_id)

    @property
    def can(self) -> frozenset[Ability]:
        """Likelihood, where its tokens end, and what other words before a text would do."""
        return CAN

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Answer through cache and engine.

        See :func:`biasaudit.models.likelihood.score`, and of generations :func:`biasaudit.models.drawing.write`.

        Raises
        ------
        OutOfMemoryError
            If the memory does not suffice for a single request.
        """
        self.loaded.scoring = None  # of the requests before
        with foreign_collected(self.say):
            generations = [one for one in requests if isinstance(one, Generation)]
            if generations:
                written = write(self.loaded, generations, cache=self.cache, on_progress=on_progress)
                if len(generations) == len(requests):
                    return iter(list(written))
                return iter(self._both(requests, list(written), on_progress))
            found = score(
                self.loaded, requests, cache=self.cache, batch_tokens=self.batch_tokens, on_progress=on_progress
            )
            return iter(list(found))

    def _both(
        self, requests: Sequence[Request], written: Sequence[Response], on_progress: Advance | None
    ) -> list[Response]:
        plain = [one for one in requests if not isinstance(one, Generation)]
        scored = self.respond(plain, on_progress=on_progress)
        drawn = iter(written)
        return [next(drawn) if isinstance(one, Generation) else next(scored) for one in requests]

    @property
    def scoring(self) -> ScoringFacts | None:
        """None where the cache had every answer."""
        return self.loaded.scoring

    @property
    def unknown_id(self) -> int | None:
        """Of the tokenizer."""
        found = self.loaded.tokenizer.unk_token_id
        return found if isinstance(found, int) else None

    def token_ends(self, scored: Sequence[tuple[Request, Sequence[int]]]) -> list[list[int] | None]:
        """Return where the tokens of each continuation end; None where they cannot be told apart."""
        return token_ends_all(self.loaded.tokenizer, scored)

    def words(self, *, at_most: int, given: Sequence[str] | None = None) -> tuple[Word, ...]:
        """Return words of the tokenizer; see :mod:`biasaudit.models.text.words`."""
        if given is not None:
            return given_words(self.loaded.tokenizer, given)
        return single_words(self.loaded.tokenizer, at_most=at_most)

    def near(self, words: Sequence[Word], to: Sequence[str], *, each: int) -> frozenset[str]:
        """Return the words whose embeddings lie nearest."""
        return nearest_words(self.loaded, words, given_words(self.loaded.tokenizer, to), each=each)

    def slopes(
        self,
        requests: Sequence[Request],
        weights: Mapping[str, float],
        *,
        prefix: Sequence[Word],
        words: Sequence[Word],
    ) -> NDArray[np.float64] | None:
        """See :func:`biasaudit.models.engine.slopes.word_slopes`."""
        with foreign_collected(self.say):
            return word_slopes(self.loaded, requests, weights, prefix=prefix, words=words)

    def paths(self, tables: Sequence[Sequence[Request]]) -> Paths:
        """See :func:`biasaudit.models.insides.gradients.path_attributions`."""
        with foreign_collected(self.say):
            return path_attributions(self.loaded, tables)

    def layers(self, tables: Sequence[Sequence[Request]]) -> LayerStates:
        """See :func:`biasaudit.models.insides.states.layer_states`."""
        with foreign_collected(self.say):
            return layer_states(self.loaded, tables)

    def lens(self, states: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        """See :func:`biasaudit.models.insides.states.lens_log_odds`."""
        with foreign_collected(self.say):
            return lens_log_odds(self.loaded, states, targets)

    def took(self, n_tokens: int, seconds: float) -> None:
        """Remember how fast this machine scores such a model."""
        if n_tokens >= speeds.WORTH_REMEMBERING:
            model = self.loaded.fingerprint
            adapted = model.adapter is not None
            key = speeds.machine(model.n_parameters, dtype=model.dtype, device=model.device, adapted=adapted)
            speeds.remember(key, n_tokens / seconds)
