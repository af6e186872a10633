"""Exactly the files of a model that a loader reads: found, looked at, and put where it sees nothing else."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from biasaudit.errors import ModelFilesError
from biasaudit.models.local.headers import (
    ModelSize,
    TensorHeader,
    read_headers,
    read_object,
    regular_size,
    size_of_tensors,
)

CONFIG: Final = "config.json"
GENERATION: Final = "generation_config.json"
WEIGHTS: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
ADAPTER: Final = "adapter_config.json"
PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

MOST_COUNTED: Final = 4096
"""Layers, blocks or experts that a configuration may ask for beyond one for each tensor in its files."""

LARGEST_CONFIG: Final = 4 * 1024**2
"""Bytes of a configuration or a card."""

_COUNTS = re.compile(r"(layers?|blocks?|experts?|stages?|depths?)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """The files of one model.

    Attributes
    ----------
    folder : Path
    weights : tuple of Path
        As they are named in the folder; links of the hub's cache are not followed.
    others : tuple of Path
        All else that a loader reads: configuration, index, and code where the configuration names some.
    config : mapping
        ``config.json``.
    tensors : mapping
        By name, from the heads of the files.
    """

    folder: Path
    weights: tuple[Path, ...]
    others: tuple[Path, ...]
    config: Mapping[str, Any]
    tensors: Mapping[str, TensorHeader]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file: what is hashed."""
        return (*self.weights, *self.others)

    @property
    def size(self) -> ModelSize:
        """Parameters, bytes and type."""
        return size_of_tensors(self.tensors, self.weights, form="safetensors")


def model_files(folder: Path, what: str = "the folder") -> ModelFiles:
    """Resolve the files of a model, and check all that can be known before any weights are read.

    Parameters
    ----------
    folder : Path
    what : str
        How messages name it.

    Raises
    ------
    ModelFilesError
        If something is absent, leaves the folder, is no plain file or no whole one, or would be read unasked.
    """
    _refuse_adapters(folder, what)
    config = model_config(folder, what)
    named = config.get("transformers_weights")
    if named is not None:
        raise ModelFilesError(
            f"{folder / CONFIG}: names other weights, {named!r}, in 'transformers_weights'.",
            fix=f"Remove that line and name the file {WEIGHTS}.",
        )
    weights, index = _weights(folder, what)
    others = [folder / CONFIG, *([index] if index else [])]
    if (folder / GENERATION).exists() or (folder / GENERATION).is_symlink():
        read_object(folder / GENERATION, largest=LARGEST_CONFIG)
        others.append(folder / GENERATION)
    if "auto_map" in config:
        others += sorted(folder.glob("*.py"))
    for path in (*weights, *others):
        _stays_inside(path, folder)
    tensors = read_headers(weights)
    if index is not None:
        _index_agrees(index, weights, tensors)
    _counts_are_possible(folder / CONFIG, config, len(tensors))
    return ModelFiles(folder=folder, weights=weights, others=tuple(others), config=config, tensors=tensors)


def model_config(folder: Path, what: str = "the folder", name: str = CONFIG) -> dict[str, Any]:
    """Read the JSON file `name` of `folder`, or say that this is not a model.

    Raises
    ------
    ModelFilesError
        If it is absent or no JSON object.
    """
    path = folder / name
    if not path.exists() and not path.is_symlink():
        raise ModelFilesError(f"{what} {str(folder)!r} has no {name}.{_checkpoints_in(folder)}", fix=_NAME_IT)
    return read_object(path, largest=LARGEST_CONFIG)


@contextmanager
def alone(files: ModelFiles) -> Iterator[Path]:
    """Give a folder in which a loader sees the files of a model, and nothing that lies beside them.

    Loaders look for more than is asked for: an ``adapter_config.json`` is applied, other weights win over
    ``model.safetensors``. What was not resolved, checked and hashed is not there.
    """
    with tempfile.TemporaryDirectory(prefix="biasaudit-model-") as name:
        folder = Path(name)
        for path in files.paths:
            target = folder / path.relative_to(files.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path.resolve())
        yield folder


_NAME_IT: Final = "Name the folder that holds the model itself."


def _refuse_adapters(folder: Path, what: str) -> None:
    """Refuse an adapter in the folder of a model, which would be put on unasked, and one alone, which is no model."""
    path = folder / ADAPTER
    if not path.exists() and not path.is_symlink():
        return
    base = read_object(path, largest=LARGEST_CONFIG).get("base_model_name_or_path")
    shown = base if isinstance(base, str) and base and len(base) < 200 else "BASE"
    if not (folder / CONFIG).exists():
        raise ModelFilesError(
            f"{what} {str(folder)!r} holds an adapter, not a model; its card names {shown!r} as its base.",
            fix=f"Name both: {shown}+{folder}",
        )
    raise ModelFilesError(
        f"{what} {str(folder)!r} holds a model and an adapter ({ADAPTER}), which would be put on it unasked.",
        fix=f"Remove {ADAPTER} if the weights are merged, or name both: {shown}+{folder}",
    )


