"""Putting an adapter on a base, by peft, and whether everything that it brings found its place.

Nothing is asked of the hub, and nothing is read but ``adapter_config.json`` and ``adapter_model.safetensors``. The same
is done with a base that has shapes and no weights, so that an adapter for another base is refused before anything is
loaded.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import LineageError, ModelFilesError
from biasaudit.models.local.adapter_config import CONFIG, KEPT_STARTS, WEIGHTS, patterns_of, plain_file
from biasaudit.models.text import patterns

if TYPE_CHECKING:
    from torch import Tensor

FOREIGN: Final = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    ImportError,
    MemoryError,
    StopIteration,
)
"""What peft raises over a configuration that makes no sense: each kind of adapter in its own words."""

NEEDS_WEIGHTS: Final = frozenset({"ADAMSS", "DEFT", "OSF", "PSOFT", "RANDLORA", "SHIRA", "SUPERTUNING"})
"""Kinds that compute with the base's weights when they are made: shapes alone do not do."""

_HARMLESS: Final = (
    "`is_gradient_checkpointing`",  # peft reads what transformers renamed
    "Model has `tie_word_embeddings=True`",  # of merging, which is not done here
    "Model with `tie_word_embeddings=True`",
    "Failed to load the CUDA extension",  # BOFT has another way
    "Setting boft_n_butterfly_factor",
    "Adapter 'default': ",  # of saving: its shapes are compared
    "Detected that the base layer has no bias term",  # of merging
    "`lora_bias=True` was passed but the targeted layer",  # of merging
    "Unsupported layer type",  # LN tuning asks for the widths of a layer, and does not use them
    "fan_in_fan_out is set to",  # and is put right
    "You have passed exclude_modules=",  # nothing of that name is there, and nothing was changed
)
_COUNTED: Final = ".ranknum.default"
"""AdaLoRA's rank: of the configuration, and not in the file."""

_SHOWN: Final = 4
_PREFIX: Final = "base_model.model."
_WRONG_BASE: Final = (
    "Name the base that the adapter was trained on (base_model_name_or_path in adapter_config.json), "
    "or restore the adapter from its source."
)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read ``adapter_model.safetensors``, and no other file.

    Raises
    ------
    ModelFilesError
        If it is not whole, or holds numbers that are not finite.
    """
    import torch  # noqa: PLC0415  # slow to import
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    path = plain_file(folder, WEIGHTS)
    try:
        found: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as exc:
        raise ModelFilesError(f"{path}: is not a whole safetensors file: {exc}.", fix="Download it again.") from exc
    for name, tensor in found.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
            raise ModelFilesError(
                f"{path}: {name} holds numbers that are not finite.", fix="Use a checkpoint from before it diverged."
            )
    return found


def shapes_of(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights in ``adapter_model.safetensors``.

    Raises
    ------
    ModelFilesError
        If the file is not whole, or empty.
    """
    path = plain_file(folder, WEIGHTS)
    found = header(path)
    if not found:
        raise ModelFilesError(f"{path}: holds no weights.", fix="Save the adapter again.")
    return found


