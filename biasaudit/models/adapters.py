"""Adapters: whether one fits its base, putting it on, and taking it off."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biasaudit.errors import LineageError, ModelFilesError
from biasaudit.models.files import check_weights, require_config, sha256_of

if TYPE_CHECKING:
    from biasaudit.types import ModelSpec


def adapter_hash(folder: Path, base: Sequence[Path], spec: ModelSpec) -> str:
    """Return the hash of an adapter that fits the base whose weights lie in the files `base`."""
    require_config(folder, "the adapter folder", "adapter_config.json")
    files = check_weights(folder, "the adapter folder")
    _check_adapter_fits(files, base, spec)
    return "sha256:" + sha256_of([*files, folder / "adapter_config.json"])


def _check_adapter_fits(adapter: Sequence[Path], base: Sequence[Path], spec: ModelSpec) -> None:
    """Compare the shapes of LoRA matrices with the weights they are added to."""
    shapes = _shapes(base)
    for name, shape in _shapes(adapter).items():
        module, found, matrix = name.partition(".lora_")
        if not found or matrix[0] not in "AB" or "embedding" in matrix:
            continue
        target = module.removeprefix("base_model.model.") + ".weight"
        side = 1 if matrix[0] == "A" else 0
        expected = shapes.get(target)
        if expected is None or expected[side] != shape[side]:
            what = f"has shape {list(expected)}" if expected else "does not exist"
            raise LineageError(
                f"the adapter {spec.adapter!r} was made for another base: it changes {target} "
                f"({matrix[0]} of shape {list(shape)}), which {what} in {spec.base!r}.",
                fix="Name the base that the adapter was trained on (base_model_name_or_path in adapter_config.json).",
            )


def _shapes(files: Sequence[Path]) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        try:
            with safe_open(path, framework="numpy") as tensors:
                shapes.update((name, tuple(tensors.get_slice(name).get_shape())) for name in tensors.keys())  # noqa: SIM118  # not a mapping
        except (SafetensorError, OSError) as exc:
            raise ModelFilesError(f"{path}: is not a whole safetensors file: {exc}.", fix="Download it again.") from exc
    return shapes


def put_on(model: Any, folder: Path, say: Callable[[str], None]) -> Any:  # PreTrainedModel in, PeftModel out
    """Put the adapter in `folder` on a base."""
    from peft import PeftModel  # noqa: PLC0415

    say(f"adding the adapter {folder.name}")
    try:
        with warnings.catch_warnings():
            # peft asks transformers for a name that transformers has given up; nothing to do for a user.
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
            return PeftModel.from_pretrained(model, str(folder)).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as exc:
        raise LineageError(
            f"the adapter {str(folder)!r} cannot be put on this base: {exc}",
            fix="Name the base that the adapter was trained on.",
        ) from exc


def take_off(model: Any) -> Any:  # PeftModel in, PreTrainedModel out
    """Return the base without its adapter."""
    return model.unload()
