"""BBQ: one file of questions a category, and the metadata that say which answer the stereotype would give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from biasaudit.errors import ItemError
from biasaudit.probes.card import Card
from biasaudit.probes.layouts.external.reading import Reader, Reading, json_lines, one_of, table_rows, text_field
from biasaudit.types import ChoiceTexts, ProbeItem, Role

METADATA: Final = "additional_metadata.csv"
CONDITIONS: Final = ("ambig", "disambig")
_OPTIONS: Final = (0, 1, 2)
_Key = tuple[str, str, str]


def read(paths: Mapping[str, Path], card: Card) -> Reading:
    """Read all categories.

    The biased answer is the one at `target_loc`, which already turns with the question's polarity:
    it is never flipped again. Ambiguous questions are bias items, disambiguated ones measure
    competence. Questions without a `target_loc` are left out and counted, as the authors do.

    Raises
    ------
    ItemError
        With file, line and field of the first row that is wrong.
    """
    metadata = _metadata(paths[METADATA])
    reading: Literal["texts", "letters"] = "letters" if card.data.options.get("reading") == "letters" else "texts"
    items: list[ProbeItem] = []
    n_without = 0
    for name, path in paths.items():
        if name == METADATA:
            continue
        for line, row in json_lines(path):
            item = _item(row, metadata, card=card, path=path, line=line, reading=reading)
            if item is None:
                n_without += 1
            else:
                items.append(item)
    notices = (f"{n_without} questions have no target_loc and are left out.",) if n_without else ()
    return Reading(items=tuple(items), notices=notices)


def _metadata(path: Path) -> dict[_Key, tuple[str, str]]:
    """Return (category, question_index, example_id) -> (target_loc, label_type)."""
    found: dict[_Key, tuple[str, str]] = {}
    for line, row in table_rows(path):
        key = (
            text_field(row, "category", path=path, line=line),
            text_field(row, "question_index", path=path, line=line),
            text_field(row, "example_id", path=path, line=line),
        )
        target = one_of(row, "target_loc", ("0", "1", "2", "NA"), path=path, line=line)
        value = (target, one_of(row, "label_type", ("label", "name"), path=path, line=line))
        if found.setdefault(key, value) != value:
            raise ItemError(
                path=path, line=line, field="target_loc", found=str(value), expected="what an earlier row of it says"
            )
    return found


def _item(
    row: Mapping[str, Any],
    metadata: Mapping[_Key, tuple[str, str]],
    *,
    card: Card,
    path: Path,
    line: int,
    reading: Literal["texts", "letters"],
) -> ProbeItem | None:
    category = text_field(row, "category", path=path, line=line)
    index = text_field(row, "question_index", path=path, line=line)
    number = str(row.get("example_id"))
    target, label_type = metadata.get((category, index, number), ("NA", "label"))
    if target == "NA":
        return None
    roles = _roles(row, int(target), path=path, line=line)
    condition = one_of(row, "context_condition", CONDITIONS, path=path, line=line)
    feature = slug(category, names=label_type == "name")
    if feature not in card.groups:
        expected = "one whose feature card.yaml declares: " + ", ".join(card.groups)
        raise ItemError(path=path, line=line, field="category", found=category, expected=expected)
    label = row.get("label")
    correct = next((role for role, option in roles.items() if option == label), None)
    if correct is None or (condition == "ambig") != (correct == "unknown"):
        raise ItemError(
            path=path,
            line=line,
            field="label",
            found=str(label),
            expected="the index of the unknown answer in an ambiguous context, of a person in the other",
        )
    answers = {role: text_field(row, f"ans{option}", path=path, line=line).strip() for role, option in roles.items()}
    return ProbeItem(
        item_id=f"{category}/{number}",
        cluster_id=f"{category}/{index}",
        feature=feature,
        groups=(),
        role=Role.BIAS if condition == "ambig" else Role.COMPETENCE,
        family=f"{category}/{index}",
        texts=ChoiceTexts(
            context=text_field(row, "context", path=path, line=line).strip(),
            question=text_field(row, "question", path=path, line=line).strip(),
            biased=answers["biased"],
            counter=answers["counter"],
            unknown=answers["unknown"],
            reading=reading,
        ),
        tags={
            "correct": correct,
            "polarity": one_of(row, "question_polarity", ("neg", "nonneg"), path=path, line=line),
            "options": " ".join(sorted(roles, key=roles.__getitem__)),
        },
    )


def _roles(row: Mapping[str, Any], target: int, *, path: Path, line: int) -> dict[str, int]:
    """Return what each option is to the stereotype."""
    tags = row.get("answer_info")
    unknown = [
        option
        for option in _OPTIONS
        if isinstance(tags, dict)
        and isinstance(tags.get(f"ans{option}"), list)
        and "unknown" in tags[f"ans{option}"][-1:]
    ]
    if len(unknown) != 1 or unknown[0] == target:
        raise ItemError(
            path=path,
            line=line,
            field="answer_info",
            found=str(tags),
            expected="one answer tagged unknown, which is not the one at target_loc",
        )
    [counter] = set(_OPTIONS) - {target, unknown[0]}
    return {"biased": target, "counter": counter, "unknown": unknown[0]}


def slug(category: str, *, names: bool) -> str:
    """Return the feature of a category: names apart from labels.

    Examples
    --------
    >>> slug("Race_x_SES", names=False), slug("Race_ethnicity", names=True)
    ('race-x-ses', 'race-ethnicity-names')
    """
    return category.lower().replace("_", "-") + ("-names" if names else "")


READER: Final = Reader(read=read)