def _checkpoints_in(folder: Path) -> str:
    """Tell where models or adapters lie one folder further down, as trainers leave them."""
    inner = sorted(path.parent for name in (CONFIG, ADAPTER) for path in folder.glob(f"*/{name}"))
    if not inner:
        return ""
    more = f" and {len(inner) - 1} more" if len(inner) > 1 else ""
    hint = " (an adapter: BASE+FOLDER)" if not (inner[-1] / CONFIG).exists() else ""
    return f" It holds {inner[-1].name!r}{more}, which could be meant{hint}."


def _weights(folder: Path, what: str) -> tuple[tuple[Path, ...], Path | None]:
    """Return the files with weights, in the order in which transformers looks for them, and the index."""
    single, index = folder / WEIGHTS, folder / INDEX
    if single.exists() or single.is_symlink():
        return (single,), None
    if index.exists() or index.is_symlink():
        return _shards(index), index
    there = sorted(path.name for path in folder.iterdir())
    pickles = [name for name in there if name.endswith(PICKLES) and name != "training_args.bin"]
    if any(name.endswith(".safetensors") for name in there):
        others = ", ".join(name for name in there if name.endswith(".safetensors"))
        raise ModelFilesError(
            f"{what} {str(folder)!r} holds neither {WEIGHTS} nor {INDEX}, but {others[:200]}.",
            fix=f"Rename the file that is meant to {WEIGHTS}, or save the model again with its index.",
        )
    if pickles:
        raise ModelFilesError(
            f"{what} {str(folder)!r} holds pickled weights only ({pickles[0]}), which can run code when they are read.",
            fix="Convert them to safetensors (`model.save_pretrained(folder)`), or use a revision that has them.",
        )
    raise ModelFilesError(f"{what} {str(folder)!r} holds no weights (*.safetensors).", fix=_NAME_IT)


def shard_names(index: Path) -> tuple[str, ...]:
    """Return the names of the files that an index puts a model together from.

    Raises
    ------
    ModelFilesError
        If it names none, or one that is no safetensors file inside the folder.
    """
    places = read_object(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise ModelFilesError(f"{index}: has no 'weight_map' of tensors to files.", fix="Download it again.")
    names = sorted(set(places.values()))
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not name:
            raise ModelFilesError(
                f"{index}: names {name[:200]!r}, which lies outside the folder.", fix="Do not use this model."
            )
        if path.suffix != ".safetensors":
            raise ModelFilesError(
                f"{index}: names {name[:200]!r}, which is no safetensors file.", fix="Use a revision that has them."
            )
    return tuple(names)


def _shards(index: Path) -> tuple[Path, ...]:
    paths = tuple(index.parent / name for name in shard_names(index))
    gone = [path.name for path in paths if not path.exists()]
    if gone:
        raise ModelFilesError(
            f"{index}: names {len(paths)} files, and {len(gone)} of them are not there: {', '.join(gone)[:200]}.",
            fix="Download the model again; an interrupted download can be continued.",
        )
    return paths


def _index_agrees(index: Path, weights: tuple[Path, ...], tensors: Mapping[str, TensorHeader]) -> None:
    places = read_object(index)["weight_map"]
    lost = sorted(set(places) - set(tensors))
    if lost:
        raise ModelFilesError(
            f"{index}: names the tensor {lost[0]!r} ({len(lost)} in all), which none of {len(weights)} files holds.",
            fix="Download the model again.",
        )


def _stays_inside(path: Path, folder: Path) -> None:
    """Refuse links that leave the folder; only the hub's own cache keeps files elsewhere, in its ``blobs``."""
    regular_size(path)
    home, target = folder.resolve(), path.resolve()
    if target.is_relative_to(home):
        return
    repository = home.parent.parent
    if home.parent.name == "snapshots" and target.is_relative_to(repository / "blobs"):
        return
    raise ModelFilesError(
        f"{path}: is a link to {target}, outside the folder of the model.",
        fix="Put the file itself there, or name the folder that it lies in.",
    )


def _counts_are_possible(path: Path, config: Mapping[str, Any], n_tensors: int) -> None:
    """Refuse a configuration that asks for more layers than its files can fill, before anything builds them."""
    waiting: list[tuple[Mapping[str, Any], int]] = [(config, 0)]
    while waiting:
        part, depth = waiting.pop()
        for name, value in part.items():
            if isinstance(value, Mapping) and depth < 4:
                waiting.append((value, depth + 1))
            elif _COUNTS.search(name) and type(value) is int and value > max(n_tensors, MOST_COUNTED):
                raise ModelFilesError(
                    f"{path}: asks for {value:,} as {name!r}, and the files hold {n_tensors:,} tensors.",
                    fix="Restore the file from its source.",
                )
