"""Models larger than one device: layers over several GPUs, then memory, then disk, by accelerate."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from biasaudit.errors import ModelFilesError
from biasaudit.models.cache_place import cache_folder
from biasaudit.models.local.architecture import causal_class
from biasaudit.models.local.checkpoint import ModelFiles, alone

if TYPE_CHECKING:
    import torch

DeviceMap = Literal["auto"]
"""Who decides where a layer lies: accelerate, by what has room."""

MaxMemory = Mapping[int | str, int | str]
"""Device -> bytes that may be taken of it, as accelerate reads it: ``{0: "20GiB", "cpu": "64GiB"}``."""

ELSEWHERE: Final = ("cpu", "disk")
"""Places of weights that a GPU computes with, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What of a model lies on one device.

    Attributes
    ----------
    device : str
        ``cuda:0``, ``cpu``, ``disk``, …
    n_modules : int
        Modules that are not split: layers, embeddings, head.
    n_bytes : int
        Of their weights.
    """

    device: str
    n_modules: int
    n_bytes: int


def planned(files: ModelFiles, reference: str, *, dtype: str, max_memory: MaxMemory | None = None) -> tuple[Share, ...]:
    """Return where the parts of a model would lie, without its weights: it is built on torch's device ``meta``.

    Parameters
    ----------
    files : ModelFiles
    reference : str
        How messages name the model.
    dtype : str
        Of its weights.
    max_memory : mapping, optional
        None takes what accelerate finds free.

    Raises
    ------
    ModelFilesError
        If its configuration makes no model.
    """
    import torch  # noqa: PLC0415  # slow to import
    from accelerate import infer_auto_device_map  # noqa: PLC0415
    from accelerate.utils import compute_module_sizes, get_balanced_memory  # noqa: PLC0415
    from transformers import AutoConfig  # noqa: PLC0415

    number = getattr(torch, dtype)
    try:
        with alone(files) as folder, torch.device("meta"):
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            cls: Any = causal_class(config, files.config, reference)
            model = cls._from_config(config, dtype=number)  # what from_config calls
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, TypeError) as exc:
        raise ModelFilesError(
            f"the model {reference!r} cannot be built without its weights, so that no device map can be planned: {exc}",
            fix="Leave --device-map out of the dry run.",
        ) from exc
    model.tie_weights()
    whole = list(getattr(model, "_no_split_modules", None) or ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of devices that are not there
        free = get_balanced_memory(model, max_memory, no_split_module_classes=whole, dtype=number)
        found = infer_auto_device_map(model, max_memory=free, no_split_module_classes=whole, dtype=number)
    sizes = compute_module_sizes(model, dtype=number)
    shares: dict[str, list[int]] = {}
    for name, device in found.items():
        shares.setdefault(_shown(device), []).append(int(sizes[name]))
    return tuple(Share(device=one, n_modules=len(of), n_bytes=sum(of)) for one, of in shares.items())


def spread_options(stack: ExitStack, max_memory: MaxMemory | None) -> dict[str, Any]:  # Any: options of a loader
    """Return how a loader is asked to spread weights; what has no room in memory goes into a folder in the cache.

    Parameters
    ----------
    stack : ExitStack
        Lets the folder go.
    max_memory : mapping or None
        None takes what accelerate finds free.
    """
    home = cache_folder() / "offload"
    home.mkdir(parents=True, exist_ok=True)
    offloaded = Path(tempfile.mkdtemp(dir=home))
    stack.callback(shutil.rmtree, offloaded, ignore_errors=True)
    options: dict[str, Any] = {"device_map": "auto", "offload_folder": str(offloaded)}
    return options if max_memory is None else {**options, "max_memory": dict(max_memory)}


def kept_with(model: object, stack: ExitStack) -> None:
    """Let folders go when the model is no more: weights on disk are read from them as long as it is used."""
    weakref.finalize(model, stack.pop_all().close)


def devices_of(model: Any) -> tuple[str, ...]:  # PreTrainedModel, or PeftModel around it
    """Return the places over which a model's weights are spread, each once; the one device of any other."""
    found = getattr(model, "hf_device_map", None)
    return tuple(dict.fromkeys(_shown(device) for device in found.values())) if found else (str(model.device),)


def is_spread(model: Any) -> bool:  # as above
    """Tell whether a model's weights lie in several places, or not in memory."""
    return len(devices_of(model)) > 1 or "disk" in devices_of(model)


def input_device(model: Any) -> torch.device:  # as above
    """Return the device that computes first: weights in memory or on disk are moved to a GPU, if there is one."""
    import torch  # noqa: PLC0415

    if not getattr(model, "hf_device_map", None):
        found: torch.device = model.device
        return found
    return torch.device(next((one for one in devices_of(model) if one not in ELSEWHERE), "cpu"))


def _shown(device: object) -> str:
    return f"cuda:{device}" if isinstance(device, int) else str(device)
