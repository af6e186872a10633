"""What a training is asked to do."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from biasaudit.errors import UsageError

if TYPE_CHECKING:
    from biasaudit.models.local.loading import Dtype

_DEVICES = ("cpu", "cuda", "mps")
_DTYPES = ("auto", "float32", "bfloat16")
_HOW_ONLY = ("micro_batch_size", "checkpoint_every_steps", "trust_remote_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class SftSettings:
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
    lora_rank : int
    lora_alpha : int
        The adapter's change is scaled by ``lora_alpha / lora_rank``.
    max_length_tokens : int
        Longest record, template included. Longer ones are left out and counted, never cut. Where
        the model reads fewer tokens, the model's limit holds.
    seed : int
        In [0, 2**32): first weights of the adapter, and the order of the records.
    checkpoint_every_steps : int
        Updates between two checkpoints: what an interruption costs at most.
    dtype : {"float32", "bfloat16", "auto"}
        Of the base's weights. The adapter is trained in float32 and saved in bfloat16.
    device : {"cpu", "cuda", "mps"} or None
        None takes the best there is.
    trust_remote_code : bool
        Whether code that comes with a model may run.

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

    n_epochs: int = 2
    learning_rate: float = 3e-4
    warmup_fraction: float = 0.03
    batch_size: int = 8
    micro_batch_size: int | None = None
    lora_rank: int = 8
    lora_alpha: int = 16
    max_length_tokens: int = 512
    seed: int = 0
    checkpoint_every_steps: int = 25
    dtype: Dtype = "float32"
    device: str | None = None
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        for name in (
            "n_epochs",
            "batch_size",
            "lora_rank",
            "lora_alpha",
            "max_length_tokens",
            "checkpoint_every_steps",
        ):
            _require(name, getattr(self, name), "1 or more", holds=getattr(self, name) >= 1)
        rate = self.learning_rate
        _require("learning_rate", rate, "more than 0", holds=math.isfinite(rate) and rate > 0)
        _require("warmup_fraction", self.warmup_fraction, "at least 0 and below 1", holds=0 <= self.warmup_fraction < 1)
        _require("seed", self.seed, "at least 0 and below 2**32", holds=0 <= self.seed < 2**32)
        _require("device", self.device, ", ".join(_DEVICES), holds=self.device in (None, *_DEVICES))
        _require("dtype", self.dtype, ", ".join(_DTYPES), holds=self.dtype in _DTYPES)
        whole = self.records_at_once >= 1 and self.batch_size % self.records_at_once == 0
        _require("micro_batch_size", self.micro_batch_size, f"a divisor of batch_size ({self.batch_size})", holds=whole)

    @property
    def records_at_once(self) -> int:
        """Records of one forward pass."""
        return math.gcd(self.batch_size, 4) if self.micro_batch_size is None else self.micro_batch_size

    def as_dict(self) -> dict[str, object]:
        """Return name -> value, for a file."""
        return asdict(self)

    def that_matter(self) -> dict[str, object]:
        """Return the settings that change the adapter by more than rounding.

        A training that ran out of memory goes on with smaller micro batches.
        """
        return {name: value for name, value in asdict(self).items() if name not in _HOW_ONLY}


def _require(name: str, found: object, expected: str, *, holds: bool) -> None:
    if not holds:
        raise UsageError(f"{name} is {found!r}; expected {expected}.", fix="Give another value, or leave it out.")
