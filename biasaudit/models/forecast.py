"""How much work requests are for a model, counted without loading its weights."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.errors import ModelFilesError
from biasaudit.models.cache import cache_identity
from biasaudit.models.likelihood import Encoded, believed, encode_all
from biasaudit.models.local.loading import best_device, library_versions, resolve_dtype
from biasaudit.models.local.quantized import library_versions_of, quantization_config, scheme_before_loading
from biasaudit.models.text.tokenizer import tokenizer_sha256
from biasaudit.types import ModelFingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

    from biasaudit.models.cache import ResponseCache
    from biasaudit.models.local.loading import Dtype
    from biasaudit.models.local.located import Located
    from biasaudit.models.local.quantized import Quantize
    from biasaudit.models.text.beginning import Beginning
    from biasaudit.types import Request

BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of one weight as it is computed with."""

BYTES_QUANTIZED: Final[Mapping[str, float]] = {"nf4": 0.5625, "int8": 1.0}
"""Of one weight of a layer: 4 bits and a float32 scale for each 64, or 8 bits."""

PROGRAM_BYTES: Final = 500_000_000
"""Python and the libraries, before any weights."""

ROWS_AT_ONCE: Final = 1024
"""Rows of logits, as wide as the vocabulary, in memory at once."""

_LARGEST_HEADER: Final = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a model is, from the headers of its files.

    Attributes
    ----------
    n_parameters : int
    n_layers, n_output : int
        Of these, what each token is multiplied with, and what each is whose next token is asked for. Input embeddings
        are looked up, where they are not the output layer too.
    n_bytes : int
        Of the weight files.
    stored_as : tuple of str
        Number formats in the files.
    """

    n_parameters: int
    n_layers: int
    n_output: int
    n_bytes: int
    stored_as: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one checkpoint is asked.

    Attributes
    ----------
    n_requests, n_distinct, n_cached : int
        Requests; those that differ; those of them that the cache answers.
    n_failed : int
        That cannot be asked of this tokenizer or this length.
    n_tokens : int
        Tokens of what is neither cached nor failed.
    n_nodes : int
        Distinct beginnings among them: each is computed once.
    n_read : int
        Of these, about those whose next token is asked for.
    """

    n_requests: int
    n_distinct: int
    n_cached: int
    n_failed: int
    n_tokens: int
    n_nodes: int
    n_read: int


def size_of_files(located: Located) -> Size:
    """Read the headers of a checkpoint's base.

    Raises
    ------
    ModelFilesError
        If one is not whole.
    """
    n_parameters = n_embedded = n_output = n_bytes = 0
    stored = set()
    for path in sorted(located.folder.glob("*.safetensors")):
        n_bytes += path.stat().st_size
        for name, tensor in _header(path).items():
            if name == "__metadata__":
                continue
            count = 1
            for side in tensor["shape"]:
                count *= side
            n_parameters += count
            stored.add(str(tensor["dtype"]))
            if "lm_head" in name or "embed_out" in name:
                n_output += count
            elif any(part in name for part in ("embed_tokens", "wte.", "word_embeddings", "embed_in")):
                n_embedded += count
    return Size(
        n_parameters=n_parameters,
        n_layers=n_parameters - n_embedded - n_output,
        n_output=n_output or n_embedded,
        n_bytes=n_bytes,
        stored_as=tuple(sorted(stored)),
    )


def _header(path: Path) -> dict[str, dict[str, list[int]]]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LARGEST_HEADER:
                raise ValueError("its header is too large")  # noqa: TRY301  # told as any other damage
            content: dict[str, dict[str, list[int]]] = json.loads(file.read(length))
    except (OSError, ValueError) as exc:
        raise ModelFilesError(f"{path}: is not a whole safetensors file: {exc}.", fix="Download it again.") from exc
    return content