def header(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the header of a safetensors file gives.

    Raises
    ------
    ModelFilesError
        If the file is not whole.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(path, framework="numpy") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118  # not a mapping
    except (SafetensorError, OSError) as exc:
        raise ModelFilesError(f"{path}: is not a whole safetensors file: {exc}.", fix="Download it again.") from exc


def put_on(
    model: Any,  # PreTrainedModel in, PeftModel out
    *,
    folder: Path,
    settings: Mapping[str, object],
    state: Mapping[str, Tensor],
    shapes_only: bool = False,
) -> Any:
    """Put an adapter on a base, with all of its weights or not at all.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Changed in place; of no use after an error.
    folder : Path
        For messages.
    settings : mapping
        Of :func:`biasaudit.models.local.adapter_config.read_adapter_config`.
    state : mapping of str to Tensor
        The adapter's weights by the names of its file.
    shapes_only : bool
        Whether base and adapter have shapes and no numbers.

    Returns
    -------
    peft.PeftModel

    Raises
    ------
    LineageError
        If a weight of the file finds no place, one has no weight in the file, or peft warns of anything.
    """
    _check_patterns(model, folder, settings)
    config = _peft_config(folder, settings, shapes_only=shapes_only)
    own = {id(tensor) for _, tensor in _tensors(model)}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            put = _wrapped(model, config, state, own, shapes_only=shapes_only)
        except FOREIGN as exc:
            raise LineageError(_misfit(folder, _reason(exc)), fix=_WRONG_BASE) from exc
    said = [str(one.message) for one in warned if not str(one.message).startswith(_HARMLESS)]
    if said:
        raise LineageError(_misfit(folder, said[0]), fix=_WRONG_BASE)
    return put


def _wrapped(model: Any, config: Any, state: Mapping[str, Tensor], own: set[int], *, shapes_only: bool) -> Any:
    from peft import PeftModelForCausalLM, set_peft_model_state_dict  # noqa: PLC0415

    renamed = _renamed(getattr(model, "_checkpoint_conversion_mapping", None) or {}, state)
    put = PeftModelForCausalLM(model, config, low_cpu_mem_usage=shapes_only)
    loaded: Any = set_peft_model_state_dict(put, renamed, low_cpu_mem_usage=shapes_only)  # a named tuple of its own
    unexpected = [name for name in loaded.unexpected_keys if not _said_twice(name, state, shapes_only=shapes_only)]
    if unexpected:
        raise ValueError(f"nothing in the base has the place {_some(unexpected)}")
    missing = _missing(put, loaded.missing_keys, own)
    if missing:
        raise ValueError(f"its file has no weights for {_some(missing)}")
    tuner: Any = put.base_model
    tuner._cast_adapter_dtype(adapter_name="default", autocast_adapter_dtype=True)  # noqa: SLF001  # as peft does after loading
    return put.eval()


def _said_twice(name: str, state: Mapping[str, Tensor], *, shapes_only: bool) -> bool:
    """Whether a weight stands in the file under its own name too: peft writes embeddings twice that were resized."""
    import torch  # noqa: PLC0415

    place, found, rest = name.rpartition(".modules_to_save.")
    first, second = state.get(name), state.get(f"{place}.{rest}")
    if not found or first is None or second is None or first.shape != second.shape:
        return False
    return shapes_only or torch.equal(first, second)


def _renamed(mapping: Mapping[str, str], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights as the architecture renames those of its older checkpoints; the patterns are transformers'."""
    found = {}
    for name, tensor in state.items():
        inner = name.removeprefix(_PREFIX)
        for pattern, replacement in mapping.items():
            inner, n_changes = re.subn(pattern, replacement, inner)
            if n_changes:
                break
        found[_PREFIX + inner if name.startswith(_PREFIX) else inner] = tensor
    return found


def _missing(put: Any, absent: Sequence[str], own: set[int]) -> list[str]:
    """Return which of the tensors that the file did not bring belong to the adapter.

    Tensors of the base are its own affair, unless the adapter is one that saves them (all biases). A tensor with two
    names is there if one of them is.
    """
    from peft import get_peft_model_state_dict  # noqa: PLC0415

    saved = set(get_peft_model_state_dict(put, save_embedding_layers=False))
    without = set(absent)
    named = list(_tensors(put))
    brought = {id(tensor) for name, tensor in named if name not in without}
    known = set(put.state_dict())
    return sorted(
        name
        for name, tensor in named
        if name in without
        and name in known
        and id(tensor) not in brought
        and not name.endswith(_COUNTED)
        and (name in saved if id(tensor) in own else True)
    )


def _tensors(model: Any) -> list[tuple[str, Any]]:
    return [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]


def _peft_config(folder: Path, settings: Mapping[str, object], *, shapes_only: bool) -> Any:
    """Make peft's configuration; what it does not know of a newer version must be switched off."""
    from peft import PeftType  # noqa: PLC0415
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING  # noqa: PLC0415

    path = folder / CONFIG
    made: Any = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(settings["peft_type"])]  # each kind has its own arguments
    known = {one.name for one in dataclasses.fields(made) if one.init}
    for name, value in settings.items():
        if name not in known and value:
            raise LineageError(
                f"{path}: field {name!r} is {value!r:.60}, and this version of peft knows no such setting.",
                fix="Use a newer version of peft, or audit the merged model.",
            )
    chosen = {name: value for name, value in settings.items() if name in known}
    chosen["inference_mode"] = True
    start = chosen.get("init_lora_weights")
    if "init_lora_weights" in known and (shapes_only or start not in KEPT_STARTS):
        chosen["init_lora_weights"] = False  # all weights come from the file
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            config = made(**chosen)
        except FOREIGN as exc:
            raise LineageError(f"{path}: peft refuses it: {_reason(exc)}") from exc
    if warned:
        raise LineageError(f"{path}: peft warns of it: {warned[0].message}")
    return config


def _check_patterns(model: Any, folder: Path, settings: Mapping[str, object]) -> None:
    from peft.utils.constants import EMBEDDING_LAYER_NAMES  # noqa: PLC0415

    names = [*(name for name, _ in model.named_modules() if name), *EMBEDDING_LAYER_NAMES]
    why = patterns.refusal(patterns_of(settings), names)
    if why is not None:
        raise LineageError(
            f"{folder / CONFIG}: a pattern in it {why}.", fix="List the names of the modules instead of a pattern."
        )


def _misfit(folder: Path, why: str) -> str:
    return f"the adapter {str(folder)!r} does not fit this base, or was made for another base: {why.rstrip('.')}."


def _reason(exc: BaseException) -> str:
    if isinstance(exc, KeyError):
        return f"its file lacks {exc}"
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    # torch lists every tensor of a wrong shape.
    mismatches = [line for line in lines if line.startswith("size mismatch")]
    return _some(mismatches or lines, 3) if lines else type(exc).__name__


def _some(names: Sequence[str], most: int = _SHOWN) -> str:
    shown = ", ".join(name.replace(_PREFIX, "").replace(".default", "")[:300] for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
