"""What passes between the coordinator and its workers. All of it can be pickled, and none of it holds weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from biasaudit.models.engine.tree import TokenSequence
from biasaudit.models.local.loading import Dtype
from biasaudit.models.text.beginning import Beginning
from biasaudit.types import ModelFingerprint, ScoringFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is told once.

    Attributes
    ----------
    references : mapping
        Checkpoint -> reference; the worker finds the files itself, and hashes them.
    beginnings : mapping
        Checkpoint -> what stands before its texts, for its fingerprint.
    dtype, device, trust_remote_code, batch_tokens
        See :class:`biasaudit.models.backend.Settings`.
    n_threads : int
        Of torch, in each worker.
    """

    references: Mapping[str, str]
    beginnings: Mapping[str, Beginning]
    dtype: Dtype
    device: str | None
    trust_remote_code: bool
    batch_tokens: int | None
    n_threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Load a checkpoint."""

    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Score sequences.

    Attributes
    ----------
    checkpoint : str
    sequences : tuple of TokenSequence
        In sorted order.
    longest : int
        Tokens of the longest sequence of all tasks.
    """

    checkpoint: str
    sequences: tuple[TokenSequence, ...]
    longest: int


Asked: TypeAlias = Open | Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a worker has loaded.

    Attributes
    ----------
    fingerprint : ModelFingerprint
    n_ids : int
        Tokens that its weights have a row for.
    max_length : int or None
        Longest sequence in tokens.
    unknown_id : int or None
        Of the tokenizer.
    said : tuple of str
        What the libraries said while it was loaded.
    """

    fingerprint: ModelFingerprint
    n_ids: int
    max_length: int | None
    unknown_id: int | None
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has started and waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A worker has loaded a checkpoint."""

    checkpoint: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Begun:
    """A worker begins to score: from here on its death is laid to what it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What ran at once.

    Attributes
    ----------
    rows : tuple of (position among the task's sequences, log-probabilities in nats)
    n_tokens : int
        Computed for it.
    scoring : ScoringFacts or None
    """

    rows: tuple[tuple[int, tuple[float, ...]], ...]
    n_tokens: int
    scoring: ScoringFacts | None


@dataclass(frozen=True, slots=True)
class Done:
    """A worker has done what it was asked and waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """The memory did not suffice for one sequence of the task; the worker waits."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A worker cannot do what it was asked, nor would another."""

    message: str
    fix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A worker is gone; another is started in its place.

    Attributes
    ----------
    reason : str
    who : str
        Its name.
    started : bool
        Whether it had said that it is ready.
    signalled : bool
        Whether somebody ended it, the system for instance when the memory runs out.
    """

    reason: str
    who: str
    started: bool
    signalled: bool


Message: TypeAlias = Ready | Opened | Begun | Batch | Done | Short | Refused | Died
