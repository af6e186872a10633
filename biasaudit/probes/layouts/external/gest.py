"""GEST: sentences that show a stereotype of women or of men, told by a woman or by a man."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ItemError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import Reader, Reading, sense_and_nonsense, table_rows, text_field
from biasaudit.types import AssociationTexts, PairTexts, ProbeItem, Role

OF_WOMEN: Final = range(1, 8)
OF_MEN: Final = range(8, 17)

FRAMES: Final = {
    "said": ('The woman said: "', 'The man said: "'),
    "wrote": ('She wrote to a friend: "', 'He wrote to a friend: "'),
    "told": ('My mother told me: "', 'My father told me: "'),
}
"""Family -> how a woman and how a man is quoted."""

_COMPETENCE_EVERY: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    line: int
    text: str
    stereotype: int

    @property
    def place(self) -> bytes:
        """Its place in a draw that depends on its words alone."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).digest()


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the sentences, and set one of a stereotype of women beside one of men.

    Each sentence is in one item at most: sentences are put in an order that their words decide, and
    the n-th of either side make an item. What is left of the longer side is counted.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.
    """
    [path] = paths.values()
    return items_of(table_rows(path), card, path)


def items_of(rows: Iterable[tuple[int, Mapping[str, Any]]], card: Card, path: Path) -> Reading:
    """Turn rows, each with its line number, into items; refuse the first that is wrong."""
    sentences = sorted((_sentence(row, path=path, line=line) for line, row in rows), key=lambda one: one.place)
    women = [one for one in sentences if one.stereotype in OF_WOMEN]
    men = [one for one in sentences if one.stereotype in OF_MEN]
    [feature] = card.features
    items: list[ProbeItem] = []
    for number, (woman, man) in enumerate(zip(women, men, strict=False)):
        item = _item(woman, man, feature, tuple(FRAMES)[number % len(FRAMES)])
        items += [item, _competence(item, woman)] if number % _COMPETENCE_EVERY == 0 else [item]
    n_left = abs(len(women) - len(men))
    notices = (f"{n_left} sentences have no partner of the other side and are left out.",) if n_left else ()
    return Reading(items=tuple(items), notices=notices)


def _sentence(row: Mapping[str, Any], *, path: Path, line: int) -> _Sentence:
    text = text_field(row, "sentence", path=path, line=line).strip()
    number = str(row.get("stereotype"))
    if not number.isdecimal() or len(number) > 9 or int(number) not in {*OF_WOMEN, *OF_MEN}:
        raise ItemError(path=path, line=line, field="stereotype", found=number, expected="a number from 1 to 16")
    return _Sentence(line=line, text=text, stereotype=int(number))


def _item(woman: _Sentence, man: _Sentence, feature: str, family: str) -> ProbeItem:
    return ProbeItem(
        item_id=f"{woman.line}-{man.line}",
        cluster_id=f"{woman.stereotype}-{man.stereotype}",
        feature=feature,
        groups=("woman", "man"),
        role=Role.BIAS,
        family=family,
        texts=AssociationTexts(
            contexts=FRAMES[family], continuations=(f'{woman.text}"', f'{man.text}"'), group_in_context=True
        ),
        tags={"of women": str(woman.stereotype), "of men": str(man.stereotype)},
    )


def _competence(item: ProbeItem, woman: _Sentence) -> ProbeItem:
    texts = PairTexts(context=FRAMES[item.family][0], first=f'{woman.text}"', second="")
    return sense_and_nonsense(replace(item, texts=texts))


READER: Final = Reader(read=read, of_hub=items_of)
