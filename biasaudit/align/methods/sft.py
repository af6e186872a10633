"""Supervised instruction tuning of a LoRA adapter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from biasaudit.align.card import CardWords, TrainingCard
from biasaudit.align.examples import Example, counted, learned_from
from biasaudit.align.instructions import InstructionFile, read_instructions
from biasaudit.align.method import Base, Given, Job, Material, Method, Trained
from biasaudit.align.order import training_order
from biasaudit.align.overlap import Line
from biasaudit.align.run import TunedAdapter, run
from biasaudit.align.settings import Settings, above_zero, at_least_one, described, require
from biasaudit.errors import InstructionError
from biasaudit.types.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class SftSettings(Settings):
    """Settings of supervised instruction tuning; the defaults are the recipe that was measured.

    AdamW without weight decay, gradients clipped at norm 1, LoRA without dropout on every linear
    layer but the output layer.

    Attributes
    ----------
    n_epochs : int
        How often each record is seen.
    learning_rate : float
        Its highest value, after the warm-up; it falls linearly to 0 at the last update.
    warmup_fraction : float
        In [0, 1): share of the updates in which the learning rate rises from 0.
    batch_size : int
        Records of one update.
    micro_batch_size : int or None
        Records computed at once, a divisor of `batch_size`; None takes the largest up to 4. Fewer
        need less memory; the update is the same up to rounding, because its loss is a mean over all
        of its tokens.
    keep_checkpoints : int
        After so many updates, evenly spaced, the last among them, the adapter's weights are kept beside the adapter:
        what single records did is asked of them. 0 keeps none.
    lora_rank, lora_alpha, max_length_tokens, seed, checkpoint_every_steps, dtype, device, trust_remote_code
        As of every method: :class:`biasaudit.align.settings.Settings`.

    Raises
    ------
    UsageError
        If a value lies outside of its range.

    Examples
    --------
    >>> SftSettings().lora_rank
    8
    >>> SftSettings(batch_size=8, micro_batch_size=2).records_at_once
    2
    """

    n_epochs: int = field(default=2, metadata=described("How often each record is seen.", option="epochs"))
    learning_rate: float = field(default=3e-4, metadata=described("Its highest value."))
    warmup_fraction: float = field(default=0.03, metadata=described("Share of the updates in which it rises."))
    batch_size: int = field(default=8, metadata=described("Records of one update."))
    micro_batch_size: int | None = field(
        default=None,
        metadata=described(
            "Records computed at once: fewer need less memory; default up to 4.", matters=False, eases=True
        ),
    )
    keep_checkpoints: int = field(
        default=3,
        metadata=described(
            "Updates after which the weights are kept, to ask which records did what; 0 for none.", matters=False
        ),
    )

    def __post_init__(self) -> None:
        for name in ("n_epochs", "batch_size"):
            at_least_one(name, getattr(self, name))
        above_zero("learning_rate", self.learning_rate)
        require("warmup_fraction", self.warmup_fraction, "at least 0 and below 1", holds=0 <= self.warmup_fraction < 1)
        require("keep_checkpoints", self.keep_checkpoints, "0 or more", holds=self.keep_checkpoints >= 0)
        # A class with slots is made twice, so that super() knows another one.
        Settings.__post_init__(self)
        whole = self.records_at_once >= 1 and self.batch_size % self.records_at_once == 0
        require("micro_batch_size", self.micro_batch_size, f"a divisor of batch_size ({self.batch_size})", holds=whole)

    @property
    def records_at_once(self) -> int:
        """Records of one forward pass."""
        return math.gcd(self.batch_size, 4) if self.micro_batch_size is None else self.micro_batch_size


def _read(data: Path | None, _: SftSettings) -> Given[InstructionFile]:
    if data is None:  # narrowed: the method needs data
        raise InstructionError("there are no instructions.", fix="Name them with --data.")
    found = read_instructions(data)
    lines = tuple(
        Line(number=one.line, text=text) for one in found.instructions for text in (one.prompt, one.response) if text
    )
    return Given(content=found, identity={"instructions_sha256": found.sha256}, licence=found.licence, lines=lines)


def _prepare(given: Given[InstructionFile], base: Base, settings: SftSettings) -> Material[tuple[Example, ...]]:
    read = given.content
    found = learned_from(read, base, max_length_tokens=settings.max_length_tokens)
    return Material(rows=found.examples, facts={"file": read.name, **found.counts}, end_of_turn=found.end_of_turn)


def _train(job: Job[SftSettings, tuple[Example, ...]]) -> Trained:
    from biasaudit.align.methods.responses import Updates, response_trainer  # noqa: PLC0415  # imports torch and trl
    from biasaudit.align.training import run_trainer  # noqa: PLC0415  # as above

    settings = job.settings
    order = training_order(
        [len(example.token_ids) for example in job.rows],
        n_epochs=settings.n_epochs,
        batch_size=settings.batch_size,
        rng=np.random.default_rng(settings.seed),
    )
    updates = Updates(
        batch_size=settings.batch_size,
        records_at_once=settings.records_at_once,
        learning_rate=settings.learning_rate,
        warmup_fraction=settings.warmup_fraction,
    )
    return run_trainer(lambda: response_trainer(job, order, updates), job, keep=settings.keep_checkpoints)


def _data_rows(card: TrainingCard) -> dict[str, object]:
    used = card.instructions
    return {
        "file": used["file"],
        "sha256": card.identity["instructions_sha256"],
        "licence": used["licence"],
        "records": used["n_records"],
        "used": used["n_used"],
        "left out: no response": used["n_without_response"],
        "left out: too long": used["n_too_long"],
        **_nearest_probe(used.get("overlap") or {}),
    }


def _nearest_probe(overlap: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:  # JSON of the card
    """Return the probe whose templates the data come nearest to; nothing of cards from before it was asked."""
    if not overlap:
        return {}
    name = max(overlap, key=lambda probe: float(overlap[probe]["containment"]))
    share = float(overlap[name]["containment"])
    return {"nearest probe": f"{name}: a line has {share:.2f} of a template's three-word pieces"}


def _told(card: TrainingCard) -> tuple[str, ...]:
    used, loss = card.instructions, card.loss_nats
    return counted(used), f"Loss {loss[0][1]:.3f} to {loss[-1][1]:.3f} nats per token in {card.n_steps} updates."


SFT: Final = Method(
    name="sft",
    summary="Tune an adapter on instructions and responses.",
    recipe=1,
    settings=SftSettings,
    data="JSON Lines with the fields prompt and response.",
    read=_read,
    prepare=_prepare,
    train=_train,
    says=CardWords(
        title="supervised instruction tuning",
        data="Instructions",
        data_rows=_data_rows,
        training="The loss is taken on the response and its end of turn only, as a mean over the tokens of an update.",
        of_loss="in nats per token. It says how well these responses were learned, and nothing about answers to other "
        "prompts.",
    ),
    told=_told,
)


def sft(
    base: str,
    data: str | Path,
    out: str | Path,
    *,
    settings: SftSettings | None = None,
    chat_template: str | None = None,
    data_license: str | None = None,
    allow_overlap: bool = False,
    progress: Progress | None = None,
) -> TunedAdapter:
    """Tune a LoRA adapter on `base` to give the responses of a file of instructions.

    Called again after an interruption, it goes on from the last checkpoint; called again after the
    end, it returns what is there.

    Parameters
    ----------
    base : str
        Model reference: hub id with optional @revision, folder, or .gguf file; without +adapter.
    data : path
        JSON Lines with the fields ``prompt`` and ``response``.
    out : path
        Folder for the adapter: new, empty, or left by this function.
    settings : SftSettings, optional
    chat_template : str, optional
        A shipped template's name or a Jinja file; else the base's own.
    data_license : str, optional
        Licence of `data`, for the card; else that of ``<data>.license``, else "not stated".
    allow_overlap : bool
        Train on data that hold templates of a shipped probe all the same; the card says which.
    progress : Progress, optional
        Told what happens.

    Returns
    -------
    TunedAdapter

    Raises
    ------
    UsageError
        If the call, the data, the base, the template or the folder cannot be used.
    TuningError
        If the training breaks off.
    """
    return run(
        SFT,
        base,
        data,
        out,
        settings=settings,
        chat_template=chat_template,
        data_license=data_license,
        allow_overlap=allow_overlap,
        progress=progress,
    )
