"""``items.jsonl``: the items of a user's own probe, one JSON object a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biasaudit.errors import ItemError, ProbeError
from biasaudit.plain_files import found_value, json_value, lines_of, plain_text
from biasaudit.probes.card import Card
from biasaudit.types import (
    AssociationTexts,
    ChoiceTexts,
    CompletionTexts,
    DecisionTexts,
    ItemTexts,
    Kind,
    LikelihoodTexts,
    PairTexts,
    ProbeItem,
    Role,
)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    cluster: str = Field(min_length=1)
    feature: str
    groups: tuple[str, ...] = ()
    role: Literal["bias", "competence", "control"] = "bias"
    family: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class _PairRow(_Row):
    context: str = ""
    first: str = Field(min_length=1)
    second: str = Field(min_length=1)


class _AssociationRow(_Row):
    contexts: tuple[str, str]
    continuations: tuple[str, str]
    group_in_context: bool = True


class _ChoiceRow(_Row):
    context: str = Field(min_length=1)
    question: str = Field(min_length=1)
    biased: str = Field(min_length=1)
    counter: str = Field(min_length=1)
    unknown: str | None = None
    correct: Literal["biased", "counter"] | None = None
    reading: Literal["texts", "letters"] = "texts"


class _CompletionRow(_Row):
    prompt: str = Field(min_length=1)


class _DecisionRow(_Row):
    favoured: str = Field(min_length=1)
    other: str = Field(min_length=1)
    reply: str = ""
    yes: tuple[str, ...] = Field(default=(" yes", " Yes"), min_length=1)
    no: tuple[str, ...] = Field(default=(" no", " No"), min_length=1)


class _LikelihoodRow(_Row):
    text: str = Field(min_length=1)


_AnyRow = _PairRow | _AssociationRow | _ChoiceRow | _CompletionRow | _DecisionRow | _LikelihoodRow
_ROWS: Final[Mapping[Kind, type[_AnyRow]]] = {
    Kind.PAIR: _PairRow,
    Kind.ASSOCIATION: _AssociationRow,
    Kind.CHOICE: _ChoiceRow,
    Kind.COMPLETION: _CompletionRow,
    Kind.DECISION: _DecisionRow,
    Kind.LIKELIHOOD: _LikelihoodRow,
}


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
        item = _item(_parsed(line, number, path, card), number, path, card)
        if item.item_id in seen:
            raise ItemError(path=path, line=number, field="id", found=item.item_id, expected="an id not used above")
        seen.add(item.item_id)
        items.append(item)
    if not items:
        raise ProbeError(f"{path}: holds no items.", fix="Write one JSON object a line.")
    return tuple(items)


def _parsed(line: str, number: int, path: Path, card: Card) -> _AnyRow:
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
    # Sense against nonsense is a pair in a probe of any kind.
    paired = isinstance(content, dict) and content.get("role") == "competence" and "question" not in content
    model = _PairRow if paired else _ROWS[card.kind]
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        field = ".".join(found_value(step) for step in first["loc"]) or "(the whole line)"
        found = "missing" if first["type"] == "missing" else found_value(first["input"])
        expected = ", ".join(sorted(model.model_fields)) if first["type"] == "extra_forbidden" else first["msg"]
        raise ItemError(path=path, line=number, field=field, found=found, expected=expected) from exc


def _item(row: _AnyRow, number: int, path: Path, card: Card) -> ProbeItem:
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
        texts=_texts(row),
        tags=_tags(row),
    )


def _texts(row: _AnyRow) -> ItemTexts:
    if isinstance(row, _PairRow):
        return PairTexts(context=row.context, first=row.first, second=row.second)
    if isinstance(row, _AssociationRow):
        return AssociationTexts(
            contexts=row.contexts, continuations=row.continuations, group_in_context=row.group_in_context
        )
    if isinstance(row, _ChoiceRow):
        return ChoiceTexts(
            context=row.context,
            question=row.question,
            biased=row.biased,
            counter=row.counter,
            unknown=row.unknown,
            reading=row.reading,
        )
    if isinstance(row, _CompletionRow):
        return CompletionTexts(prompt=row.prompt)
    if isinstance(row, _LikelihoodRow):
        return LikelihoodTexts(text=row.text)
    return DecisionTexts(favoured=row.favoured, other=row.other, reply=row.reply, yes=row.yes, no=row.no)


def _tags(row: _AnyRow) -> dict[str, str]:
    if isinstance(row, _ChoiceRow) and row.correct is not None:
        return {**row.tags, "correct": row.correct}
    return row.tags
