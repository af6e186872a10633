"""Adapter weights that a training keeps on its way: what its records did is asked of them afterwards.

Imports torch and transformers; imported itself when a training begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import safetensors.torch
import torch
from peft import get_peft_model_state_dict
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from biasaudit.align.method import Checkpoints
from biasaudit.record.store import write_atomically

if TYPE_CHECKING:
    from peft import PeftModel

_KEPT: Final = re.compile(r"^kept-(\d+)\.safetensors$")


class KeepsWeights(TrainerCallback):
    """Keeps the adapter's weights after some updates, in the working folder of a training.

    They are written before the checkpoint that a resumed training goes on from, so that none of them is missing then;
    those of updates that are made again are written again.

    Parameters
    ----------
    work : Path
    n : int
        How many, evenly spaced over the updates, the last among them.
    """

    def __init__(self, work: Path, n: int) -> None:
        self._work = work
        self._n = n
        self._steps: frozenset[int] = frozenset()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Forget what was kept of updates that are made again."""
        self._steps = frozenset(evenly_spaced(state.max_steps, self._n))
        for step, path in _kept(self._work).items():
            if step > state.global_step or step not in self._steps:
                path.unlink()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:  # Any: of the trainer, its model among it
        """Keep the weights, where this update is one of those."""
        if state.global_step in self._steps:
            path = self._work / f"kept-{state.global_step}.safetensors"
            write_atomically(path, safetensors.torch.save(saved_weights(kwargs["model"]), metadata={"format": "pt"}))

    def gathered(self, history: Sequence[Mapping[str, Any]]) -> Checkpoints | None:  # Any: numbers by name
        """Return what was kept as one file.

        Parameters
        ----------
        history : sequence of mapping
            What the trainer logged of each update: ``step`` and ``learning_rate``.
        """
        kept = _kept(self._work)
        if not kept:
            return None
        rates = {int(entry["step"]): float(entry["learning_rate"]) for entry in history if "learning_rate" in entry}
        steps = tuple(sorted(kept))
        stretches = zip((0, *steps), steps, strict=False)
        tensors = {
            f"{step}/{name}": tensor
            for step in steps
            for name, tensor in safetensors.torch.load(kept[step].read_bytes()).items()
        }
        return Checkpoints(
            content=safetensors.torch.save(tensors, metadata={"format": "pt"}),
            steps=steps,
            learning_rates=tuple(_mean([rates[one] for one in range(a + 1, b + 1)]) for a, b in stretches),
        )


def saved_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    """Return an adapter's weights as they are saved."""
    return {
        name: tensor.detach().to(device="cpu", dtype=torch.bfloat16).contiguous()
        for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }


def evenly_spaced(n_steps: int, n: int) -> list[int]:
    """Return up to `n` updates of `n_steps`, from 1, the last among them.

    Examples
    --------
    >>> evenly_spaced(12, 3), evenly_spaced(2, 3), evenly_spaced(5, 0)
    ([4, 8, 12], [1, 2], [])
    """
    return sorted({max(1, round(n_steps * number / n)) for number in range(1, n + 1)})


def _kept(work: Path) -> dict[int, Path]:
    return {int(match[1]): path for path in work.iterdir() if (match := _KEPT.match(path.name))}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
