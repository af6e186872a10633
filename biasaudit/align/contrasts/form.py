"""How a file of contrasts is written, and where in it each thing stands."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from biasaudit.errors import ContrastsError
from biasaudit.plain_files import decoded, plain_bytes
from biasaudit.plain_yaml import parsed_yaml
from biasaudit.probes.card import Slug, describe

Order: TypeAlias = Literal["group_first", "word_first"]
Split: TypeAlias = Literal["train", "development"]

PLAIN: Final = "plain"
"""Form of a pair of which the file says none, and what a template takes that says none."""
MOST_BYTES: Final = 2_000_000
MOST_VALUES: Final = 100_000
SLOT: Final = re.compile(r"\{(group|word|word_bare)\}")
_MOST_FEATURES: Final = 50
_MOST_TEMPLATES: Final = 2_000
_MOST_PAIRS: Final = 5_000
FIX: Final = "Correct that place; docs/tuning.md shows the form of the file."

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
Continuation = Annotated[str, StringConstraints(pattern=r"^ \S", max_length=200)]
"""With the space before it, as the model is asked it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupRow(_Strict):
    """Words for two groups."""

    a: Words
    b: Words
    form: Slug = PLAIN

    @model_validator(mode="after")
    def _differ(self) -> Self:
        _refuse_equal(self.a, self.b)
        return self


class WordRow(_Strict):
    """Two words that go with either group."""

    first: Words
    second: Words
    split: Split = "train"
    form: Slug = PLAIN

    @model_validator(mode="after")
    def _differ(self) -> Self:
        _refuse_equal(self.first, self.second)
        return self


class LicensedRow(_Strict):
    """What is kept: a context, the right continuation and the wrong one."""

    context: Sentence
    first: Continuation
    second: Continuation

    @model_validator(mode="after")
    def _differ(self) -> Self:
        _refuse_equal(self.first, self.second)
        return self


class TemplateRow(_Strict):
    """A sentence with two slots."""

    id: Slug
    order: Order
    split: Split = "train"
    text: Sentence
    features: tuple[Slug, ...] | None = Field(default=None, min_length=1)
    groups: dict[Slug, tuple[GroupRow, ...]] = Field(default_factory=dict)
    group_forms: tuple[Slug, ...] = Field(default=(PLAIN,), min_length=1)
    word_forms: tuple[Slug, ...] = Field(default=(PLAIN,), min_length=1)

    @model_validator(mode="after")
    def _one_slot_of_each(self) -> Self:
        slots = [slot[0] for slot in SLOT.finditer(self.text)]
        kinds = ["group" if slot == "{group}" else "word" for slot in slots]
        expected = ["group", "word"] if self.order == "group_first" else ["word", "group"]
        if kinds != expected or len(re.findall(r"[{}]", self.text)) > 2 * len(slots):
            wanted = " and then ".join("{group}" if one == "group" else "{word} or {word_bare}" for one in expected)
            msg = f"template {self.id!r} has the slots {slots}, and {self.order} needs {wanted}, with no other braces"
            raise ValueError(msg)
        if not re.search(r"[^ ] $", self.text[: self.text.index(slots[1], self.text.index(slots[0]) + 1)]):
            msg = f"template {self.id!r} needs one space before its second slot: the model is asked from there on"
            raise ValueError(msg)
        return self


class ContrastsFile(_Strict):
    """The whole of a file of contrasts."""

    templates: tuple[TemplateRow, ...] = Field(min_length=1, max_length=_MOST_TEMPLATES)
    groups: dict[Slug, Annotated[tuple[GroupRow, ...], Field(max_length=_MOST_PAIRS)]] = Field(
        default_factory=dict, max_length=_MOST_FEATURES
    )
    words: dict[Slug, Annotated[tuple[WordRow, ...], Field(min_length=1, max_length=_MOST_PAIRS)]] = Field(
        min_length=1, max_length=_MOST_FEATURES
    )
    licensed: dict[Slug, Annotated[tuple[LicensedRow, ...], Field(max_length=_MOST_PAIRS)]] = Field(
        default_factory=dict, max_length=_MOST_FEATURES
    )
    controls: tuple[GroupRow, ...] = Field(default=(), max_length=_MOST_PAIRS)
    neutral: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRead:
    """A file of contrasts that follows the form.

    Attributes
    ----------
    rows : ContrastsFile
    places : dict of tuple to int
        Line of each entry, by its path of keys and positions: ``("words", "gender", 3)``.
    sha256 : str
        Of the file's bytes.
    """

    rows: ContrastsFile
    places: dict[tuple[str | int, ...], int]
    sha256: str


def read_form(path: Path) -> FormRead:
    """Read a file of contrasts and check its form, entry by entry.

    Raises
    ------
    ContrastsError
        With file, place, what was found and what was expected, for the first wrong entry.
    """
    content = plain_bytes(path, error=ContrastsError, fix="Name a file of contrasts in YAML.", at_most=MOST_BYTES)
    text = decoded(content, path, error=ContrastsError)
    fix = "Write it out without aliases, or give fewer templates and words."
    found = parsed_yaml(text, path, error=ContrastsError, most_values=MOST_VALUES, fix=fix)
    if not isinstance(found, dict):
        holds = "nothing" if found is None else type(found).__name__
        raise ContrastsError(f"{path}: holds {holds}; expected the fields templates, groups and words.", fix=FIX)
    places = _places(text)
    try:
        rows = ContrastsFile.model_validate(found)
    except ValidationError as exc:
        where = exc.errors(include_url=False)[0]["loc"]
        line = next((places[where[:n]] for n in range(len(where), 0, -1) if where[:n] in places), None)
        raise ContrastsError(
            f"{path}{'' if line is None else f':{line}'}: {describe(exc, ContrastsFile)}", fix=FIX
        ) from exc
    return FormRead(rows=rows, places=places, sha256=hashlib.sha256(content).hexdigest())


def _places(text: str) -> dict[tuple[str | int, ...], int]:
    """Return the line of every entry of a text that was read before, so that it is small and never lies in itself."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[tuple[str | int, ...], int] = {}

    def walk(node: yaml.Node, where: tuple[str | int, ...]) -> None:
        found[where] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            for position, child in enumerate(node.value):
                walk(child, (*where, position))
        elif isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                walk(child, (*where, key.value))

    root = yaml.compose(text, Loader=loader)
    if root is not None:
        walk(root, ())
    return found


def _refuse_equal(one: str, other: str) -> None:
    if one == other:
        msg = f"both sides are {one!r}"
        raise ValueError(msg)
