"""The border to trl: a supervised training of a LoRA adapter, from tokens to weights.

Imports torch, transformers, peft and trl; imported itself when a training begins.
"""

from __future__ import annotations

import json
import logging
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import huggingface_hub.constants
import safetensors.torch
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging as transformers_logging
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

from biasaudit.align import folder
from biasaudit.align.examples import Example
from biasaudit.align.settings import SftSettings
from biasaudit.errors import TuningError
from biasaudit.models.local.loaded import LoadedModel

if TYPE_CHECKING:
    from biasaudit.types.progress import Progress

_IGNORED: Final = -100
"""Label of a token on which no loss is taken."""


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
    """

    weights: bytes
    config: bytes
    n_weights: int
    target_modules: tuple[str, ...]
    loss_nats: tuple[tuple[int, float], ...]
    seconds: float


def train_sft(
    loaded: LoadedModel,
    examples: Sequence[Example],
    *,
    order: Sequence[int],
    settings: SftSettings,
    base_name: str,
    base_revision: str | None,
    work: Path,
    progress: Progress,
) -> Trained:
    """Train a LoRA adapter on the responses of `examples`, going on from the last checkpoint in `work`.

    Parameters
    ----------
    loaded : LoadedModel
        The base; it is changed.
    examples : sequence of Example
    order : sequence of int
        Positions in `examples`; each ``settings.batch_size`` of them are one update.
    settings : SftSettings
    base_name, base_revision : str
        How the adapter names its base.
    work : Path
        For checkpoints.
    progress : Progress

    Raises
    ------
    TuningError
        If the training breaks off: no space or memory is left, or the loss is no number.
    """
    with quiet():
        try:
            trainer = _trainer(loaded, examples, order=order, settings=settings, work=work, progress=progress)
            checkpoint = folder.last_checkpoint(work)
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
            return _trained(trainer, base_name, base_revision)
        except (OSError, SafetensorError, RuntimeError, ValueError) as exc:
            raise TuningError(
                f"the training broke off: {str(exc).strip() or type(exc).__name__}",
                fix="See that there is space and memory (a smaller micro batch needs less), "
                "and run the same command again: it goes on from its last checkpoint.",
            ) from exc


def _trainer(
    loaded: LoadedModel,
    examples: Sequence[Example],
    *,
    order: Sequence[int],
    settings: SftSettings,
    work: Path,
    progress: Progress,
) -> _ResponseTrainer:
    rows = [examples[position] for position in order]
    ignored = [[_IGNORED] * row.n_prompt_tokens for row in rows]
    labels = [[*none, *row.token_ids[len(none) :]] for none, row in zip(ignored, rows, strict=True)]
    watch = _Watch(progress)
    trainer = _ResponseTrainer(
        model=loaded.model,
        args=_arguments(settings, work, n_steps=math.ceil(len(order) / settings.batch_size), device=loaded.device),
        train_dataset=Dataset.from_dict({"input_ids": [list(row.token_ids) for row in rows], "labels": labels}),
        data_collator=DataCollatorForLanguageModeling(pad_token_id=loaded.tokenizer.pad_token_id or 0),
        processing_class=loaded.tokenizer,
        peft_config=LoraConfig(
            r=settings.lora_rank,
            lora_alpha=settings.lora_alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    watch.seconds_before = folder.seconds_of(folder.last_checkpoint(work))
    trainer.watch = watch
    return trainer


def _arguments(settings: SftSettings, work: Path, *, n_steps: int, device: str) -> SFTConfig:
    return SFTConfig(
        output_dir=str(work),
        max_steps=n_steps,
        per_device_train_batch_size=settings.records_at_once,
        gradient_accumulation_steps=settings.batch_size // settings.records_at_once,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(settings.warmup_fraction * n_steps),
        optim="adamw_torch",
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=settings.seed,
        # The order of the records is ours: a resumed training need not repeat anybody's shuffling.
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        # The weights' own type: no second one through autocast.
        bf16=False,
        fp16=False,
        gradient_checkpointing=False,
        use_cpu=device == "cpu",
        dataloader_pin_memory=False,
        logging_steps=1,
        # By default a loss that is not a number is replaced by the mean of those before.
        logging_nan_inf_filter=False,
        save_steps=settings.checkpoint_every_steps,
        # Two: while one is written, the one before is whole.
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
    )


class _ResponseTrainer(SFTTrainer):
    """trl's trainer, with the output layer run on the tokens of responses only, and nothing told to anybody."""

    watch: _Watch

    @property
    def adapted(self) -> PeftModel:
        """The base with the adapter on it."""
        return cast("PeftModel", self.model)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],  # of the collator: tensors
        return_outputs: bool = False,  # noqa: FBT001, FBT002  # trl's signature
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:  # a tensor, or trl's pair
        """Return trl's own loss, without the logits of tokens whose loss is not taken.

        Outside of CUDA trl runs the output layer on every position and masks the rest afterwards.
        With a vocabulary of 262,144 words that is most of the work of a step. So the backbone hands
        over only the positions before a response's tokens, and trl takes their labels as shifted.
        """
        labels = inputs["labels"][:, 1:]
        kept = labels != _IGNORED

        def keep(_: torch.nn.Module, __: object, output: Any) -> Any:  # a ModelOutput of some architecture
            output.last_hidden_state = output.last_hidden_state[:, :-1][kept].unsqueeze(0)
            return output

        backbone = cast("torch.nn.Module", self.adapted.get_base_model().base_model)
        handle = backbone.register_forward_hook(keep)
        rest = {name: value for name, value in inputs.items() if name != "labels"}
        try:
            return super().compute_loss(  # type: ignore[no-untyped-call]
                model,
                {**rest, "shift_labels": labels[kept].unsqueeze(0)},
                return_outputs=return_outputs,
                num_items_in_batch=num_items_in_batch,
            )
        finally:
            handle.remove()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT001, FBT002
        """Save the adapter alone: the tokenizer is the base's, and may be larger than the adapter."""
        self.adapted.save_pretrained(str(output_dir or self.args.output_dir), save_embedding_layers=False)

    def create_model_card(self, *_: object, **__: object) -> None:
        """Write none: ours is written when the training is finished."""


