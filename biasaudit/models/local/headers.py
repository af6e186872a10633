"""What stands at the head of a safetensors file: names, types and shapes, without torch and without the weights."""

from __future__ import annotations

import itertools
import json
import math
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ModelFilesError

BITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
"""Bits that one number takes, by the name of its type."""

PLAIN_TYPES: Final = frozenset({"F16", "BF16", "F32", "F64"})
"""Types of weights that stand one number for one: packed ones have other shapes than what they are of."""

LARGEST_HEADER: Final = 32 * 1024**2
"""Bytes: some 300,000 tensors in one file. Python takes 30 times that to read it."""

LARGEST_JSON: Final = 32 * 1024**2
"""Bytes of a JSON file that is read: the index of the largest public model has 15 MB."""

_LFS: Final = b"version https://git-lfs"
_AGAIN: Final = "Download it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorHeader:
    """One tensor, as the head of its file tells of it.

    Attributes
    ----------
    dtype : str
        As safetensors names it: ``F32``, ``BF16``, …
    shape : tuple of int
    path : Path
        The file that holds it.
    begin, end : int
        Its bytes in that file.
    """

    dtype: str
    shape: tuple[int, ...]
    path: Path
    begin: int
    end: int

    @property
    def n_numbers(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)


def regular_size(path: Path, *, shown: str | None = None) -> int:
    """Return the size in bytes of a plain file.

    Raises
    ------
    ModelFilesError
        If there is none, or if it is a folder, a pipe, a device or a socket: reading from those may never end.
    """
    name = shown or str(path)
    try:
        found = path.stat()
    except OSError as exc:
        raise ModelFilesError(
            f"{name}: cannot be read: {exc.strerror or exc}.", fix="Restore the file from its source."
        ) from exc
    if not stat.S_ISREG(found.st_mode):
        raise ModelFilesError(f"{name}: is no plain file.", fix="Put the file itself there.")
    if not os.access(path, os.R_OK):
        raise ModelFilesError(f"{name}: may not be read by this user.", fix="Change its permissions.")
    return found.st_size


