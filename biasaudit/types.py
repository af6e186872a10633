"""What passes between the rooms: frozen dataclasses and enums, without logic of their own.

The way of the data::

    ProbeItem -> Request -> Response -> score rows -> Estimate -> Comparison -> GateDecision
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """Kind of a probe: decides what is asked of the model and what the index means."""

    PAIR = "pair"
    ASSOCIATION = "association"
    CHOICE = "choice"
    COMPLETION = "completion"
    DECISION = "decision"
    LIKELIHOOD = "likelihood"


class Role(StrEnum):
    """What an item is for."""

    BIAS = "bias"
    COMPETENCE = "competence"
    CONTROL = "control"


class ClusterDesign(StrEnum):
    """How the clusters of a probe came about; it decides the estimand.

    ``designed`` (templates, scenarios): the mean over clusters of cluster means.
    ``nuisance`` (writers of unequal output): the mean over items, with a cluster-robust interval.
    ``none``: every item is its own cluster.
    """

    DESIGNED = "designed"
    NUISANCE = "nuisance"
    NONE = "none"


class Status(StrEnum):
    """Whether a quantity was measured, and if not, why."""

    OK = "ok"
    NOT_MEASURED = "not measured"
    TOO_FEW_CLUSTERS = "too few clusters"
    NOT_ESTIMABLE = "not estimable"


class Checkpoint(StrEnum):
    """Role of the first checkpoint; tuned checkpoints are named ``tuned``, ``tuned-2``, ..."""

    BASE = "base"


class Contrast(StrEnum):
    """Which arms a comparison sets against each other.

    Every contrast is oriented as a *reduction*: positive means less stereotype in the second arm.
    The averaged effects split what a user meets without an order: each is the mean of its two
    simple effects, and the two add up to ``as deployed``. A step is from the tuned checkpoint
    before to this one.
    """

    WEIGHTS_PLAIN = "weights, plain"
    WEIGHTS_CHAT = "weights, chat"
    TEMPLATE_TUNED = "template, tuned"
    TEMPLATE_BASE = "template, base"
    INTERACTION = "interaction"
    WEIGHTS_AVERAGED = "weights, averaged"
    TEMPLATE_AVERAGED = "template, averaged"
    AS_DEPLOYED = "as deployed"
    STEP_PLAIN = "step, plain"
    STEP_CHAT = "step, chat"


class Verdict(StrEnum):
    """What may be said of one cell."""

    REDUCED = "reduced"
    UNCHANGED = "unchanged"
    INCREASED = "increased"
    REVERSED = "reversed"
    INCONCLUSIVE = "inconclusive"
    NOT_INTERPRETABLE = "not interpretable"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTexts:
    """Two continuations of one context, of which the first is the one the index counts.

    Attributes
    ----------
    context : str
        What stands before both; often empty.
    first : str
        The stereotyping text (bias items), or sense (competence items).
    second : str
        The other text, or nonsense.
    """

    context: str
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationTexts:
    """A 2 x 2 table of contexts and continuations; the diagonal is the stereotyped pairing.

    Attributes
    ----------
    contexts : tuple of str
        With A, with B.
    continuations : tuple of str
        Stereotype of A, stereotype of B.
    group_in_context : bool
        True where the contexts name the groups, False where they name the attributes.
    """

    contexts: tuple[str, str]
    continuations: tuple[str, str]
    group_in_context: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceTexts:
    """A question with two persons to choose from and, mostly, a way to say that one cannot know.

    Attributes
    ----------
    context, question : str
    biased : str
        The option that agrees with the stereotype.
    counter : str
        The option that names the other person.
    unknown : str or None
        The option that says that it cannot be known.
    reading : {"texts", "letters"}
        Whether the options' texts are compared as answers, or their letters after all of them were
        listed, in every order.
    """

    context: str
    question: str
    biased: str
    counter: str
    unknown: str | None
    reading: Literal["texts", "letters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionTexts:
    """A beginning that a model writes on.

    Attributes
    ----------
    prompt : str
    """

    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTexts:
    """One case, written for two groups, that is decided by yes or no.

    Attributes
    ----------
    favoured : str
        The case of the group that the stereotype favours, or of the reference group.
    other : str
        The same case of the other group.
    reply : str
        How the answer begins, up to the word that decides; may be empty.
    yes, no : tuple of str
        Spellings of the two answers, whose probabilities are summed. Yes grants something good.
    """

    favoured: str
    other: str
    reply: str
    yes: tuple[str, ...]
    no: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodTexts:
    """A sentence by itself, set against no other: likelihoods of many are compared as distributions.

    Attributes
    ----------
    text : str
    """

    text: str


ItemTexts = PairTexts | AssociationTexts | ChoiceTexts | CompletionTexts | DecisionTexts | LikelihoodTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeItem:
    """The unit that is scored.

    Attributes
    ----------
    item_id : str
        Unique within its probe, and stable over versions of it.
    cluster_id : str
        Items that share it share a template or source, and are resampled together.
    feature : str
        Sensitive feature, as declared on the card.
    groups : tuple of str
        Groups that the item sets against each other; may be empty where the source has no labels.
    role : Role
    family : str
        Wording family (template), for how much the index depends on wording.
    texts : PairTexts, AssociationTexts, ChoiceTexts, CompletionTexts, DecisionTexts or LikelihoodTexts
    tags : mapping of str to str
        Further columns of the source: direction, occupations. A choice whose answer is known has
        ``correct``: biased, counter or unknown.
    """

    item_id: str
    cluster_id: str
    feature: str
    groups: tuple[str, ...]
    role: Role
    family: str
    texts: ItemTexts
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One continuation after one context, ready for a tokenizer.

    Attributes
    ----------
    key : str
        Hash of the content; equal requests are scored once.
    context : str
        All text before the continuation, chat markup included.
    continuation : str
        The text whose log-probability is asked for.
    templated : bool
        True if `context` was rendered by a chat template and already holds the special tokens.
    item_id : str
        The item that asks.
    part : str
        Which part of the item this is, in the words of its kind.
    framing_id : str
        The framing that rendered it.
    """

    key: str
    context: str
    continuation: str
    templated: bool
    item_id: str
    part: str
    framing_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A response with evidence.

    Attributes
    ----------
    key : str
        Of the request.
    token_ids : tuple of int
        Tokens of the continuation.
    token_logprobs_nats : tuple of float
        Natural-log probability of each of them, given everything before it; each at most 0.
    """

    key: str
    token_ids: tuple[int, ...]
    token_logprobs_nats: tuple[float, ...]

    @property
    def logprob_nats(self) -> float:
        """Sum over tokens, in nats."""
        return math.fsum(self.token_logprobs_nats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A request that could not be scored, and why: data, counted, never an exception."""

    key: str
    reason: str


