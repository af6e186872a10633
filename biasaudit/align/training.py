"""The border to torch, peft and the trainers of transformers and trl: what every training needs.

Imports torch, transformers and peft; imported itself when a training begins.
"""

from __future__ import annotations

import json
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, cast

import huggingface_hub.constants
import safetensors.torch
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging as transformers_logging

from biasaudit.align import folder
from biasaudit.align.card import Curve
from biasaudit.align.kept import KeepsWeights, saved_weights
from biasaudit.align.method import Job, Trained
from biasaudit.align.settings import Settings
from biasaudit.errors import TuningError
from biasaudit.models.local.loaded import LoadedModel
from biasaudit.types.progress import Progress

_STATE: Final = "state.pt"
_KEPT: Final = 2
"""Checkpoints: while one is written, the one before is whole."""


def lora(settings: Settings) -> LoraConfig:
    """Return the adapter that every method trains."""
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def adapted(loaded: LoadedModel, settings: Settings) -> PeftModel:
    """Put a new adapter on a base, with first weights by the seed: it changes nothing yet.

    A trainer of trl does this itself, given :func:`lora`.
    """
    torch.manual_seed(settings.seed)
    return cast("PeftModel", get_peft_model(loaded.model, lora(settings)))


def arguments(settings: Settings, work: Path, *, n_steps: int, device: str) -> dict[str, Any]:  # of many types
    """Return what every trainer is told, whichever class of arguments it has: nothing drawn, nothing sent.

    The method adds its batches and its learning rate.
    """
    return {
        "output_dir": str(work),
        "max_steps": n_steps,
        "seed": settings.seed,
        # The weights' own type: no second one through autocast.
        "bf16": False,
        "fp16": False,
        "gradient_checkpointing": False,
        "use_cpu": device == "cpu",
        "dataloader_pin_memory": False,
        "logging_steps": 1,
        # By default a loss that is not a number is replaced by the mean of those before.
        "logging_nan_inf_filter": False,
        "save_steps": settings.checkpoint_every_steps,
        "save_total_limit": _KEPT,
        "report_to": "none",
        "disable_tqdm": True,
    }


class SavesTheAdapter:
    """What a trainer's class is made from first: it saves the adapter alone, and tells nobody."""

    model: object
    args: TrainingArguments

    @property
    def adapted(self) -> PeftModel:
        """The base with the adapter on it."""
        return cast("PeftModel", self.model)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT001, FBT002
        """Save the adapter alone: the tokenizer is the base's, and may be larger than the adapter."""
        self.adapted.save_pretrained(str(output_dir or self.args.output_dir), save_embedding_layers=False)

    def create_model_card(self, *_: object, **__: object) -> None:
        """Write none: ours is written when the training is finished."""


def run_trainer(
    make: Callable[[], Trainer],
    job: Job[Any, Any],
    *,
    unit: str = "nats per token",  # whatever it trains on
    keep: int = 0,
) -> Trained:
    """Run a trainer of transformers or trl, going on from the last checkpoint of the job.

    Parameters
    ----------
    make : callable
        Makes the trainer, with :func:`arguments` and made from :class:`SavesTheAdapter`.
    job : Job
    unit : str
        Of the loss, as it is told.
    keep : int
        Of so many updates the adapter's weights are kept beside the adapter.

    Raises
    ------
    TuningError
        If the training breaks off: no space or memory is left, or the loss is no number.
    """
    with telling_why(job.settings):
        trainer = make()
        keeps = KeepsWeights(job.work, keep)
        checkpoint = folder.last_checkpoint(job.work)
        watch = _Watch(job.progress, unit)
        watch.seconds_before = folder.seconds_of(checkpoint)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(keeps)
        # Last: a checkpoint is sealed when all that belongs to it is written.
        trainer.add_callback(watch)
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        history = trainer.state.log_history
        loss = tuple((int(entry["step"]), entry["loss"]) for entry in history if "loss" in entry)
        found = finished(cast("PeftModel", trainer.model), job, loss_nats=loss, seconds=watch.seconds)
        return replace(found, checkpoints=keeps.gathered(history))


