"""A training that takes a second, and what is read from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biasaudit.align import SftSettings, TunedAdapter, sft
from biasaudit.align.methods.constraint import ConstraintSettings

if TYPE_CHECKING:
    import torch

N_STEPS = 12
"""24 records, 8 at a time, 4 times."""


class Told:
    """Progress that remembers, and calls `at_step` after each update."""

    def __init__(self, at_step: Callable[[int], None] = lambda _: None) -> None:
        self.lines: list[str] = []
        self.step = 0
        self._at_step = at_step

    def say(self, text: str) -> None:
        self.lines.append(text)

    def begin(self, label: str, total: int) -> None:
        self.step = 0

    def advance(self, n_requests: int, n_tokens: int) -> None:
        self.step += n_requests
        self._at_step(self.step)


def settings(**changes: Any) -> SftSettings:  # fields of SftSettings, which checks them
    return SftSettings(
        **{"n_epochs": 4, "learning_rate": 1e-2, "checkpoint_every_steps": 4, "device": "cpu", **changes}
    )


def tune(base: Path, rows: Path, out: Path, *, told: Told | None = None, **changes: Any) -> TunedAdapter:  # as above
    return sft(str(base), rows, out, settings=settings(**changes), progress=told)


def dose(bound: float, contrasts: Path, **changes: Any) -> ConstraintSettings:  # fields of ConstraintSettings, as above
    """Return the settings of a bound on the tiny world: the same for every bound, in small steps with many looks.

    docs/tuning.md has what it gave with ten bases, and what the defaults gave.
    """
    return ConstraintSettings(
        **{
            "max_disparity": bound,
            "contrasts": str(contrasts),
            "features": "gender",
            "n_steps": 150,
            "check_every": 2,
            "learning_rate": 5e-4,
            "eta": 0.005,
            "slack": 0.03,
            "device": "cpu",
            **changes,
        }
    )


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return {name: tensor.float() for name, tensor in load_file(folder / "adapter_model.safetensors").items()}


def furthest(first: Path, second: Path) -> float:
    """Largest difference between two adapters' weights."""
    one, other = weights_of(first), weights_of(second)
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