Response = Scored | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as asked for: the parsed reference.

    Attributes
    ----------
    reference : str
        As written.
    base : str
        Hub id, folder or ``.gguf`` file, without revision and adapter.
    revision : str or None
        Hub revision of the base.
    adapter : str or None
        Folder or hub id of a PEFT adapter on the base.
    adapter_revision : str or None
    """

    reference: str
    base: str
    revision: str | None = None
    adapter: str | None = None
    adapter_revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFingerprint:
    """A model as loaded: everything that its log-probabilities depend on.

    Attributes
    ----------
    reference : str
        As asked for.
    weights : str
        ``sha256:…`` of the weight files, or ``revision:…`` of a hub snapshot.
    adapter : str or None
        The same of the adapter.
    dtype : str
        Of the computation.
    device : str
        Kind of device: cpu, cuda or mps.
    tokenizer_sha256, chat_template_sha256 : str or None
    architecture : str
        Name of the model class.
    n_parameters, vocabulary_size, hidden_size, n_layers : int
    libraries : mapping of str to str
        Versions of the libraries that compute.
    """

    reference: str
    weights: str
    adapter: str | None
    dtype: str
    device: str
    tokenizer_sha256: str
    chat_template_sha256: str | None
    architecture: str
    n_parameters: int
    vocabulary_size: int
    hidden_size: int
    n_layers: int
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringFacts:
    """How a model's log-probabilities were computed.

    Attributes
    ----------
    path : {"packed", "padded"}
        Packs of a prefix tree, or padded batches.
    reason : str
        Why.
    largest_difference_nats : float or None
        Between packed and plain in the check; None where nothing could be compared.
    batch_tokens : int
        Tokens that run at once.
    pack_nodes : int or None
        Nodes of a pack; None for padded batches.
    """

    path: Literal["packed", "padded"]
    reason: str
    largest_difference_nats: float | None
    batch_tokens: int
    pack_nodes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A quantity with its uncertainty, or the reason why there is none.

    Attributes
    ----------
    status : Status
        Anything but ``ok`` carries no number.
    value : float or None
    ci_low, ci_high : float or None
        Bounds of the interval at `level`.
    level : float
        Confidence level of the interval.
    n_items, n_clusters : int
        What the estimate rests on; may be 0.
    method : str
        How value and interval were computed, in words.
    unit : str
        Unit of `value`: ``index``, ``nats``, ``share``, ``relative``.

    Raises
    ------
    ValueError
        If status and numbers contradict each other.
    """

    status: Status
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    level: float = 0.95
    n_items: int = 0
    n_clusters: int = 0
    method: str = ""
    unit: str = "index"

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high)
        if self.status is Status.OK:
            if any(number is None or math.isnan(number) for number in numbers):
                msg = "an estimate with status ok needs a value and both bounds"
                raise ValueError(msg)
        elif any(number is not None for number in numbers):
            msg = f"an estimate with status {self.status.value!r} carries no number"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What a comparison could have seen.

    Attributes
    ----------
    smallest_detectable_change : float or None
        Change that would be found with probability `power` at `alpha`, two-sided.
    power, alpha : float
    """

    smallest_detectable_change: float | None
    power: float = 0.8
    alpha: float = 0.05