class Stateful(Protocol):
    """What a loop keeps in its checkpoints: an optimizer, multipliers, an adversary."""

    def state_dict(self) -> dict[str, Any]:  # tensors and numbers
        """Return what is to be kept."""

    def load_state_dict(self, state: dict[str, Any], /) -> object:  # as above
        """Take up what was kept."""


def run_loop(
    job: Job[Any, Any],  # whatever it trains on
    model: PeftModel,
    update: Callable[[int], float],
    *,
    n_steps: int,
    states: Mapping[str, Stateful],
    stop: Callable[[], bool] = lambda: False,
    ended: Callable[[], None] = lambda: None,
) -> Trained:
    """Run updates of a method's own, going on from the last checkpoint of the job.

    The adapter, torch's random numbers of the CPU and `states` are kept in each checkpoint, so that the adapter that an
    interrupted training ends with has, on a CPU, the bytes of one that ran through.

    Parameters
    ----------
    job : Job
    model : PeftModel
        From :func:`adapted`.
    update : callable
        From the update's number, from 1, to its loss before it. Random numbers but torch's own follow from the number
        and the seed.
    n_steps : int
    states : mapping
        What changes from update to update but the adapter's weights, by name.
    stop : callable
        Asked before each update: whether the training ends without it. What it goes by is among `states`.
    ended : callable
        Called once after the last update and its checkpoint: it may put other weights into the adapter.

    Raises
    ------
    TuningError
        If the training breaks off: no space or memory is left, or the loss is no number.
    """
    with telling_why(job.settings):
        checkpoint = folder.last_checkpoint(job.work)
        loss = [] if checkpoint is None else _taken_up(checkpoint, model, states)
        before, started = folder.seconds_of(checkpoint), time.monotonic()
        job.progress.begin("training", n_steps)
        if loss:
            job.progress.say(f"going on after step {len(loss)} of {n_steps}")
            job.progress.advance(len(loss), 0)
        while len(loss) < n_steps and not stop():
            step = len(loss) + 1
            loss.append((step, _finite(update(step), step)))
            if step % job.settings.checkpoint_every_steps == 0 or step == n_steps or stop():
                seconds = before + time.monotonic() - started
                _kept(folder.checkpoint_at(job.work, step), model, states, loss, seconds=seconds)
                folder.forget(job.work, all_but=_KEPT)
                job.progress.say(f"step {step} of {n_steps}: loss {loss[-1][1]:.3f}")
            job.progress.advance(1, 0)
        ended()
        return finished(model, job, loss_nats=tuple(loss), seconds=before + time.monotonic() - started)


def _kept(
    checkpoint: Path, model: PeftModel, states: Mapping[str, Stateful], loss: list[tuple[int, float]], *, seconds: float
) -> None:
    checkpoint.mkdir(parents=True, exist_ok=True)
    content = {
        "adapter": get_peft_model_state_dict(model, save_embedding_layers=False),
        "random": torch.get_rng_state(),
        "loss": loss,
        "states": {name: state.state_dict() for name, state in states.items()},
    }
    torch.save(content, checkpoint / _STATE)
    folder.seal(checkpoint, seconds=seconds)


def _taken_up(checkpoint: Path, model: PeftModel, states: Mapping[str, Stateful]) -> list[tuple[int, float]]:
    content = torch.load(checkpoint / _STATE, weights_only=True)
    set_peft_model_state_dict(model, content["adapter"])
    for name, state in states.items():
        state.load_state_dict(content["states"][name])
    torch.set_rng_state(content["random"])
    return [(int(step), float(value)) for step, value in content["loss"]]


def _finite(loss: float, step: int) -> float:
    if not math.isfinite(loss):
        raise TuningError(
            f"the loss of step {step} is {loss}: the training diverged.",
            fix="Delete the output folder, and train again with a lower --learning-rate.",
        )
    return loss


