"""What an ``adapter_config.json`` asks for, and whether that can be audited: read without any library of models."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from biasaudit.errors import LineageError, ModelFilesError

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"

LARGEST_CONFIG: Final = 2_000_000
"""Bytes. One that names every layer of a large model has some ten thousands."""

_ADDED: Final = (
    "puts virtual tokens before every text, which a comparison with its base text by text would have to count"
)
REFUSED: Final[Mapping[str, str]] = {
    "PROMPT_TUNING": _ADDED,
    "MULTITASK_PROMPT_TUNING": _ADDED,
    "P_TUNING": _ADDED,
    "PREFIX_TUNING": _ADDED,
    "CPT": _ADDED,
    "CARTRIDGE": _ADDED,
    "ADAPTION_PROMPT": "puts virtual tokens into the attention of its layers",
    "LILY": "mixes its weights anew for every text, from all of the text and of those beside it",
    "XLORA": "weighs several other adapters anew for every text",
    "POLY": "has to be told a task with every text",
    "SHADOW": "runs a second model beside the base",
    "FROD": "is computed anew from all of the base's layers together whenever it is loaded",
}
"""Kinds of adapters that peft knows and that are not audited, with the reason."""

AUDITED: Final = (
    "LORA",
    "ADALORA",
    "ADAMSS",
    "BEFT",
    "BOFT",
    "C3A",
    "DEFT",
    "DELORA",
    "FOURIERFT",
    "GLORA",
    "GRALORA",
    "HIRA",
    "HRA",
    "IA3",
    "LN_TUNING",
    "LOHA",
    "LOKR",
    "MISS",
    "OFT",
    "OSF",
    "PEANUT",
    "PSOFT",
    "PVERA",
    "RANDLORA",
    "ROAD",
    "SHIRA",
    "SUPERTUNING",
    "TINYLORA",
    "TRAINABLE_TOKENS",
    "UNILORA",
    "VBLORA",
    "VERA",
    "WAVEFT",
)
"""Kinds whose scores are those of a freshly loaded model, by a test of each."""

_SETTINGS: Final[Mapping[str, str]] = {
    "alora_invocation_tokens": "is switched on by certain tokens of a text (activated LoRA)",
    "arrow_config": "chooses among several adapters at every token (Arrow)",
    "layer_replication": "repeats layers of the base",
    "megatron_config": "was made for layers of Megatron, which would be imported",
    "monteclora_config": "draws its weights at random (MonteCLoRA)",
    "sample_at_inference": "draws its weights at random",
    "use_bdlora": "is cut for several devices (BD-LoRA)",
    "use_qalora": "was made for weights of GPTQ (QALoRA)",
    "velora_config": "compresses what its layers are given (VeLoRA)",
}
"""Settings that change more than weights, with the reason why they are not audited."""

KEPT_STARTS: Final = ("pissa", "olora")
"""Ways of beginning that take something away from the base's weights, by the weights alone: they are taken again."""

_STARTS: Final = ("gaussian", "orthogonal", "eva", "mica")
"""Ways of beginning that leave the base alone: the file has the weights."""

_SEEDS: Final = frozenset({"random_loc_seed", "projection_prng_key", "random_seed", "proj_seed", "projection_seed"})
_AMPLE: Final = 65_536
_MOST_NAMES: Final = 20_000


def read_adapter_config(folder: Path) -> dict[str, object]:
    """Read ``adapter_config.json`` and refuse what cannot be audited.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        Without what concerns only where and how an adapter was made.

    Raises
    ------
    ModelFilesError
        If it is absent, is no plain file or cannot be read.
    LineageError
        If it names a kind of adapter, a task or a setting that is not audited.
    """
    path = plain_file(folder, CONFIG, largest=LARGEST_CONFIG)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ModelFilesError(f"{path}: holds {type(content).__name__}; expected an object.")
        _check_kind(path, content)
        _check_settings(path, content)
    except (OSError, ValueError, RecursionError) as exc:
        raise ModelFilesError(f"{path}: cannot be read: {exc}.", fix="Restore the file from its source.") from exc
    return {name: value for name, value in content.items() if name not in {"auto_mapping", "runtime_config"}}


def plain_file(folder: Path, name: str, *, largest: int | None = None) -> Path:
    """Return the path of a plain file in `folder`.

    Raises
    ------
    ModelFilesError
        If it is absent, something else (a pipe would be waited for, for ever), empty, too large or a pointer.
    """
    path = folder / name
    try:
        found = path.stat()
    except OSError as exc:
        raise ModelFilesError(
            f"the adapter folder {str(folder)!r} has no {name}.", fix="Name the folder of a PEFT adapter."
        ) from exc
    if not stat.S_ISREG(found.st_mode):
        raise ModelFilesError(f"{path}: is no plain file.", fix="Restore the file from its source.")
    if largest is not None and found.st_size > largest:
        raise ModelFilesError(f"{path}: holds {found.st_size:,} bytes; expected at most {largest:,}.")
    with path.open("rb") as file:
        if file.read(32).startswith(b"version https://git-lfs"):
            raise ModelFilesError(
                f"{path}: is a pointer of Git LFS, not the file itself.", fix="Fetch it with `git lfs pull`."
            )
    return path


