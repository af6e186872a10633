"""What a way to reach models is to the rest of the house: it finds checkpoints, prepares them, and opens one by one.

Everything that an audit does with models goes through these objects, whoever answers: see docs/models.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from biasaudit.errors import BackendError
from biasaudit.framing import ChatFrame
from biasaudit.types import Ability, ModelFingerprint, Request, Response, Sampling, ScoringFacts
from biasaudit.types.search import Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from biasaudit.models.local.loading import Dtype
    from biasaudit.models.local.outlook import CheckpointForecast
    from biasaudit.models.local.placement import DeviceMap
    from biasaudit.models.local.quantized import Quantize
    from biasaudit.models.training_card import Training
    from biasaudit.types.components import Component, Patch, Swap
    from biasaudit.types.depth import Hybrid
    from biasaudit.types.insides import LayerStates, Paths

Say: TypeAlias = Callable[[str], None]
"""Told what takes long."""

Advance: TypeAlias = Callable[[int, int], None]
"""Told of distinct requests that are done by now, and of the tokens computed for them."""

LIBRARIES: Final = ("numpy", "scipy", "statsmodels", "pandas", "pyarrow")
"""What every audit computes with, whoever answers."""


class Backend(Protocol):
    """One checkpoint that answers. A class that inherits from it has what is optional."""

    @property
    def fingerprint(self) -> ModelFingerprint:
        """Everything that the answers depend on, for the manifest."""
        ...

    @property
    def can(self) -> frozenset[Ability]:
        """What it can be asked for."""
        ...

    def respond(self, requests: Sequence[Request], *, on_progress: Advance | None = None) -> Iterator[Response]:
        """Yield the response to each request, in the order of `requests`.

        Parameters
        ----------
        requests : sequence of Request
            Several may have one key: they ask for the same.
        on_progress : callable, optional
        """
        ...

    @property
    def scoring(self) -> ScoringFacts | None:
        """How the last requests were computed; None where there is nothing to say of it."""
        return None

    @property
    def unknown_id(self) -> int | None:
        """The token for what the tokenizer does not know; None where there is none."""
        return None

    def token_ends(self, scored: Sequence[tuple[Request, Sequence[int]]]) -> list[list[int] | None]:
        """Return where the tokens of each continuation end, in characters; asked of those that have token ends."""
        return [None] * len(scored)

    def words(self, *, at_most: int, given: Sequence[str] | None = None) -> tuple[Word, ...]:
        """Return words that may be put before a text, one token each; none where it has no tokenizer.

        Parameters
        ----------
        at_most : int
            Of its own vocabulary, the frequent ones first.
        given : sequence of str, optional
            Those of these instead, however many.
        """
        del at_most
        return tuple(Word(text=text, first_id=0, later_id=0) for text in dict.fromkeys(given or ()))

    def near(self, words: Sequence[Word], to: Sequence[str], *, each: int) -> frozenset[str]:
        """Return the words that it embeds nearest to each of some others; asked of those that have gradients."""
        del words, to, each
        return frozenset()

    def slopes(
        self,
        requests: Sequence[Request],
        weights: Mapping[str, float],
        *,
        prefix: Sequence[Word],
        words: Sequence[Word],
    ) -> NDArray[np.float64] | None:
        """Return what a weighted sum of log-probabilities would gain by other words in a prefix's places.

        Shape (n_prefix, n_words); None where it cannot be told. Asked of those that have gradients.
        """
        del requests, weights, prefix, words
        return None

    def took(self, n_tokens: int, seconds: float) -> None:
        """Hear how long the requests of an audit took, for the forecast of the next."""
        del n_tokens, seconds  # not every one forecasts


def answers(
    backend: Backend, requests: Sequence[Request], *, name: str, on_progress: Advance | None = None
) -> list[Response]:
    """Return the answer to each request, checked to be one for each and in their order.

    Parameters
    ----------
    backend : Backend
    requests : sequence of Request
    name : str
        Of the checkpoint, for the message.
    on_progress : callable, optional

    Raises
    ------
    BackendError
        If there are others: every item would have the answer to another one.
    """
    found = list(backend.respond(requests, on_progress=on_progress))
    if [answer.key for answer in found] != [request.key for request in requests]:
        raise BackendError(name, n_answers=len(found), n_asked=len(requests))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an audit asks of the models themselves; a way to reach them takes what means something to it.

    Attributes
    ----------
    chat : bool
        Whether a chat template is needed.
    chat_template, template_date, dtype, device, trust_remote_code, batch_tokens, allow_different_lineage
    allow_different_engines, quantize, device_map, concurrency, workers, ray, draws, seed
        See :class:`biasaudit.audits.plan.Plan`.
    """

    chat: bool = False
    chat_template: str | None = None
    template_date: str | None = None
    dtype: Dtype = "auto"
    device: str | None = None
    trust_remote_code: bool = False
    batch_tokens: int | None = None
    allow_different_lineage: bool = False
    allow_different_engines: bool = False
    quantize: Quantize | None = None
    device_map: DeviceMap | None = None
    concurrency: int | None = None
    workers: int | None = None
    ray: str | None = None
    draws: int | None = None
    seed: int = 0


def sampling_of(settings: Settings, *, n: int | None = None) -> Sampling | None:
    """Return how answers are drawn under these settings.

    Parameters
    ----------
    settings : Settings
    n : int, optional
        Draws where the settings name no number; None asks for log-probabilities then.

    Examples
    --------
    >>> sampling_of(Settings()) is None, sampling_of(Settings(draws=5)).n, sampling_of(Settings(), n=25).n
    (True, 5, 25)
    """
    wanted = settings.draws if settings.draws is not None else n
    return None if wanted is None else Sampling(n=wanted, seed=settings.seed)