@contextmanager
def telling_why(settings: Settings) -> Iterator[None]:
    """Make every failure of the libraries one error that says how to go on, and let them print nothing.

    Parameters
    ----------
    settings : Settings
        Of the training: by which options it needs less memory, the message names.

    Raises
    ------
    TuningError
    """
    with quiet():
        try:
            yield
        except (OSError, SafetensorError, RuntimeError, ValueError) as exc:
            raise TuningError(
                f"the training broke off: {str(exc).strip() or type(exc).__name__}",
                fix="See that there is space and memory, and run the same command again: it goes on from its last "
                f"checkpoint.{settings.to_need_less_memory()}",
            ) from exc


class _Watch(TrainerCallback):
    """Tells of the training, stops it when the loss is no number, and seals checkpoints."""

    def __init__(self, progress: Progress, unit: str) -> None:
        self._progress = progress
        self._unit = unit
        self._started = 0.0
        self._n_tokens = 0
        self.seconds_before = 0.0

    @property
    def seconds(self) -> float:
        """Time of training until now, over all its runs."""
        return self.seconds_before + time.monotonic() - self._started

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Begin to count."""
        self._started = time.monotonic()
        self._progress.begin("training", state.max_steps)
        if state.global_step:
            self._progress.say(f"going on after step {state.global_step} of {state.max_steps}")
            self._progress.advance(state.global_step, 0)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: object,
    ) -> None:
        """Count one update."""
        if logs is None or "loss" not in logs:
            return
        _finite(logs["loss"], state.global_step)
        n_tokens = int(logs.get("num_tokens", 0))
        self._progress.advance(1, max(n_tokens - self._n_tokens, 0))
        self._n_tokens = n_tokens

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Seal the checkpoint that was just written."""
        folder.seal(folder.checkpoint_at(Path(str(args.output_dir)), state.global_step), seconds=self.seconds)
        loss = state.log_history[-1].get("loss", math.nan)
        self._progress.say(f"step {state.global_step} of {state.max_steps}: loss {loss:.3f} {self._unit}")


def finished(
    model: PeftModel,
    job: Job[Any, Any],
    *,
    loss_nats: Curve,
    seconds: float,  # whatever it trains on
) -> Trained:
    """Return what a training gave: the adapter's files, which are equal for equal trainings.

    Raises
    ------
    TuningError
        If a weight is no number: the loss of the last update was taken before it.
    """
    tensors = saved_weights(model)
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise TuningError(
                f"the weights {name} are not all numbers after the last update: the training diverged.",
                fix="Delete the output folder, and train again with a lower --learning-rate.",
            )
    config = cast("LoraConfig", model.peft_config["default"])
    modules = tuple(sorted(config.target_modules or ()))
    content = {
        **config.to_dict(),  # type: ignore[no-untyped-call]
        "base_model_name_or_path": job.base_name,
        "revision": job.base_revision,
        "inference_mode": True,
        "target_modules": modules,
    }
    return Trained(
        weights=safetensors.torch.save(tensors, metadata={"format": "pt"}),
        config=(json.dumps(content, indent=2, sort_keys=True, default=_plain) + "\n").encode(),
        n_weights=sum(tensor.numel() for tensor in tensors.values()),
        target_modules=tuple(sorted({module.rpartition(".")[2] for module in modules})),
        loss_nats=loss_nats,
        seconds=seconds,
    )


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, set) else str(value)


@contextmanager
def quiet() -> Iterator[None]:
    """Let the libraries print nothing, and let trl send nothing: it reports each trainer that is built."""
    verbosity = transformers_logging.get_verbosity()
    telemetry_off = huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY
    bars_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        with warnings.catch_warnings():
            # trl 1.16 and peft 0.21 use names that transformers 5.23 has changed.
            warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing", FutureWarning)
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars_on:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = telemetry_off