class _Watch(TrainerCallback):
    """Tells of the training, stops it when the loss is no number, and seals checkpoints."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
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
        if not math.isfinite(logs["loss"]):
            raise TuningError(
                f"the loss of step {state.global_step} is {logs['loss']}: the training diverged.",
                fix="Delete the output folder, and train again with a lower --learning-rate.",
            )
        n_tokens = int(logs.get("num_tokens", 0))
        self._progress.advance(1, max(n_tokens - self._n_tokens, 0))
        self._n_tokens = n_tokens

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Seal the checkpoint that was just written."""
        folder.seal(folder.checkpoint_at(Path(str(args.output_dir)), state.global_step), seconds=self.seconds)
        loss = state.log_history[-1].get("loss", math.nan)
        self._progress.say(f"step {state.global_step} of {state.max_steps}: loss {loss:.3f} nats per token")


def _trained(trainer: _ResponseTrainer, base_name: str, base_revision: str | None) -> Trained:
    seconds = trainer.watch.seconds
    model = trainer.adapted
    tensors = {
        name: tensor.detach().to(device="cpu", dtype=torch.bfloat16).contiguous()
        for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }
    config = cast("LoraConfig", model.peft_config["default"])
    modules = tuple(sorted(config.target_modules or ()))
    content = {
        **config.to_dict(),  # type: ignore[no-untyped-call]
        "base_model_name_or_path": base_name,
        "revision": base_revision,
        "inference_mode": True,
        "target_modules": modules,
    }
    return Trained(
        weights=safetensors.torch.save(tensors, metadata={"format": "pt"}),
        config=(json.dumps(content, indent=2, sort_keys=True, default=_plain) + "\n").encode(),
        n_weights=sum(tensor.numel() for tensor in tensors.values()),
        target_modules=tuple(sorted({module.rpartition(".")[2] for module in modules})),
        loss_nats=tuple((int(entry["step"]), entry["loss"]) for entry in trainer.state.log_history if "loss" in entry),
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
