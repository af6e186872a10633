"""What every training is asked to do; a method's own settings are added to these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

from biasaudit.errors import UsageError
from biasaudit.models.local.loading import Dtype

_DEVICES = ("cpu", "cuda", "mps")
_DTYPES = ("auto", "float32", "bfloat16")
_KEY: Final = "described"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a setting is to whoever runs a method.

    Attributes
    ----------
    text : str
        The help of its option.
    option : str or None
        The option's name, where it is not the field's.
    matters : bool
        Whether it changes the adapter by more than rounding: such settings are part of its identity.
    eases : bool
        Whether a smaller value needs less memory: whoever has too little is told.
    """

    text: str
    option: str | None = None
    matters: bool = True
    eases: bool = False


def described(
    text: str, *, option: str | None = None, matters: bool = True, eases: bool = False
) -> Mapping[str, Description]:
    """Return the metadata of a setting's field: the parameters are those of :class:`Description`."""
    return {_KEY: Description(text=text, option=option, matters=matters, eases=eases)}


def description_of(one: Field[Any]) -> Description:  # of a value of any type
    """Return how a setting is described.

    Raises
    ------
    TypeError
        If it is not: there would be an option without help, whose part in the identity nobody decided.
    """
    found = one.metadata.get(_KEY)
    if not isinstance(found, Description):
        msg = f"the setting {one.name!r} has no description: field(default=..., metadata=described(...))"
        raise TypeError(msg)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that every method has; each trains a LoRA adapter on every linear layer but the output layer.

    A method's settings are a frozen dataclass made from this one, whose fields are `described` too.

    Attributes
    ----------
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
    """

    lora_rank: int = field(default=8, metadata=described("Rank of the adapter."))
    lora_alpha: int = field(default=16, metadata=described("Its change is scaled by alpha / rank."))
    max_length_tokens: int = field(
        default=512,
        metadata=described("Longest record in tokens; longer ones are left out.", option="max_length"),
    )
    seed: int = field(default=0, metadata=described("Seed of the adapter's first weights and the order of records."))
    checkpoint_every_steps: int = field(
        default=25,
        metadata=described("Updates between two checkpoints.", option="checkpoint_every", matters=False),
    )
    dtype: Dtype = field(default="float32", metadata=described("auto, float32 or bfloat16."))
    device: str | None = field(default=None, metadata=described("cpu, cuda or mps; default the best there is."))
    trust_remote_code: bool = field(
        default=False, metadata=described("Let code that comes with a model run.", matters=False)
    )

    def __post_init__(self) -> None:
        for name in ("lora_rank", "lora_alpha", "max_length_tokens", "checkpoint_every_steps"):
            at_least_one(name, getattr(self, name))
        require("seed", self.seed, "at least 0 and below 2**32", holds=0 <= self.seed < 2**32)
        require("device", self.device, ", ".join(_DEVICES), holds=self.device in (None, *_DEVICES))
        require("dtype", self.dtype, ", ".join(_DTYPES), holds=self.dtype in _DTYPES)

    @classmethod
    def in_order(cls) -> tuple[Field[Any], ...]:  # of values of any type
        """Return the fields as they are shown: a method's own, then those that every method has."""
        common = {one.name for one in fields(Settings)}
        return tuple(sorted(fields(cls), key=lambda one: one.name in common))

    def as_dict(self) -> dict[str, Any]:  # values of any type
        """Return name -> value, for a file."""
        return {one.name: getattr(self, one.name) for one in self.in_order()}

    def that_matter(self) -> dict[str, object]:
        """Return the settings that change the adapter by more than rounding.

        A training that ran out of memory goes on with smaller micro batches.
        """
        return {one.name: getattr(self, one.name) for one in self.in_order() if description_of(one).matters}

    def to_need_less_memory(self) -> str:
        """Return what a message says to whoever has too little memory: by which options a training needs less.

        Examples
        --------
        >>> Settings().to_need_less_memory()
        ''
        """
        said = ""
        for matters, then in ((False, "goes on likewise"), (True, "is another training, in another folder")):
            options = [
                f"--{(found.option or one.name).replace('_', '-')}"
                for one in self.in_order()
                if (found := description_of(one)).eases and found.matters == matters
            ]
            if options:
                said += f" With a smaller {' or '.join(options)} it needs less memory, and {then}."
        return said


def at_least_one(name: str, found: int) -> None:
    """Refuse a number below 1.

    Raises
    ------
    UsageError
    """
    require(name, found, "1 or more", holds=found >= 1)


def above_zero(name: str, found: float) -> None:
    """Refuse what is not a number above 0.

    Raises
    ------
    UsageError
    """
    require(name, found, "more than 0", holds=math.isfinite(found) and found > 0)


def require(name: str, found: object, expected: str, *, holds: bool) -> None:
    """Refuse a setting whose value is out of its range.

    Raises
    ------
    UsageError
        If it does not hold.
    """
    if not holds:
        raise UsageError(f"{name} is {found!r}; expected {expected}.", fix="Give another value, or leave it out.")
