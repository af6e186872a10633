"""Texts that are read for a swap, and which of their tokens count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biasaudit.types.components import Swap


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text that is read, and which of its tokens' log-probabilities count.

    Attributes
    ----------
    swap : int
        Number of its swap.
    ids : tuple of int
        Context, and the continuation but for its last token.
    wanted : tuple of (int, int, float)
        Place, the token that follows it, and its weight.
    """

    swap: int
    ids: tuple[int, ...]
    wanted: tuple[tuple[int, int, float], ...]


def rows_of(number: int, swap: Swap) -> Iterator[Row]:
    """Yield the texts that are read for a swap.

    What both continuations begin with is as likely in both, and is not read. Where they part, both tokens are read in
    one text; what follows in each is read in its own.
    """
    shared = swap.shared
    at = len(swap.to) + shared - 1
    parting = [(at, one[shared], sign) for one, sign in _signed(swap) if len(one) > shared]
    rests = {one: sign for one, sign in _signed(swap) if len(one) > shared + 1}
    for one, sign in rests.items() or {swap.first[: shared + 1]: 0.0}.items():
        whole = (*swap.to, *one)
        rest = [(place - 1, whole[place], sign) for place in range(at + 2, len(whole))]
        yield Row(swap=number, ids=whole[:-1] if len(one) > shared else whole, wanted=(*parting, *rest))
        parting = []


def _signed(swap: Swap) -> tuple[tuple[tuple[int, ...], float], tuple[tuple[int, ...], float]]:
    return (swap.first, 1.0), (swap.second, -1.0)
