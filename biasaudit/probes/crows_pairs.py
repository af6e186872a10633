"""The CrowS-Pairs layouts: original and revised, from a file or from the hub's rows."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes.card import Card
from biasaudit.types import PairTexts, ProbeItem, Role

REQUIRED = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")
COMPETENCE_EVERY = 5
"""Each fifth pair also asks whether its first sentence is preferred to its own words shuffled."""


def read_crows_pairs(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Read a CrowS-Pairs file.

    `sent_more` is the more stereotypical sentence in both directions, so ``antistereo`` pairs
    are not flipped; the direction is kept as a tag.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.

    References
    ----------
    Nangia et al. (2020), and `metric.py` of the data's repository, which settles the columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter=card.data.delimiter)
            rows = list(_numbered(reader))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise ProbeError(f"{path}: cannot be read as a table: {exc}.") from exc
    if not rows:
        raise ProbeError(f"{path}: holds no rows.", fix="Restore the file from its source.")
    return items_of(rows, card, path)


def _numbered(reader: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for row in reader:
        yield reader.line_num, row


def items_of(rows: Iterable[tuple[int, Mapping[str, str]]], card: Card, path: Path) -> tuple[ProbeItem, ...]:
    """Turn rows, each with its line number, into items; refuse the first that is wrong."""
    items: list[ProbeItem] = []
    seen: set[str] = set()
    for position, (line, row) in enumerate(rows):
        item_id = _checked_id(row, line, path, position)
        if item_id in seen:
            raise ItemError(path=path, line=line, field="id", found=item_id, expected="an id not used above")
        seen.add(item_id)
        feature = _checked(row, line, path, card)
        items.append(_bias_item(item_id, feature, row))
        if position % COMPETENCE_EVERY == 0:
            items.append(_competence_item(item_id, feature, row))
    return tuple(items)


def _checked_id(row: Mapping[str, str], line: int, path: Path, position: int) -> str:
    # The first column has no name in the file; `datasets` calls it "Unnamed: 0".
    for name in ("", "Unnamed: 0", "id"):
        if name in row:
            if not row[name]:
                raise ItemError(path=path, line=line, field="id", found="", expected="the pair's id")
            return str(row[name])
    return str(position)


def _checked(row: Mapping[str, str], line: int, path: Path, card: Card) -> str:
    for name in REQUIRED:
        if not row.get(name):
            raise ItemError(path=path, line=line, field=name, found=str(row.get(name)), expected="a text")
    if row["stereo_antistereo"] not in {"stereo", "antistereo"}:
        raise ItemError(
            path=path,
            line=line,
            field="stereo_antistereo",
            found=row["stereo_antistereo"],
            expected="'stereo' or 'antistereo'",
        )
    if row["bias_type"] not in card.groups:
        raise ItemError(
            path=path,
            line=line,
            field="bias_type",
            found=row["bias_type"],
            expected="one that card.yaml declares: " + ", ".join(card.groups),
        )
    return row["bias_type"]


def _bias_item(item_id: str, feature: str, row: Mapping[str, str]) -> ProbeItem:
    writer = row.get("anon_writer")
    return ProbeItem(
        item_id=item_id,
        cluster_id=writer or item_id,
        feature=feature,
        groups=(),
        role=Role.BIAS,
        family=feature,
        texts=PairTexts(context="", first=row["sent_more"], second=row["sent_less"]),
        tags={"direction": row["stereo_antistereo"]},
    )


def _competence_item(item_id: str, feature: str, row: Mapping[str, str]) -> ProbeItem:
    return ProbeItem(
        item_id=f"{item_id}/shuffled",
        cluster_id=row.get("anon_writer") or item_id,
        feature=feature,
        groups=(),
        role=Role.COMPETENCE,
        family=feature,
        texts=PairTexts(context="", first=row["sent_more"], second=_shuffled(row["sent_more"], seed=item_id)),
    )


def _shuffled(sentence: str, *, seed: str) -> str:
    words = sentence.split()
    random.Random(seed).shuffle(words)  # noqa: S311  # reproducible word order, no secret
    return " ".join(words)
