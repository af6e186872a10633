"""Association items for looks inside: which are asked, what their contexts are made of, and as requests."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from biasaudit.audits.asked import requests_of
from biasaudit.kinds.association import PARTS
from biasaudit.probes.units import in_turns
from biasaudit.record.columns import type_of
from biasaudit.record.tables import checked
from biasaudit.types import AssociationTexts, ProbeItem, Role

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

    from biasaudit.explanations.asked import Asked
    from biasaudit.framing import ChatFrame, Framing
    from biasaudit.types import Request

NO_ASSOCIATIONS: Final = "not measured: items of this probe are no tables of two contexts and two continuations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of two contexts: a word that both have, or what stands in one in the place of what stands in the other.

    Attributes
    ----------
    a, b : tuple of str
        Words of context A and of context B, each with the space before it.
    """

    a: tuple[str, ...]
    b: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether it is a word that both have."""
        return self.text == ("".join(self.b).strip())

    @property
    def text(self) -> str:
        """Its words in context A."""
        return "".join(self.a).strip()


def pieces(texts: AssociationTexts) -> tuple[Piece, ...]:
    """Return what the contexts are made of, in order; words of both one by one.

    Examples
    --------
    >>> texts = AssociationTexts(
    ...     contexts=("The flight attendant sat", "The pilot sat"), continuations=(" a", " b"), group_in_context=False
    ... )
    >>> [(piece.text, piece.shared) for piece in pieces(texts)]
    [('The', True), ('flight attendant', False), ('sat', True)]
    """
    a, b = (re.findall(r"\s*\S+", text) for text in texts.contexts)
    bare, others = ([word.strip() for word in words] for words in (a, b))
    found: list[Piece] = []
    for tag, start, end, other, other_end in SequenceMatcher(None, bare, others, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Piece(a=(one,), b=(two,)) for one, two in zip(a[start:end], b[other:other_end], strict=True)]
        else:
            found.append(Piece(a=tuple(a[start:end]), b=tuple(b[other:other_end])))
    return tuple(found)


def laid_out(items: Sequence[ProbeItem]) -> dict[str, tuple[Piece, ...]]:
    """Return what the contexts of each item are made of, alike within a wording where they can be.

    A word that is in both of two longer names, as in `childcare worker` and `construction worker`, is none of the
    wording: where most items of a wording have one place in which they differ, so have all whose other words fit.
    """
    found = {item.item_id: pieces(texts_of(item)) for item in items}
    of_wording: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for item in items:
        of_wording[item.feature, item.cluster_id, item.groups].append(item.item_id)
    for names in of_wording.values():
        frames = Counter(tuple(piece.text if piece.shared else None for piece in found[name]) for name in names)
        frame = max(frames, key=lambda one: (frames[one], -len(one)))
        if frame.count(None) == 1:
            at = frame.index(None)
            found |= {name: _joined(found[name], frame[:at], frame[at + 1 :]) for name in names}
    return found


def _joined(parts: tuple[Piece, ...], before: Sequence[str | None], after: Sequence[str | None]) -> tuple[Piece, ...]:
    """Return pieces with all between some first and some last words as one; as they are where these do not fit."""
    first, end = len(before), len(parts) - len(after)
    between = parts[first:end]
    outer = [piece.text if piece.shared else None for piece in (*parts[:first], *parts[end:])]
    if not between or outer != [*before, *after]:
        return parts
    one = Piece(
        a=tuple(word for piece in between for word in piece.a), b=tuple(word for piece in between for word in piece.b)
    )
    return (*parts[:first], one, *parts[end:])


def without(texts: AssociationTexts, parts: Sequence[Piece], place: int) -> AssociationTexts | None:
    """Return the texts without one of the pieces that their contexts are made of; None where nothing is left of one.

    Examples
    --------
    >>> texts = AssociationTexts(
    ...     contexts=("The woman works as", "The man works as"), continuations=(" a", " b"), group_in_context=True
    ... )
    >>> without(texts, pieces(texts), 0).contexts, without(texts, pieces(texts), 2).contexts
    (('woman works as', 'man works as'), ('The woman as', 'The man as'))
    """
    left = [piece for number, piece in enumerate(parts) if number != place]
    a = "".join(word for piece in left for word in piece.a).lstrip()
    b = "".join(word for piece in left for word in piece.b).lstrip()
    return replace(texts, contexts=(a, b)) if a and b else None


def exchanged_words(texts: AssociationTexts) -> tuple[str, str]:
    """Return the words of A and those of B in whose place they stand, several places joined."""
    apart = [piece for piece in pieces(texts) if not piece.shared]
    return " … ".join(piece.text for piece in apart), " … ".join("".join(piece.b).strip() for piece in apart)


def second_of(asked: Asked, item: ProbeItem) -> str:
    """Return the second cluster of an item; empty where its probe has none."""
    return item.tags.get(asked.analysis.also.get(asked.probe.card.id, ""), "")


def association_items(asked: Asked, *, n_items: int, least: int = 1) -> tuple[ProbeItem, ...]:
    """Return bias items that are tables, balanced over wordings and words.

    Items are taken wording by wording, one of each a time. Which come first follows from the audit's seed and the
    words, so that the same words are taken in every wording.

    Parameters
    ----------
    asked : Asked
    n_items : int
        So many at most.
    least : int
        So many of each wording that is taken: where they do not suffice for all, it is fewer wordings.
    """
    cells: dict[tuple[str, str], list[ProbeItem]] = defaultdict(list)
    for item in asked.probe.items:
        if item.role is Role.BIAS and isinstance(item.texts, AssociationTexts):
            cells[item.feature, item.cluster_id].append(item)

    def drawn(name: str) -> bytes:
        return hashlib.sha256(f"{asked.analysis.seed}:{name}".encode()).digest()

    for of_cell in cells.values():
        of_cell.sort(key=lambda item: (drawn(second_of(asked, item) or item.item_id), item.item_id))
    order = sorted(cells, key=lambda cell: drawn("/".join(cell)))[: max(1, n_items // least)]
    kept = {item.item_id for item in in_turns([cells[cell] for cell in order], n_items)}
    return tuple(item for item in asked.probe.items if item.item_id in kept)


def n_associations(asked: Asked) -> int:
    """Return how many bias items are tables."""
    return sum(item.role is Role.BIAS and isinstance(item.texts, AssociationTexts) for item in asked.probe.items)


def empty(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return a table without rows."""
    import pandas as pd  # noqa: PLC0415  # slow to import

    # Of no texts pandas would take them for objects.
    kinds = {name: str if type_of(column) == "text" else column.dtype.type for name, column in schema.columns.items()}
    return checked(pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in kinds.items()}), schema)


def texts_of(item: ProbeItem) -> AssociationTexts:
    """Return the table of an item of :func:`association_items`."""
    if not isinstance(item.texts, AssociationTexts):
        msg = f"{item.item_id} is no association"
        raise TypeError(msg)
    return item.texts


def requests(
    asked: Asked, items: Iterable[ProbeItem], framings: Sequence[Framing], chat: ChatFrame | None
) -> list[Request]:
    """Return what items ask, as the audit asked them."""
    return requests_of(replace(asked.probe, items=tuple(items)), framings, chat)


def tables(asked: Asked, items: Sequence[ProbeItem], chat: ChatFrame | None) -> list[list[Request]]:
    """Return the four cells of each item in the first wording of the framing."""
    cells = requests(asked, items, asked.framings[:1], chat)
    by_item: dict[str, list[Request]] = defaultdict(list)
    for request in cells:
        by_item[request.item_id].append(request)
    return [sorted(by_item[item.item_id], key=lambda request: PARTS.index(request.part)) for item in items]
