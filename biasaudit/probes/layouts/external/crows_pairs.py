"""The CrowS-Pairs layouts: original and revised, from a file or from the hub's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ItemError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import (
    COMPETENCE_EVERY,
    Reader,
    Reading,
    one_of,
    sense_and_nonsense,
    table_rows,
    text_field,
)
from biasaudit.types import PairTexts, ProbeItem, Role

DIRECTIONS: Final = ("stereo", "antistereo")


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read a CrowS-Pairs file.

    `sent_more` is the more stereotypical sentence in both directions, so ``antistereo`` pairs
    are not flipped; the direction is kept as a tag. Pairs that the card names under the option
    ``leave-out``, by their ids, are left out and counted.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.

    References
    ----------
    Nangia et al. (2020), and `metric.py` of the data's repository, which settles the columns.
    """
    [path] = paths.values()
    return items_of(table_rows(path, delimiter=card.data.delimiter), card, path)


def items_of(rows: Iterable[tuple[int, Mapping[str, Any]]], card: Card, path: Path) -> Reading:
    """Turn rows, each with its line number, into items; refuse the first that is wrong."""
    items: list[ProbeItem] = []
    seen: set[str] = set()
    unusable = set(card.data.options.get("leave-out", "").split())
    for position, (line, row) in enumerate(rows):
        item_id = _checked_id(row, line, path, position)
        if item_id in unusable:
            seen.add(item_id)
            continue
        if item_id in seen:
            raise ItemError(path=path, line=line, field="id", found=item_id, expected="an id not used above")
        seen.add(item_id)
        item = _item(item_id, row, line=line, path=path, card=card)
        items.append(item)
        if position % COMPETENCE_EVERY == 0:
            items.append(sense_and_nonsense(item, language=card.language))
    left_out = sorted(unusable & seen, key=lambda name: (len(name), name))
    notices = (f"{len(left_out)} pairs that the card names are left out: {', '.join(left_out)}.",) if left_out else ()
    return Reading(items=tuple(items), notices=notices)


def _checked_id(row: Mapping[str, Any], line: int, path: Path, position: int) -> str:
    # The first column has no name in the file; `datasets` calls it "Unnamed: 0".
    for name in ("", "Unnamed: 0", "id"):
        if name in row:
            if row[name] in {"", None}:
                raise ItemError(path=path, line=line, field="id", found="", expected="the pair's id")
            return str(row[name])
    return str(position)


def _item(item_id: str, row: Mapping[str, Any], *, line: int, path: Path, card: Card) -> ProbeItem:
    texts = PairTexts(
        context="",
        first=text_field(row, "sent_more", path=path, line=line),
        second=text_field(row, "sent_less", path=path, line=line),
    )
    direction = one_of(row, "stereo_antistereo", DIRECTIONS, path=path, line=line)
    feature = one_of(row, "bias_type", card.groups, path=path, line=line)
    return ProbeItem(
        item_id=item_id,
        cluster_id=str(row.get("anon_writer") or item_id),
        feature=feature,
        groups=(),
        role=Role.BIAS,
        family=feature,
        texts=texts,
        tags={"direction": direction},
    )


READER: Final = Reader(read=read, of_hub=items_of)