def read_object(path: Path, *, largest: int = LARGEST_JSON) -> dict[str, Any]:
    """Read a JSON object from a plain file of bounded size.

    Parameters
    ----------
    path : Path
    largest : int
        Bytes that it may have.

    Raises
    ------
    ModelFilesError
        In one message, whatever is wrong with it: absent, no plain file, too large, a pointer to git-LFS, no JSON,
        nested too deeply, no object.
    """
    size = regular_size(path)
    if size > largest:
        raise ModelFilesError(f"{path}: has {size:,} bytes; expected at most {largest:,}.", fix=_AGAIN)
    try:
        raw = path.read_bytes()
        if raw.startswith(_LFS):
            raise _pointer(path)
        content = json.loads(raw.decode("utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as exc:
        reason = "it is nested too deeply" if isinstance(exc, RecursionError) else _first_line(exc)
        raise ModelFilesError(f"{path}: cannot be read as JSON: {reason}.", fix=_AGAIN) from exc
    if not isinstance(content, dict):
        raise ModelFilesError(f"{path}: holds {type(content).__name__}; expected an object.", fix=_AGAIN)
    return content


def read_headers(paths: Iterable[Path]) -> dict[str, TensorHeader]:
    """Return the tensors that safetensors files hold together.

    Parameters
    ----------
    paths : iterable of Path

    Raises
    ------
    ModelFilesError
        If a file is no whole safetensors file, or if two files hold a tensor of one name.
    """
    found: dict[str, TensorHeader] = {}
    for path in paths:
        of_file = read_header(path)
        twice = sorted(found.keys() & of_file)
        if twice:
            raise ModelFilesError(
                f"{path}: holds the tensor {twice[0]!r}, which another file of this model holds too.", fix=_AGAIN
            )
        found.update(of_file)
    return found


def read_header(path: Path) -> dict[str, TensorHeader]:
    """Return the tensors of one safetensors file, and make sure that the file is whole.

    References
    ----------
    The format: https://github.com/huggingface/safetensors, "Format".

    Raises
    ------
    ModelFilesError
        If it is a pointer of git-LFS, truncated, or no safetensors file.
    """
    size = regular_size(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(_LFS))
            if start == _LFS:
                raise _pointer(path)
            length = int.from_bytes(start[:8], "little")
            if size < 8 or length > min(LARGEST_HEADER, size - 8):
                raise _not_whole(path, f"it has {size:,} bytes, and its header should have {length:,}")
            file.seek(8)
            content = json.loads(file.read(length).decode("utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as exc:
        reason = "its header is nested too deeply" if isinstance(exc, RecursionError) else _first_line(exc)
        raise _not_whole(path, reason) from exc
    return _checked(path, content, start=8 + length, size=size)


def _checked(path: Path, content: object, *, start: int, size: int) -> dict[str, TensorHeader]:
    if not isinstance(content, dict):
        raise _not_whole(path, f"its header is {type(content).__name__}")
    places: list[tuple[int, int, str]] = []
    found: dict[str, TensorHeader] = {}
    for name, entry in content.items():
        if name == "__metadata__":
            continue
        header = _entry(path, name, entry, start)
        n_bytes = header.end - header.begin
        if n_bytes != -(-header.n_numbers * BITS[header.dtype] // 8):
            raise _not_whole(path, f"the tensor {name!r} of shape {list(header.shape)} takes {n_bytes:,} bytes")
        places.append((header.begin, header.end, name))
        found[name] = header
    places.sort()
    ends = [start, *(end for _, end, _ in places)]
    for expected, (begin, _, name) in zip(ends, places, strict=False):
        if begin != expected:
            raise _not_whole(path, f"the tensor {name!r} begins at byte {begin:,}; expected {expected:,}")
    if ends[-1] != size:
        raise _not_whole(path, f"its tensors end at byte {ends[-1]:,}, and it has {size:,}")
    return found


def _entry(path: Path, name: str, entry: object, start: int) -> TensorHeader:
    if not isinstance(entry, dict):
        raise _not_whole(path, f"its header says nothing of {name!r}")
    dtype, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _not_whole(path, f"the tensor {name!r} has the type {dtype!r}")
    sizes, ends = _whole_numbers(shape), _whole_numbers(place)
    if sizes is None or ends is None or len(ends) != 2:
        raise _not_whole(path, f"the tensor {name!r} has the shape {shape!r} and the place {place!r}"[:200])
    return TensorHeader(dtype=dtype, shape=sizes, path=path, begin=start + ends[0], end=start + ends[1])


def _whole_numbers(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list) or not all(type(number) is int and 0 <= number < 2**63 for number in value):
        return None
    return tuple(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """How large a model is, from the heads of its files alone.

    Attributes
    ----------
    n_parameters : int
        Numbers in the files. A quantised file counts what it holds.
    n_bytes : int
        Of the files with weights.
    dtype : str
        The type that most numbers have, as torch names it: ``float32``, ``bfloat16``, …
    format : str
        ``safetensors`` or ``gguf``.
    n_files : int
    """

    n_parameters: int
    n_bytes: int
    dtype: str
    format: str
    n_files: int


_NAMES: Final = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "U8": "uint8",
    "I8": "int8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


def size_of_tensors(tensors: Mapping[str, TensorHeader], paths: Iterable[Path], *, form: str) -> ModelSize:
    """Add up what the heads of files say."""
    by_type = sorted((header.dtype, header.n_numbers) for header in tensors.values())
    sums = {
        name: sum(count for _, count in group) for name, group in itertools.groupby(by_type, key=lambda entry: entry[0])
    }
    most = max(sums, key=sums.__getitem__, default="F32")
    files = tuple(paths)
    return ModelSize(
        n_parameters=sum(sums.values()),
        n_bytes=sum(path.stat().st_size for path in files),
        dtype=_NAMES.get(most, most.lower()),
        format=form,
        n_files=len(files),
    )


def _pointer(path: Path) -> ModelFilesError:
    return ModelFilesError(
        f"{path}: is a pointer of git-LFS, not the file itself.",
        fix="Fetch the file with `git lfs pull`, or download the model with `hf download`.",
    )


def _not_whole(path: Path, reason: str) -> ModelFilesError:
    return ModelFilesError(f"{path}: is not a whole safetensors file: {reason}.", fix=_AGAIN)


def _first_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0][:200] if lines else type(exc).__name__
