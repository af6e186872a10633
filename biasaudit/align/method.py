"""What a tuning method is to the rest of the room: one object, which owns all that its method needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from biasaudit.align.card import CardWords, Curve, TrainingCard
from biasaudit.align.overlap import Line
from biasaudit.align.settings import Settings
from biasaudit.align.trained import TrainedWords

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from biasaudit.models import Located
    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.types.progress import Progress

Chosen = TypeVar("Chosen", bound=Settings)
"""The method's settings."""

Content = TypeVar("Content")
"""What is read from its data."""

Rows = TypeVar("Rows")
"""What becomes of it for one base, and is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[Content]):
    """Data as they were read, before any model is looked for.

    Attributes
    ----------
    content : object
    identity : mapping
        What of the data the adapter depends on, as JSON values: hashes by name.
    licence : str or None
        As stated beside the data.
    lines : tuple of Line
        The texts that are trained on, to be compared with the probes; none where the method makes them itself.
    trained : TrainedWords or None
        Of data that are contrasts: what an audit compares its probes with, on the card as ``trained``.
    """

    content: Content
    identity: Mapping[str, object]
    licence: str | None = None
    lines: tuple[Line, ...] = ()
    trained: TrainedWords | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The base before its weights are read.

    Attributes
    ----------
    located : Located
    tokenizer : of transformers
    template : str or None
        None only where the method needs none.
    """

    located: Located
    tokenizer: PreTrainedTokenizerBase
    template: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material(Generic[Rows]):
    """What is trained on.

    Attributes
    ----------
    rows : object
    facts : mapping
        What the training card says of the data, as JSON values.
    end_of_turn : str or None
        The text that the model learns to stop with, where the method teaches one.
    """

    rows: Rows
    facts: Mapping[str, object]
    end_of_turn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[Chosen, Rows]):
    """A training that can begin, or go on.

    Attributes
    ----------
    loaded : LoadedModel
        The base; it is changed.
    rows : object
        Of the :class:`Material`.
    settings : Settings
        With the device and the dtype that they come to on this machine.
    base_name : str
    base_revision : str or None
        How the adapter names its base.
    work : Path
        For checkpoints, by :mod:`biasaudit.align.folder`.
    progress : Progress
    """

    loaded: LoadedModel
    rows: Rows
    settings: Chosen
    base_name: str
    base_revision: str | None
    work: Path
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The adapter's weights after some updates.

    Attributes
    ----------
    content : bytes
        Of one safetensors file, in bfloat16; each tensor is named by its update, a slash, and its name in the adapter.
    steps : tuple of int
        Updates made, rising.
    learning_rates : tuple of float
        Of each, the mean learning rate of the updates since the one before.
    """

    content: bytes
    steps: tuple[int, ...]
    learning_rates: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training gave.

    Attributes
    ----------
    weights : bytes
        Content of ``adapter_model.safetensors``, in bfloat16.
    config : bytes
        Content of ``adapter_config.json``; equal trainings give equal bytes.
    n_weights : int
    target_modules : tuple of str
        Last parts of the names of the layers that the adapter changes, sorted.
    loss_nats : tuple of (int, float)
        Update, from 1, and the mean loss of its tokens before it, in nats per token.
    seconds : float
        Time of training, without what was lost to interruptions.
    facts, curves : mapping
        What else the card is to say, as its own.
    checkpoints : Checkpoints or None
        What was kept on the way.
    """

    weights: bytes
    config: bytes
    n_weights: int
    target_modules: tuple[str, ...]
    loss_nats: Curve
    seconds: float
    facts: Mapping[str, object] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    checkpoints: Checkpoints | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Generic[Chosen, Content, Rows]):
    """A way to tune.

    Everything that methods have in common is done by :func:`biasaudit.align.run.run`: the base, its tokenizer and
    template, the folder with identity and checkpoints, the card. Functions of a method import torch when they are
    called, never with its module.

    Attributes
    ----------
    name : str
        As on the command line and on the card.
    summary : str
        One sentence: the help of its command.
    recipe : int or str
        What the settings mean, in the identity of an adapter: another recipe is another training. ``NAME-VERSION``;
        the recipe of ``sft``, which was alone once, is a number.
    settings : type
        Made from :class:`biasaudit.align.settings.Settings`; the options of its command.
    data : str
        The help of the option ``--data``: what the file holds.
    read : callable
        From the path of the data, or None, and the settings to what is given.
    prepare : callable
        From what is given, the base and the settings to what is trained on; refuses what cannot be used.
    train : callable
        From the job to a finished adapter. It goes on from the last checkpoint: by
        :func:`biasaudit.align.training.run_trainer` with a trainer of trl or transformers, or by
        :func:`biasaudit.align.training.run_loop` with updates of its own.
    says : CardWords
        What the model card says of the method.
    told : callable
        From the card to the lines that are printed when the adapter is finished.
    needs_data, needs_template : bool
        Whether there is no training without a file of data, or without a chat template.
    needs : tuple of str
        Libraries of the extra ``align``; their versions are on the card.
    """

    name: str
    summary: str
    recipe: int | str
    settings: type[Chosen]
    data: str
    read: Callable[[Path | None, Chosen], Given[Content]]
    prepare: Callable[[Given[Content], Base, Chosen], Material[Rows]]
    train: Callable[[Job[Chosen, Rows]], Trained]
    says: CardWords
    told: Callable[[TrainingCard], tuple[str, ...]]
    needs_data: bool = True
    needs_template: bool = True
    needs: tuple[str, ...] = ("trl", "accelerate")
