"""How fast a model scores on this machine: remembered from the last run, else worked out from a product of matrices."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from biasaudit.models.local.files import cache_folder

if TYPE_CHECKING:
    from biasaudit.models.forecast import Size

SHARE_OF_PRODUCTS: Final = 0.75
"""Of the rate of bare products that a whole run reaches: 0.88 to 0.95 scoring alone, and reading texts besides."""

WORTH_REMEMBERING: Final = 2000
"""Tokens from which a run's rate says something."""

_SIDE: Final = 1024
_REPEATS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Distinct beginnings, in tokens, that are computed per second, and how that is known."""

    tokens_per_second: float
    known_from: Literal["the last run", "a product of matrices"]


def machine(n_parameters: int | None, *, dtype: str, device: str, adapted: bool) -> str:
    """Return what the speed of a model depends on."""
    import torch  # noqa: PLC0415

    return f"{n_parameters}|{adapted}|{dtype}|{device}|{torch.get_num_threads()}"


def shared(key: str, n_workers: int) -> str:
    """Return what the speed of so many workers on a model depends on, all of them together."""
    return f"{key}|{n_workers} workers"


def remember(key: str, tokens_per_second: float) -> None:
    """Keep the speed of a run for the forecast of the next."""
    known = _known()
    known[key] = round(tokens_per_second, 1)
    # A forecast is a convenience: a run does not fail because it cannot be kept.
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(prefix=".speeds-", dir=_path().parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, sort_keys=True)
        Path(name).replace(_path())


def speed_of(key: str, size: Size, *, read_share: float, dtype: str, device: str) -> Speed:
    """Return the speed of a run before, else an estimate from how fast this machine multiplies matrices now.

    Parameters
    ----------
    key : str
        From :func:`machine`.
    size : Size
    read_share : float
        Share of the tokens for which the output layer runs, in [0, 1].
    dtype, device : str
    """
    known = _known().get(key)
    if known is not None:
        return Speed(tokens_per_second=known, known_from="the last run")
    flops_per_token = 2 * (size.n_layers + size.n_output * read_share)
    rate = SHARE_OF_PRODUCTS * _products_per_second(dtype, device) / max(flops_per_token, 1.0)
    return Speed(tokens_per_second=rate, known_from="a product of matrices")


def _products_per_second(dtype: str, device: str) -> float:
    """Return floating-point operations a second of a product of matrices: the median of five."""
    import torch  # noqa: PLC0415

    left = torch.ones((_SIDE, _SIDE), dtype=getattr(torch, dtype), device=device)
    times = []
    for _ in range(_REPEATS + 1):
        started = time.perf_counter()
        float((left @ left)[0, 0])  # reading a number waits for the device
        times.append(time.perf_counter() - started)
    return 2 * _SIDE**3 / statistics.median(times[1:])


def _path() -> Path:
    return cache_folder() / "speeds.json"


def _known() -> dict[str, float]:
    try:
        content = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(key): float(value) for key, value in content.items() if isinstance(value, (int, float)) and value > 0}