def _check_kind(path: Path, content: Mapping[str, object]) -> None:
    kind = content.get("peft_type")
    if isinstance(kind, str) and kind in REFUSED:
        raise LineageError(
            f"{path}: an adapter of the kind {kind} {REFUSED[kind]}; it is not audited.",
            fix=f"Adapters that change weights are: {', '.join(AUDITED)}.",
        )
    if not isinstance(kind, str) or kind not in AUDITED:
        raise LineageError(
            f"{path}: field 'peft_type' is {_shown(kind)}; expected one of {', '.join(AUDITED)}.",
            fix="Restore the file from its source, or merge the adapter into its base and audit the merged model.",
        )
    task = content.get("task_type")
    if task is not None and task != "CAUSAL_LM":
        raise LineageError(
            f"{path}: the adapter was trained for the task {_shown(task)}; expected CAUSAL_LM.",
            fix="Name an adapter that was trained for text generation.",
        )


def _check_settings(path: Path, content: Mapping[str, object]) -> None:
    for name, reason in _SETTINGS.items():
        if content.get(name):
            raise LineageError(
                f"{path}: field {name!r} is {_shown(content[name])}: such an adapter {reason}; it is not audited.",
                fix="Merge the adapter into its base and audit the merged model.",
            )
    start = content.get("init_lora_weights")
    known = isinstance(start, str) and (start in KEPT_STARTS or start.lower() in _STARTS)
    if not known and start is not None and not isinstance(start, bool):
        raise LineageError(
            f"{path}: the adapter began as {_shown(start)}, which changed the base in a way that cannot be done again.",
            fix="Save it as plain LoRA (path_initial_model_for_weight_conversion), or audit the merged model.",
        )
    for name, value in _numbers(content):
        if isinstance(value, float) and not math.isfinite(value):
            raise LineageError(f"{path}: field {name!r} holds {value}; expected a finite number.")


def check_sizes(path: Path, content: Mapping[str, object], n_weights: int) -> None:
    """Refuse sizes for which the adapter's own file has no weights: they would be made, and memory would not do.

    Parameters
    ----------
    path : Path
        Of the configuration.
    content : mapping
    n_weights : int
        Numbers in the adapter's file.
    """
    most = max(n_weights, _AMPLE)
    for name, value in _numbers(content):
        if name not in _SEEDS and isinstance(value, int) and value > most:
            raise LineageError(
                f"{path}: field {name!r} is {value:,}, and the adapter's file holds {n_weights:,} numbers.",
                fix="Restore the files from their source.",
            )
    vectors, length = content.get("num_vectors"), content.get("vector_length")
    if isinstance(vectors, int) and isinstance(length, int) and vectors * length > most:
        raise LineageError(
            f"{path}: asks for {vectors:,} vectors of {length:,}, and the adapter's file holds {n_weights:,} numbers.",
            fix="Restore the files from their source.",
        )
    for name, entries in content.items():
        if isinstance(entries, (list, dict)) and len(entries) > _MOST_NAMES:
            raise LineageError(
                f"{path}: field {name!r} has {len(entries):,} entries; expected at most {_MOST_NAMES:,}."
            )


def patterns_of(content: Mapping[str, object]) -> tuple[str, ...]:
    """Return the regular expressions of a configuration, each as peft matches it."""
    found: list[str] = []
    for name in ("target_modules", "exclude_modules", "feedforward_modules"):
        value = content.get(name)
        if isinstance(value, str) and value != "all-linear":
            found.append(rf"(?:{value})\Z")
    for name in ("modules_to_save",):
        found += [rf"(^|.*\.){one}($|\..*)" for one in _texts(content.get(name))]
    found += [rf"(?:^|.*?\.){one}\.(?P<idx>\d+)\." for one in _texts(content.get("layers_pattern"))]
    for name, value in content.items():
        if name.endswith("_pattern") and name != "layers_pattern":
            found += [rf"(.*\.)?({one})$" for one in _texts(value)]
    if isinstance(content.get("target_svd_config"), dict):
        found += [rf".*?(?:{one})" for one in _texts(content["target_svd_config"])]
    return tuple(found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        yield from (one for one in value if isinstance(one, str))


def _numbers(content: object, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _numbers(value, name or str(key))
    elif isinstance(content, list):
        for value in content:
            yield from _numbers(value, name)
    elif isinstance(content, (int, float)) and not isinstance(content, bool):
        yield name, content


def _shown(value: object, limit: int = 60) -> str:
    shown = repr(value)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
