"""Whether a tuned checkpoint can descend from a base."""

from __future__ import annotations

import itertools
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from biasaudit.errors import LineageError
from biasaudit.models.local.headers import PLAIN_TYPES, TensorHeader
from biasaudit.models.local.located import Located
from biasaudit.models.text.tokenizer import tokenizer_sha256
from biasaudit.models.text.vocabulary import Differences, vocabulary_differences, vocabulary_of
from biasaudit.types.lineage import DIFFERENT_LINEAGE

_SIZES: Final = (
    ("model_type",),
    ("hidden_size", "n_embd", "d_model"),
    ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    ("num_attention_heads", "n_head", "n_heads", "num_heads"),
)
"""What tuning does not change; each by the names that architectures give it. The vocabulary is compared by tokens."""

_SAME: Final = Differences(contrary=(), told=())
_PIECE: Final = 4 * 1024**2


def lineage(base: Located, tuned: Located, *, allow_different: bool = False) -> str:
    """Say in one sentence how `tuned` relates to `base`.

    Architecture and sizes must be equal, and so must the numbers of the tokens that both have. What tuning adds
    (tokens, rows of padding, new names of reserved tokens) is told.

    Raises
    ------
    LineageError
        If architecture, sizes, tensors or the common part of the vocabulary differ, unless `allow_different`.
    """
    vocabulary = _vocabulary(base, tuned)
    differences = [*_differences(base.config, tuned.config), *_shapes(base, tuned), *vocabulary.contrary]
    if differences:
        found = "; ".join(differences)
        if allow_different:
            return f"{DIFFERENT_LINEAGE} ({found}): a difference between them cannot be put down to tuning"
        raise LineageError(
            f"{tuned.spec.reference!r} cannot have been tuned from {base.spec.reference!r}: {found}.",
            fix="Name the base that it was tuned from, or compare them all the same with --allow-different-lineage.",
        )
    told = [*vocabulary.told, *_rows(base.config, tuned.config)]
    if tuned.adapter is not None and tuned.weights == base.weights and base.adapter is None:
        sentence = "tuned is an adapter on the base's own weights"
        return f"{sentence}; its vocabulary has {', '.join(told)}" if told else sentence
    if not told:
        return "same architecture, sizes and vocabulary"
    return f"same architecture and sizes; the tuned vocabulary has {', '.join(told)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SameWeights:
    """Two checkpoints of one audit that are one.

    Attributes
    ----------
    one, other : str
        By the names that the audit gives them; `one` comes first.
    told : str
        In a sentence.
    """

    one: str
    other: str
    told: str


def same_weights(located: Mapping[str, Located]) -> list[SameWeights]:
    """Return checkpoints that are one: the base named as tuned, one named twice, equal weights in other files.

    Files that differ are compared by the weights in them, as far as the first difference.

    Parameters
    ----------
    located : mapping
        By the names that the audit gives them.
    """
    found = []
    for (one, first), (other, second) in itertools.combinations(located.items(), 2):
        if first.adapter != second.adapter:
            continue
        if first.weights == second.weights:
            told = f"{one} and {other} are the same checkpoint: {first.spec.reference}"
        elif _equal_weights(first, second):
            told = (
                f"{one} ({first.spec.reference}) and {other} ({second.spec.reference}) hold equal weights in files "
                "that differ: no difference between them comes of tuning weights"
            )
        else:
            continue
        found.append(SameWeights(one=one, other=other, told=told))
    return found


def told_of(located: Mapping[str, Located]) -> list[str]:
    """Return what is odd about a choice of checkpoints, in sentences; see :func:`same_weights`."""
    return [pair.told for pair in same_weights(located)]


def _vocabulary(base: Located, tuned: Located) -> Differences:
    own = tuned.adapter_folder is not None and (tuned.adapter_folder / "tokenizer.json").is_file()
    if not own and (base.folder == tuned.folder or tokenizer_sha256(base) == tokenizer_sha256(tuned)):
        return _SAME
    return vocabulary_differences(vocabulary_of(base), vocabulary_of(tuned))


def _differences(base: Mapping[str, object], tuned: Mapping[str, object]) -> list[str]:
    base_text, tuned_text = _text_config(base), _text_config(tuned)
    return [
        f"{name} is {base_text.get(name)} in the base and {tuned_text.get(name)} in the tuned model"
        for names in _SIZES
        for name in names
        if base_text.get(name) != tuned_text.get(name)
    ]


def _shapes(base: Located, tuned: Located) -> list[str]:
    """Return a tensor that both have in other shapes; rows of the vocabulary may be more or fewer."""
    rows = {_text_config(base.config).get("vocab_size"), _text_config(tuned.config).get("vocab_size")}
    for name, header in base.files.tensors.items():
        other = tuned.files.tensors.get(name)
        # Packed weights have the shape of their packing, which says nothing of what they are tuned from.
        if other is None or other.shape == header.shape or not {header.dtype, other.dtype} <= PLAIN_TYPES:
            continue
        of_vocabulary = header.shape[1:] == other.shape[1:] and {header.shape[0], other.shape[0]} == rows
        if not of_vocabulary:
            return [f"{name} is {list(header.shape)} in the base and {list(other.shape)} in the tuned model"]
    return []


def _rows(base: Mapping[str, object], tuned: Mapping[str, object]) -> list[str]:
    before, after = _text_config(base).get("vocab_size"), _text_config(tuned).get("vocab_size")
    return [] if before == after else [f"{after} rows where the base has {before}"]


def _text_config(config: Mapping[str, object]) -> Mapping[str, object]:
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) else config


def _equal_weights(first: Located, second: Located) -> bool:
    """Compare tensor by tensor; names, types and shapes first, which costs nothing."""
    ours, theirs = first.files.tensors, second.files.tensors
    if {name: (one.dtype, one.shape) for name, one in ours.items()} != {
        name: (one.dtype, one.shape) for name, one in theirs.items()
    }:
        return False
    # Norms are often left as they are: the largest tensors tell models apart first.
    order = sorted(ours, key=lambda name: -ours[name].n_numbers)
    return all(_same_bytes(ours[name], theirs[name]) for name in order)


def _same_bytes(one: TensorHeader, other: TensorHeader) -> bool:
    return all(ours == theirs for ours, theirs in zip(_pieces(one), _pieces(other), strict=True))


def _pieces(header: TensorHeader) -> Iterator[bytes]:
    if header.begin == header.end:
        return
    with header.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for begin in range(header.begin, header.end, _PIECE):
            yield content[begin : min(begin + _PIECE, header.end)]