def memory_bytes(size: Size, located: Located, *, dtype: str, quantize: Quantize | None = None) -> int:
    """Return about how much memory a checkpoint takes while it scores, in bytes; quantised files as they are."""
    text = located.config.get("text_config")
    config: Mapping[str, object] = text if isinstance(text, dict) else located.config
    width = config.get("vocab_size")
    logits = ROWS_AT_ONCE * (width if isinstance(width, int) else 0) * 4
    weights = size.n_parameters * BYTES.get(dtype, 4)
    if quantization_config(located.config) is not None:
        weights = size.n_bytes
    elif quantize is not None:
        weights = int(size.n_layers * BYTES_QUANTIZED[quantize]) + (size.n_parameters - size.n_layers) * BYTES.get(
            dtype, 4
        )
    return PROGRAM_BYTES + weights + logits


def identity_before_loading(
    located: Located, *, dtype: Dtype, device: str | None, quantize: Quantize | None = None
) -> tuple[str, str, str]:
    """Return what the cache will know a checkpoint by, its dtype and its device."""
    there = device or best_device()
    computed = resolve_dtype(dtype, there)
    fingerprint = ModelFingerprint(
        reference=located.spec.reference,
        weights=located.weights,
        adapter=located.adapter,
        dtype=computed,
        device=there,
        tokenizer_sha256=tokenizer_sha256(located),
        chat_template_sha256=None,
        architecture="",
        n_parameters=0,
        vocabulary_size=0,
        hidden_size=0,
        n_layers=0,
        libraries=library_versions() | library_versions_of(located.config, quantize),
        quantization=scheme_before_loading(located.config, quantize, dtype=computed),
    )
    return cache_identity(fingerprint), computed, there


def work_of(
    requests: Sequence[Request],
    encoded: Mapping[str, Encoded | None],
    *,
    identity: str,
    cache: ResponseCache | None,
) -> Work:
    """Count what is left to do.

    Parameters
    ----------
    requests : sequence of Request
    encoded : mapping
        Key -> tokens, from :func:`encoded_once`.
    identity : str
        From :func:`identity_before_loading`.
    cache : ResponseCache or None
    """
    known = known_of(encoded, identity=identity, cache=cache)
    pending = [one for key, one in encoded.items() if key not in known and one is not None]
    nodes, read = n_nodes(((*one.context_ids, *one.continuation_ids)[:-1], len(one.context_ids)) for one in pending)
    return Work(
        n_requests=len(requests),
        n_distinct=len(encoded),
        n_cached=len(known),
        n_failed=sum(one is None for key, one in encoded.items() if key not in known),
        n_tokens=sum(one.n_tokens for one in pending),
        n_nodes=nodes,
        n_read=read,
    )


def known_of(encoded: Mapping[str, Encoded | None], *, identity: str, cache: ResponseCache | None) -> set[str]:
    """Return the keys of requests that the cache answers; see :func:`work_of`."""
    whole = [one for one in encoded.values() if one is not None]
    return set() if cache is None else set(believed(cache.found(identity, {one.scored_key for one in whole}), whole))


def encoded_once(
    tokenizer: PreTrainedTokenizerBase, requests: Iterable[Request], *, longest: int | None, beginning: Beginning
) -> dict[str, Encoded | None]:
    """Return key -> tokens of each distinct request; None where it cannot be asked."""
    distinct = {request.key: request for request in requests}
    encoded = encode_all(tokenizer, list(distinct.values()), beginning=beginning)
    return {
        key: one if isinstance(one, Encoded) and (longest is None or one.n_tokens <= longest) else None
        for key, one in encoded.items()
    }


def n_nodes(sequences: Iterable[tuple[tuple[int, ...], int]]) -> tuple[int, int]:
    """Count the distinct beginnings of sequences of tokens, and about how many of them are read.

    Parameters
    ----------
    sequences : iterable of (tokens, number of tokens of the context)
        Without the last token, which is asked for and never computed.

    Examples
    --------
    >>> n_nodes([((0, 5, 6), 2), ((0, 5, 8), 2)])  # 0; 0 5; 0 5 6; 0 5 8: all but the first are read
    (4, 3)
    """
    nodes = read = 0
    before: tuple[int, ...] = ()
    for one, n_context in sorted(sequences):
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, before, strict=False)))
        nodes += len(one) - shared
        read += len(one) - max(shared, n_context - 1)
        before = one
    return nodes, read
