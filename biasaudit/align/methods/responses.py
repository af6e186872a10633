"""The trainer of supervised instruction tuning: the loss of responses, by trl.

Imports torch and trl; imported itself when a training begins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from datasets import Dataset
from transformers import Trainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer

from biasaudit.align.examples import Example
from biasaudit.align.method import Job
from biasaudit.align.training import SavesTheAdapter, arguments, lora

_IGNORED: Final = -100
"""Label of a token on which no loss is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """How records become updates; as the settings of supervised instruction tuning."""

    batch_size: int
    records_at_once: int
    learning_rate: float
    warmup_fraction: float


def response_trainer(
    job: Job[Any, tuple[Example, ...]],  # whatever the other settings are
    order: Sequence[int],
    updates: Updates,
) -> Trainer:
    """Return a trainer that sees the examples of a job in this order.

    Parameters
    ----------
    job : Job
    order : sequence of int
        Positions in the examples; each ``batch_size`` of them are one update.
    updates : Updates
    """
    rows = [job.rows[position] for position in order]
    ignored = [[_IGNORED] * row.n_prompt_tokens for row in rows]
    labels = [[*none, *row.token_ids[len(none) :]] for none, row in zip(ignored, rows, strict=True)]
    return _ResponseTrainer(
        model=job.loaded.model,
        args=_arguments(job, updates, n_steps=math.ceil(len(order) / updates.batch_size)),
        train_dataset=Dataset.from_dict({"input_ids": [list(row.token_ids) for row in rows], "labels": labels}),
        data_collator=DataCollatorForLanguageModeling(pad_token_id=job.loaded.tokenizer.pad_token_id or 0),
        processing_class=job.loaded.tokenizer,
        peft_config=lora(job.settings),
    )


def _arguments(job: Job[Any, Any], updates: Updates, *, n_steps: int) -> SFTConfig:  # as above
    return SFTConfig(
        **arguments(job.settings, job.work, n_steps=n_steps, device=job.loaded.device),
        per_device_train_batch_size=updates.records_at_once,
        gradient_accumulation_steps=updates.batch_size // updates.records_at_once,
        learning_rate=updates.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(updates.warmup_fraction * n_steps),
        optim="adamw_torch",
        weight_decay=0.0,
        max_grad_norm=1.0,
        # The order of the records is ours: a resumed training need not repeat anybody's shuffling.
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
    )


class _ResponseTrainer(SavesTheAdapter, SFTTrainer):  # type: ignore[misc]  # trl has no types
    """trl's trainer, with the output layer run on the tokens of responses only, and nothing told to anybody."""

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
