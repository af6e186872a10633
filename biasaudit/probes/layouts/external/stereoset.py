"""StereoSet: its development file, or the hub's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from biasaudit.errors import ItemError, ProbeError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import CONFIG, Reader, Reading, json_file, one_of, text_field
from biasaudit.types import PairTexts, ProbeItem, Role

TASKS: Final = ("intrasentence", "intersentence")
STEREOTYPE: Final = "stereotype"
ANTI_STEREOTYPE: Final = "anti-stereotype"
UNRELATED: Final = "unrelated"
LABELS: Final = (STEREOTYPE, ANTI_STEREOTYPE, UNRELATED)
_HUB_LABELS: Final = (ANTI_STEREOTYPE, STEREOTYPE, UNRELATED)


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read the development file, both tasks.

    Each triple gives a bias item (stereotype against anti-stereotype) and two competence items
    (either against the unrelated sentence). Intersentence items have their context.

    Raises
    ------
    ItemError
        With file, number of the entry and field of the first that is wrong.
    ProbeError
        If the file has another form.
    """
    [path] = paths.values()
    return items_of(_entries(path), card, path)


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    content = json_file(path)
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict) or not all(isinstance(data.get(task), list) for task in TASKS):
        raise ProbeError(f"{path}: holds no lists data.{TASKS[0]} and data.{TASKS[1]}.", fix="Restore the file.")
    number = 0
    for task in TASKS:
        for entry in data[task]:
            number += 1
            if not isinstance(entry, dict):
                raise ItemError(path=path, line=number, field=task, found=str(entry), expected="an object")
            yield number, {**entry, "task": task}


def items_of(rows: Iterable[tuple[int, Mapping[str, Any]]], card: Card, path: Path) -> Reading:
    """Turn entries, each with its number and task, into items; refuse the first that is wrong.

    Rows of the hub hold the sentences as a mapping of lists, with the label as a class number.
    """
    items: list[ProbeItem] = []
    seen: set[str] = set()
    for number, row in rows:
        name = text_field(row, "id", path=path, line=number)
        if name in seen:
            raise ItemError(path=path, line=number, field="id", found=name, expected="an id not used above")
        seen.add(name)
        items += _triple(name, row, card=card, path=path, number=number)
    return Reading(items=tuple(items))


def _triple(name: str, row: Mapping[str, Any], *, card: Card, path: Path, number: int) -> list[ProbeItem]:
    task = one_of({"task": row.get("task", row.get(CONFIG))}, "task", TASKS, path=path, line=number)
    feature = one_of(row, "bias_type", card.groups, path=path, line=number)
    term = text_field(row, "target", path=path, line=number)
    sentences = _sentences(row, path=path, number=number)
    context = text_field(row, "context", path=path, line=number) if task == "intersentence" else ""
    tags = {"triple": name, "task": task} | {
        f"sentence {label}": identity for label, (identity, _) in sentences.items()
    }

    def item(suffix: str, role: Role, first: str, second: str) -> ProbeItem:
        space = " " if context else ""
        return ProbeItem(
            item_id=name + suffix,
            cluster_id=term,
            feature=feature,
            groups=(),
            role=role,
            family=task,
            texts=PairTexts(
                context=context, first=space + sentences[first][1].strip(), second=space + sentences[second][1].strip()
            ),
            tags={**tags, "first": first, "second": second},
        )

    return [
        item("", Role.BIAS, STEREOTYPE, ANTI_STEREOTYPE),
        item("/stereotype-unrelated", Role.COMPETENCE, STEREOTYPE, UNRELATED),
        item("/anti-stereotype-unrelated", Role.COMPETENCE, ANTI_STEREOTYPE, UNRELATED),
    ]


def _sentences(row: Mapping[str, Any], *, path: Path, number: int) -> dict[str, tuple[str, str]]:
    """Return label -> (id, sentence)."""
    found: dict[str, tuple[str, str]] = {}
    for sentence in _listed(row.get("sentences")):
        label = sentence.get("gold_label")
        if isinstance(label, int) and 0 <= label < len(_HUB_LABELS):
            sentence = {**sentence, "gold_label": _HUB_LABELS[label]}  # noqa: PLW2901  # the hub's form of the same
        found[one_of(sentence, "gold_label", LABELS, path=path, line=number)] = (
            text_field(sentence, "id", path=path, line=number),
            text_field(sentence, "sentence", path=path, line=number),
        )
    if set(found) != set(LABELS):
        raise ItemError(
            path=path,
            line=number,
            field="sentences",
            found=", ".join(found) or "none",
            expected="one each of " + ", ".join(LABELS),
        )
    return found


def _listed(sentences: object) -> list[Mapping[str, Any]]:
    if isinstance(sentences, dict):
        columns = {name: sentences.get(name) for name in ("id", "sentence", "gold_label")}
        if all(isinstance(column, list) for column in columns.values()):
            rows = zip(*columns.values(), strict=False)
            return [dict(zip(columns, row, strict=True)) for row in rows]
    if isinstance(sentences, list):
        return [sentence for sentence in sentences if isinstance(sentence, dict)]
    return []


READER: Final = Reader(read=read, of_hub=items_of)
