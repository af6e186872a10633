"""Options that are one of a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biasaudit.errors import UsageError

if TYPE_CHECKING:
    from biasaudit.framing import FramingName
    from biasaudit.models.local.loading import Dtype
    from biasaudit.models.local.placement import DeviceMap
    from biasaudit.models.local.quantized import Quantize


def framings(asked: Sequence[str] | None) -> tuple[FramingName, ...]:
    """Return the framings asked for; both where none is named.

    Raises
    ------
    UsageError
        If one is unknown.
    """
    names = list(asked or ["plain", "chat"])
    unknown = sorted(set(names) - {"plain", "chat"})
    if unknown:
        raise UsageError(f"there is no framing {unknown[0]!r}.", fix="Use plain, chat or both.")
    ordered: list[FramingName] = ["plain", "chat"]
    return tuple(name for name in ordered if name in names)


def dtype(asked: str) -> Dtype:
    """Return the dtype asked for.

    Raises
    ------
    UsageError
        If it is unknown.
    """
    known: dict[str, Dtype] = {"auto": "auto", "float32": "float32", "bfloat16": "bfloat16"}
    if asked not in known:
        raise UsageError(f"there is no dtype {asked!r}.", fix="Use auto, float32 or bfloat16.")
    return known[asked]


def quantize(asked: str | None) -> Quantize | None:
    """Return the scheme asked for.

    Raises
    ------
    UsageError
        If it is unknown.
    """
    known: dict[str | None, Quantize | None] = {None: None, "nf4": "nf4", "int8": "int8"}
    if asked not in known:
        raise UsageError(
            f"there is no scheme {asked!r}.", fix="Use nf4 or int8, or name a checkpoint that is quantised."
        )
    return known[asked]


def device_map(asked: str | None) -> DeviceMap | None:
    """Return the device map asked for.

    Raises
    ------
    UsageError
        If it is unknown.
    """
    known: dict[str | None, DeviceMap | None] = {None: None, "auto": "auto"}
    if asked not in known:
        raise UsageError(f"there is no device map {asked!r}.", fix="Use auto, or leave it out for one device.")
    return known[asked]