class Inside(Protocol):
    """What the heads, the MLPs and the embeddings of a checkpoint write, and what comes of exchanging it."""

    @property
    def components(self) -> tuple[Component, ...]:
        """All of them, the embeddings first, then block by block."""
        ...

    def encoded(self, requests: Sequence[Request]) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return key -> tokens of context and continuation, as they are scored; what cannot be scored is not in it."""
        ...

    def odds(
        self, swaps: Sequence[Swap], patches: Sequence[Patch], *, seed: int, advance: Callable[[int], None]
    ) -> NDArray[np.float64]:
        """Return log p(first) - log p(second) after each context under each patch, shape (n_patches, n_swaps), nats."""
        ...

    def slopes(self, swaps: Sequence[Swap], *, advance: Callable[[int], None]) -> NDArray[np.float64]:
        """Return what putting in each component alone would change to first order, shape (n_swaps, n_components)."""
        ...


class Readable(Backend, Protocol):
    """A checkpoint that answers, and whose layers and words can be read."""

    def paths(self, tables: Sequence[Sequence[Request]]) -> Paths:
        """Return integrated gradients of tables; see :mod:`biasaudit.models.insides.gradients`."""
        ...

    def layers(self, tables: Sequence[Sequence[Request]]) -> LayerStates:
        """Return states where continuations part; see :mod:`biasaudit.models.insides.states`."""
        ...

    def lens(self, states: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what its own final norm and head make of states."""
        ...


class Exchange(Protocol):
    """Two checkpoints of which any part, from the embeddings to the head, can be the one's or the other's."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which a text goes through them."""
        ...

    def of_tuned(self, hybrid: Hybrid) -> frozenset[int]:
        """Return which parts of a hybrid are the tuned checkpoint's and differ from the base's.

        Hybrids of which that is the same are one model.
        """
        ...

    def opened(self, hybrid: Hybrid) -> AbstractContextManager[Readable]:
        """Open a hybrid; one at a time."""
        ...

    def inside(self, *, tuned: bool, donor_tuned: bool) -> Inside:
        """Look into one of the two, with activations of the one or the other to put in; while no hybrid is open.

        Raises
        ------
        PartsError
            If heads and MLPs cannot be told apart.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The checkpoints of an audit, with all that can be known of them before one is opened.

    Attributes
    ----------
    relations : mapping
        Tuned checkpoint -> how it relates to the base, in a sentence.
    opened : callable
        A context in which checkpoints are opened by name. What was opened before is asked no more once the next is.
    sentences : bool
        Whether each is asked for ordinary sentences first, and refused if shuffled words are as likely.
    chat : ChatFrame or None
        What the chat template puts around a turn; needed for the chat framing.
    told : tuple of str
        What a reader must hear of the checkpoints, a sentence each.
    same : mapping
        Checkpoint -> an earlier one that answers the same, so that it need not be asked for sentences.
    alike : frozenset of str
        Checkpoints of which `told` says that they hold an earlier one's weights.
    cache : Path or None
        Folder in which responses are kept as they come; None where they are not.
    timed : bool
        Whether the manifest notes when a run was, how long it took and how much memory: where it does not, it is the
        same each time.
    libraries : tuple of str
        Whose versions the manifest notes.
    trainings : mapping
        Tuned checkpoint -> what the training card beside it says; of those without one there may be none.
    forecast : callable or None
        From the requests to what each checkpoint takes, without opening it.
    exchange : callable or None
        From the name of a tuned checkpoint to a context in which its parts and the base's are exchanged; None where
        models that are reached this way have none to exchange.
    sampling : Sampling or None
        How answers are drawn; None where log-probabilities are asked.
    """

    relations: Mapping[str, str]
    opened: Callable[[Say], AbstractContextManager[Callable[[str], Backend]]]
    sentences: bool
    chat: ChatFrame | None = None
    told: tuple[str, ...] = ()
    same: Mapping[str, str] = field(default_factory=dict)
    alike: frozenset[str] = frozenset()
    cache: Path | None = None
    timed: bool = True
    libraries: tuple[str, ...] = LIBRARIES
    trainings: Mapping[str, Training] = field(default_factory=dict)
    forecast: Callable[[Sequence[Request]], Mapping[str, CheckpointForecast]] | None = None
    exchange: Callable[[str, Say], AbstractContextManager[Exchange]] | None = None
    sampling: Sampling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The checkpoints of an audit, found and not looked at closely.

    Attributes
    ----------
    prepared : callable
        Looks at them closely. Raises BiasauditError for what is wrong with them.
    differing : callable or None
        From the fingerprints of a manifest to what differs from these checkpoints, such as ``weights.base``. None
        where it cannot be known: a finished audit is then computed anew.
    """

    prepared: Callable[[], Prepared]
    differing: Callable[[Mapping[str, Mapping[str, Any]]], set[str]] | None = None  # Any: JSON values


def _anything(_: object) -> None:
    """Refuse nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to reach models.

    Attributes
    ----------
    name : str
    can : frozenset of Ability
        What models that are reached this way can be asked for, as far as it is known without one.
    recognises : callable
        Whether a reference is of this way; of no two ways is the same.
    locate : callable
        From checkpoint -> reference, the settings, and who is told what takes long. Raises BiasauditError for what is
        not there.
    parse : callable
        Raises ModelReferenceError for a reference of this way that means nothing.
    check : callable
        Raises UsageError for settings that cannot be met here.
    shares : bool
        Whether several workers can score its checkpoints.
    """

    name: str
    can: frozenset[Ability]
    recognises: Callable[[str], bool]
    locate: Callable[[Mapping[str, str], Settings, Say], Found]
    parse: Callable[[str], object] = _anything
    check: Callable[[Settings], None] = _anything
    shares: bool = False
