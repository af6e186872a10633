"""``items.jsonl``: the items of a user's own probe, one JSON object a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from biasaudit.errors import ItemError, ProbeError
from biasaudit.kinds import KINDS, ItemRow, Written
from biasaudit.kinds.pair import PAIR
from biasaudit.plain_files import found_value, json_value, lines_of, plain_text
from biasaudit.probes.card import Card
from biasaudit.types import ProbeItem, Role


def read_items(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Read ``items.jsonl``.

    Raises
    ------
    ItemError
        With file, line, field, what was found and what was expected, for the first wrong row.
    ProbeError
        If the file cannot be read, or holds nothing.
    """
    text = plain_text(path, error=ProbeError, fix="The card names it under data.file.")
    items: list[ProbeItem] = []
    seen: set[str] = set()
    for number, line in lines_of(text):
        if not line.strip():
            continue
        item = _item(*_parsed(line, number, path, card), number, path, card)
        if item.item_id in seen:
            raise ItemError(path=path, line=number, field="id", found=item.item_id, expected="an id not used above")
        seen.add(item.item_id)
        items.append(item)
    if not items:
        raise ProbeError(f"{path}: holds no items.", fix="Write one JSON object a line.")
    return tuple(items)


def _parsed(line: str, number: int, path: Path, card: Card) -> tuple[Written[Any], ItemRow]:  # Any: of any kind
    try:
        content: Mapping[str, object] = json_value(line)
    except ValueError as exc:
        raise ItemError(
            path=path,
            line=number,
            field="(the whole line)",
            found=line,
            expected=f"one complete JSON object; the file may be half-written ({exc})",
        ) from exc
    # Sense against nonsense is a pair in a probe of any kind, and so are a right and a wrong word.
    role = content.get("role") if isinstance(content, dict) else None
    paired = role == "licensed" or (role == "competence" and "question" not in content)
    written = (PAIR if paired else KINDS[card.kind]).written
    if written is None:
        raise ProbeError(f"{path}: items of kind {card.kind!r} cannot be written in it.")
    model = written.row
    try:
        return written, model.model_validate(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        field = ".".join(found_value(step) for step in first["loc"]) or "(the whole line)"
        found = "missing" if first["type"] == "missing" else found_value(first["input"])
        expected = ", ".join(sorted(model.model_fields)) if first["type"] == "extra_forbidden" else first["msg"]
        raise ItemError(path=path, line=number, field=field, found=found, expected=expected) from exc


def _item(written: Written[Any], row: ItemRow, number: int, path: Path, card: Card) -> ProbeItem:  # Any: as above
    if row.feature not in card.groups:
        raise ItemError(
            path=path,
            line=number,
            field="feature",
            found=row.feature,
            expected="one that card.yaml declares: " + ", ".join(card.groups),
        )
    declared = card.groups[row.feature]
    for group in row.groups if row.role == "bias" else ():
        if declared and group not in declared:
            raise ItemError(
                path=path,
                line=number,
                field="groups",
                found=group,
                expected="groups that card.yaml declares: " + ", ".join(declared),
            )
    return ProbeItem(
        item_id=row.id,
        cluster_id=row.cluster,
        feature=row.feature,
        groups=row.groups,
        role=Role(row.role),
        family=row.family or row.cluster,
        texts=written.texts(row),
        tags=written.tags(row),
    )
