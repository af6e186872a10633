"""What an adapter was trained on, held against its card: the records, and the weights that were kept on the way."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from biasaudit.align.card import TrainingCard
from biasaudit.align.folder import CARD, CHECKPOINTS
from biasaudit.align.instructions import InstructionFile, read_instructions
from biasaudit.errors import TrainingDataError
from biasaudit.models.training_card import read_training
from biasaudit.plain_files import json_value, lines_of, plain_bytes, plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from biasaudit.models import Located

GROUP_FIELDS: Final = ("group", "source", "category")
"""Fields of a record that say where it comes from; the first that is there is taken."""
ATTRIBUTED: Final = ("sft",)
"""Methods whose loss is known here."""

_AGAIN: Final = "Train it again, into another folder: `biasaudit align sft ... --keep-checkpoints 3`."
_CARD_FIX: Final = "Name an adapter that `biasaudit align sft` made, with all that it wrote into the folder."
_MOST_CARD: Final = 32 * 1024 * 1024
_MOST_WEIGHTS: Final = 16 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The adapter after some updates.

    Attributes
    ----------
    step : int
    learning_rate : float
        Mean of the updates since the checkpoint before.
    weights : mapping of str to Tensor
        By their names in the adapter.
    """

    step: int
    learning_rate: float
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """What a training had, and what is left of its way.

    Attributes
    ----------
    card : TrainingCard
    records : InstructionFile
    checkpoints : tuple of Checkpoint
        By updates made.
    """

    card: TrainingCard
    records: InstructionFile
    checkpoints: tuple[Checkpoint, ...]


def trained_on(located: Located, data: Path) -> TrainedOn:
    """Read what an adapter was trained on.

    Parameters
    ----------
    located : Located
        A base with an adapter on it.
    data : Path
        The file that it was trained on.

    Raises
    ------
    TrainingDataError
        If there is no adapter, no card that can be believed, another method, base or file, or nothing that was kept.
    InstructionError
        If the file cannot be read as instructions.
    """
    folder = located.adapter_folder
    if folder is None:
        raise TrainingDataError(
            f"{located.spec.reference!r} is no adapter on a base: which data it was trained on is not known.",
            fix=_CARD_FIX,
        )
    card = _card(folder)
    if card.method not in ATTRIBUTED:
        raise TrainingDataError(
            f"the adapter {folder.name!r} was trained by {card.method!r}; records are told apart in adapters by: "
            f"{', '.join(ATTRIBUTED)}.",
            fix="Ask for it of an adapter by one of these.",
        )
    if card.identity.get("base_weights") != located.weights:
        raise TrainingDataError(
            f"the adapter {folder.name!r} was trained on another base: its card names other weights.",
            fix="Name the base that it was trained on.",
        )
    return TrainedOn(card=card, records=_records(card, data, folder), checkpoints=_checkpoints(card, folder))


def groups_of(data: Path, field: str | None) -> tuple[str | None, dict[int, str]]:
    """Return which field says where records come from, and what it says, by line.

    Parameters
    ----------
    data : Path
        A file that was read as instructions.
    field : str or None
        None takes the first of `GROUP_FIELDS` that any record has as a text.

    Raises
    ------
    TrainingDataError
        If a field was named that no record has as a text.
    """
    text = plain_text(data, error=TrainingDataError, fix="Name the file of the training.")
    rows = {number: json_value(line) for number, line in lines_of(text) if line.strip()}
    for name in GROUP_FIELDS if field is None else (field,):
        found = {line: row[name] for line, row in rows.items() if isinstance(row.get(name), str) and row[name].strip()}
        if found:
            return name, found
    if field is not None:
        raise TrainingDataError(
            f"no record of {data.name} has a text in the field {field!r}.", fix="Name a field of its records."
        )
    return None, {}


def _card(folder: Path) -> TrainingCard:
    told = read_training(folder)
    if told.unknown:
        raise TrainingDataError(
            f"what the adapter {folder.name!r} was trained on is not known: {told.unknown}.", fix=_CARD_FIX
        )
    content: Any = json_value(plain_text(folder / CARD, error=TrainingDataError, fix=_CARD_FIX, at_most=_MOST_CARD))
    try:
        return TrainingCard.from_dict(content)
    except (KeyError, TypeError, ValueError) as exc:
        raise TrainingDataError(f"{CARD} of {folder.name!r} is no whole training card: {exc}.", fix=_CARD_FIX) from exc


def _records(card: TrainingCard, data: Path, folder: Path) -> InstructionFile:
    found = read_instructions(data)
    if found.sha256 != card.identity.get("instructions_sha256"):
        raise TrainingDataError(
            f"{data} is not the file that the adapter {folder.name!r} was trained on: its hash is another than the "
            "training card has.",
            fix=f"Name that file as it was then; its name was {str(card.instructions.get('file'))[:200]!r}.",
        )
    return found


def _checkpoints(card: TrainingCard, folder: Path) -> tuple[Checkpoint, ...]:
    noted = card.checkpoints
    if not noted:
        raise TrainingDataError(
            f"the training of the adapter {folder.name!r} kept no weights on its way, without which no record can be "
            "told apart.",
            fix=_AGAIN,
        )
    path = folder / CHECKPOINTS
    content = plain_bytes(path, error=TrainingDataError, fix=_AGAIN, at_most=_MOST_WEIGHTS)
    if hashlib.sha256(content).hexdigest() != noted.get("sha256"):
        raise TrainingDataError(f"{path} was altered: its hash is not the one on the training card.", fix=_AGAIN)
    steps, rates = _numbers(noted.get("steps")), _numbers(noted.get("learning_rates"))
    if not steps or len(steps) != len(rates):
        raise TrainingDataError(f"{CARD} of {folder.name!r} does not say which checkpoints were kept.", fix=_AGAIN)
    found = _by_step(content, path)
    if {str(int(one)) for one in steps} != set(found):
        raise TrainingDataError(f"{path} does not hold the checkpoints that the training card names.", fix=_AGAIN)
    return tuple(
        Checkpoint(step=int(step), learning_rate=float(rate), weights=found[str(int(step))])
        for step, rate in sorted(zip(steps, rates, strict=True))
    )


def _numbers(values: object) -> list[float]:
    """Return the numbers of a list; none where something else is among them."""
    listed = values if isinstance(values, list) else []
    whole = all(isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one) for one in listed)
    return [float(one) for one in listed] if whole else []


def _by_step(content: bytes, path: Path) -> dict[str, dict[str, Tensor]]:
    import safetensors.torch  # noqa: PLC0415  # imports torch
    from safetensors import SafetensorError  # noqa: PLC0415

    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as exc:
        raise TrainingDataError(f"{path} is not a whole safetensors file: {exc}.", fix=_AGAIN) from exc
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        step, _, own = name.partition("/")
        found.setdefault(step, {})[own] = tensor
    return found
