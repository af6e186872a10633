"""Components of a model, and contexts whose activations are put in the place of another's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Place(StrEnum):
    """Where in a context a component works, seen from the word that makes its side."""

    BEFORE = "before"
    WORD = "changed word"
    BETWEEN = "between"
    END = "last token"


class ComponentKind(StrEnum):
    """What writes to the residual stream."""

    EMBEDDINGS = "embeddings"
    HEAD = "head"
    MLP = "MLP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What a head or an MLP of one block writes at one place of a context.

    Attributes
    ----------
    kind : ComponentKind
    place : Place
    block : int
        From 0; -1 for the embeddings.
    head : int
        From 0; 0 for what is no head.

    Examples
    --------
    >>> Component(kind=ComponentKind.HEAD, place=Place.END, block=3, head=1).name
    'block 3, head 1, last token'
    >>> Component(kind=ComponentKind.EMBEDDINGS, place=Place.WORD).name
    'embeddings, changed word'
    """

    kind: ComponentKind
    place: Place
    block: int = -1
    head: int = 0

    @property
    def name(self) -> str:
        """In words."""
        if self.kind is ComponentKind.EMBEDDINGS:
            return f"{self.kind}, {self.place}"
        what = f"head {self.head}" if self.kind is ComponentKind.HEAD else str(self.kind)
        return f"block {self.block}, {what}, {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A context in which activations of another are put, and the two continuations whose odds are read after it.

    Attributes
    ----------
    to, donor : tuple of int
        Tokens of the context, and of the one that the activations are taken from: as many.
    first, second : tuple of int
        Tokens of the continuations. What is read is log p(first) - log p(second).
    begins, ends : int
        Places from the first token of the changed word to that behind its last.
    """

    to: tuple[int, ...]
    donor: tuple[int, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    begins: int
    ends: int

    def __post_init__(self) -> None:
        if len(self.to) != len(self.donor) or not 0 <= self.begins < self.ends <= len(self.to):
            msg = "a donor is as long as the context, and the changed word lies within"
            raise ValueError(msg)
        if self.first == self.second:
            msg = "the continuations are one"
            raise ValueError(msg)

    @property
    def shared(self) -> int:
        """How many tokens both continuations begin with."""
        differ = (at for at, (one, other) in enumerate(zip(self.first, self.second, strict=False)) if one != other)
        return next(differ, min(len(self.first), len(self.second)))

    @property
    def n_texts(self) -> int:
        """How many texts are read: one for each continuation that goes on behind where they part, and one at least."""
        return max(1, sum(len(one) > self.shared + 1 for one in (self.first, self.second)))

    def places(self) -> list[Place]:
        """Return where each token of the context is; a last one that is of the word counts there.

        Examples
        --------
        >>> swap = Swap(to=(1, 2, 3, 4), donor=(1, 9, 3, 4), first=(5,), second=(6,), begins=1, ends=2)
        >>> [str(place) for place in swap.places()]
        ['before', 'changed word', 'between', 'last token']
        """
        last = len(self.to) - 1
        behind = [Place.END if at == last else Place.BETWEEN for at in range(self.ends, len(self.to))]
        return [Place.BEFORE] * self.begins + [Place.WORD] * (self.ends - self.begins) + behind


def swapped(to: Sequence[int], donor: Sequence[int], first: Sequence[int], second: Sequence[int]) -> Swap | None:
    """Return a swap whose changed word reaches from the first token that differs to the last.

    None where the contexts do not have as many tokens, or are the same.
    """
    differ = [at for at, (one, other) in enumerate(zip(to, donor, strict=False)) if one != other]
    if len(to) != len(donor) or not differ:
        return None
    return Swap(
        to=tuple(to),
        donor=tuple(donor),
        first=tuple(first),
        second=tuple(second),
        begins=differ[0],
        ends=differ[-1] + 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What is put in at once.

    Attributes
    ----------
    components : frozenset of Component
        None of them: nothing is put in.
    random : bool
        Not the donor's activations, but the context's own, moved as far as the donor's are away, in a random direction.
    """

    components: frozenset[Component]
    random: bool = False
