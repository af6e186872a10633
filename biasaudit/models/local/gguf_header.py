"""What stands at the head of a GGUF file: its metadata and the names and shapes of its tensors."""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ModelFilesError
from biasaudit.models.local.headers import ModelSize, regular_size

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_MOST_ENTRIES: Final = 100_000
_LONGEST_STRING: Final = 16 * 1024**2
_FORMATS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9
_DIMENSIONS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """One tensor of a GGUF file.

    Attributes
    ----------
    shape : tuple of int
        In the order of the file: the first dimension runs fastest.
    kind : str
        Its type or quantisation: ``F32``, ``Q4_K``, …
    """

    shape: tuple[int, ...]
    kind: str

    @property
    def n_numbers(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """Metadata and tensors.

    Attributes
    ----------
    metadata : mapping
        Arrays as lists where they were asked for, else as their length.
    tensors : mapping
        By name.
    """

    metadata: Mapping[str, Any]
    tensors: Mapping[str, GgufTensor]

    @property
    def n_parameters(self) -> int:
        """Numbers in all tensors."""
        return sum(tensor.n_numbers for tensor in self.tensors.values())


def read_gguf(path: Path, *, arrays: tuple[str, ...] = ()) -> GgufHeader:
    """Read the head of a GGUF file, and make sure that the file is as long as it says.

    Parameters
    ----------
    path : Path
    arrays : tuple of str
        Keys of arrays that are kept.

    References
    ----------
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

    Raises
    ------
    ModelFilesError
        If it is no GGUF file, or truncated.
    """
    size = regular_size(path)
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise ModelFilesError(f"{path} is not a GGUF file.", fix="Download it again, or name another file.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                return _Reader(content, arrays).header(size)
            except (struct.error, ValueError, IndexError, KeyError, OverflowError) as exc:
                raise ModelFilesError(
                    f"{path}: is not a whole GGUF file: {exc}.", fix="The file is damaged: download it again."
                ) from exc


def gguf_size(path: Path) -> ModelSize:
    """Return how large the model in a GGUF file is."""
    header = read_gguf(path)
    counts: dict[str, int] = {}
    for tensor in header.tensors.values():
        counts[tensor.kind] = counts.get(tensor.kind, 0) + tensor.n_numbers
    most = max(counts, key=counts.__getitem__, default="F32")
    return ModelSize(
        n_parameters=header.n_parameters,
        n_bytes=path.stat().st_size,
        dtype={"F32": "float32", "F16": "float16", "BF16": "bfloat16"}.get(most, most),
        format="gguf",
        n_files=1,
    )


class _Reader:
    """Walks through the head of a file; every step is bounded by the file's own size."""

    def __init__(self, content: mmap.mmap, arrays: tuple[str, ...]) -> None:
        self._content = content
        self._arrays = arrays
        self._place = 4

    def header(self, size: int) -> GgufHeader:
        version = self._number("I")
        if version not in _VERSIONS:
            raise ValueError(f"it has version {version}")
        n_tensors, n_entries = self._number("Q"), self._number("Q")
        if max(n_tensors, n_entries) > _MOST_ENTRIES:
            raise ValueError(f"it has {n_tensors:,} tensors and {n_entries:,} entries")
        metadata: dict[str, Any] = {}
        for _ in range(n_entries):
            key = self._string()
            metadata[key] = self._value(self._number("I"), key)
        tensors = self._tensors(n_tensors, metadata, size)
        return GgufHeader(metadata=metadata, tensors=tensors)

    def _tensors(self, n_tensors: int, metadata: Mapping[str, Any], size: int) -> dict[str, GgufTensor]:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType  # noqa: PLC0415

        tensors: dict[str, GgufTensor] = {}
        ends = [0]
        for _ in range(n_tensors):
            name, n_dimensions = self._string(), self._number("I")
            if n_dimensions > _DIMENSIONS:
                raise ValueError(f"the tensor {name!r} has {n_dimensions} dimensions")
            shape = tuple(self._number("Q") for _ in range(n_dimensions))
            kind = GGMLQuantizationType(self._number("I"))
            offset = self._number("Q")
            per_block, n_bytes = GGML_QUANT_SIZES[kind]
            if name in tensors:
                raise ValueError(f"it holds the tensor {name!r} twice")
            ends.append(offset + -(-math.prod(shape) // per_block) * n_bytes)
            tensors[name] = GgufTensor(shape=shape, kind=kind.name)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 2**20:
            raise ValueError(f"its alignment is {alignment!r}")
        start = -(-self._place // alignment) * alignment
        if start + max(ends) > size:
            raise ValueError(f"its tensors end at byte {start + max(ends):,}, and it has {size:,}")
        return tensors

    def _number(self, form: str) -> Any:  # Any: int, float or bool, as `form` says
        [value] = struct.unpack_from("<" + form, self._content, self._place)
        self._place += struct.calcsize("<" + form)
        return value

    def _skip(self, n_bytes: int) -> None:
        if n_bytes > len(self._content) - self._place:
            raise ValueError(f"{n_bytes:,} bytes are announced at byte {self._place:,} of {len(self._content):,}")
        self._place += n_bytes

    def _string(self) -> str:
        length = self._number("Q")
        if length > _LONGEST_STRING:
            raise ValueError(f"a text of {length:,} bytes is announced at byte {self._place:,}")
        begin = self._place
        self._skip(length)
        return self._content[begin : self._place].decode("utf-8", errors="replace")

    def _value(self, kind: int, key: str) -> Any:  # Any: what the file holds
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._number(_FORMATS[kind])
        inner, length = self._number("I"), self._number("Q")
        if inner == _ARRAY or (inner != _STRING and inner not in _FORMATS):
            raise ValueError(f"{key!r} is an array of the type {inner}")
        if inner != _STRING and key not in self._arrays:
            self._skip(length * struct.calcsize("<" + _FORMATS[inner]))
            return length
        if length > len(self._content):
            raise ValueError(f"{key!r} has {length:,} entries")
        if key in self._arrays:
            return [self._string() if inner == _STRING else self._number(_FORMATS[inner]) for _ in range(length)]
        for _ in range(length):
            self._skip(self._number("Q"))
        return length
