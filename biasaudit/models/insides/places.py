"""Where a model is read: the last token before the continuations of a table part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from biasaudit.models.text.encoding import Encoded, encode_all
from biasaudit.types import Failed

if TYPE_CHECKING:
    from biasaudit.models.local.loaded import LoadedModel
    from biasaudit.types import Request

Table: TypeAlias = "Sequence[Request]"
"""First and second continuation after context A, then both after context B."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one table is read.

    Attributes
    ----------
    rows : tuple of tuple of int
        Tokens of context A and of context B, each with the tokens that both continuations begin with.
    targets : tuple of int
        The first token in which the continuations differ: of the first, of the second; the same after both.
    """

    rows: tuple[tuple[int, ...], tuple[int, ...]]
    targets: tuple[int, int]


def places_of(loaded: LoadedModel, tables: Sequence[Table]) -> list[Place | str]:
    """Return where each table is read, or why it cannot be.

    Parameters
    ----------
    loaded : LoadedModel
    tables : sequence of sequence of Request
    """
    asked = {request.key: request for table in tables for request in table}
    encoded = encode_all(loaded.tokenizer, list(asked.values()), beginning=loaded.beginning)
    found: list[Place | str] = []
    for table in tables:
        cells = [encoded[request.key] for request in table]
        failed = next((cell.reason for cell in cells if isinstance(cell, Failed)), None)
        found.append(failed or _place([cell for cell in cells if isinstance(cell, Encoded)], loaded.max_length))
    return found


def _place(cells: Sequence[Encoded], longest: int | None) -> Place | str:
    wholes = [(*cell.context_ids, *cell.continuation_ids) for cell in cells]
    if longest is not None and max(map(len, wholes)) > longest:
        return "longer than the model reads"
    (a_row, a_tokens), (b_row, b_tokens) = _parting(*wholes[:2]), _parting(*wholes[2:])
    if a_tokens is None or b_tokens is None:
        return "one continuation begins with the other"
    if a_tokens != b_tokens:
        return "the continuations are other tokens after the other context"
    return Place(rows=(a_row, b_row), targets=a_tokens)


def _parting(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int] | None]:
    """Return what two texts share from their beginning, and the token of either after it."""
    pairs = enumerate(zip(first, second, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), None)
    return ((), None) if at is None else (first[:at], (first[at], second[at]))
