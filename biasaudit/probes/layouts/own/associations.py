"""``associations.yaml``: words against words, for the groups of several features, and what they expand to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from biasaudit.errors import ProbeError
from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.words import (
    MOST_ITEMS,
    PERSON_SLOT,
    GroupWords,
    Strict,
    bounded,
    repeated,
    same_groups,
    slug,
)
from biasaudit.types import AssociationTexts, PairTexts, ProbeItem, Role

_WORD: Final = "{word}"
_SWAP: Final = "{swap}"
Tie = Literal["reference", "other", "none"]
"""Whom a stereotype ties to the first of two words; with none on record, nothing is asked."""


class Opposites(Strict):
    """Two words that are set against each other.

    Attributes
    ----------
    dimension : str
        What they say of a person: warmth, crime.
    first, second : str
        `first` is the one whose group the file's `ties` name.
    """

    id: Slug
    dimension: Slug
    first: Text
    second: Text


class Attention(Strict):
    """Sense and nonsense for the slot that comes second: whether the model reads the template at all."""

    sense: Text
    nonsense: Text


class _Sentence(Strict):
    """A sentence with two slots, one of them for a word."""

    id: Slug
    order: Literal["group_first", "word_first"]
    text: Text

    def split(self, first: str, second: str) -> tuple[str, str]:
        """Return context and continuation with both slots filled; the space goes with the latter."""
        before, between, after = re.split(r"\{\w+\}", self.text)
        return (before + first + between).rstrip(), " " + second + after

    def texts(self, pair: tuple[str, str], words: Opposites) -> AssociationTexts:
        """Return the table of two fillings of the other slot, and two words."""
        rows, columns = pair, (words.first, words.second)
        if self.order == "word_first":
            rows, columns = columns, rows
        cells = [[self.split(row, column) for column in columns] for row in rows]
        return AssociationTexts(
            contexts=(cells[0][0][0], cells[1][0][0]),
            continuations=(cells[0][0][1], cells[0][1][1]),
            group_in_context=self.order == "group_first",
        )


class Template(_Sentence):
    """A sentence with a slot for a person or persons, and a slot for a word."""

    attention: tuple[Attention, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_slot_of_each(self) -> Self:
        found = re.findall(r"\{\w*\}", self.text)
        slots = ["word" if slot == _WORD else "group" for slot in found]
        expected = ["group", "word"] if self.order == "group_first" else ["word", "group"]
        if slots != expected or len(PERSON_SLOT.findall(self.text)) != 1:
            msg = (
                f"template {self.id!r} has the slots {found}; {self.order} needs one of "
                "{one}, {many}, {One}, {Many} and one {word}, in that order of group and word"
            )
            raise ValueError(msg)
        return self

    def named(self, words: GroupWords) -> str:
        """Return the words for a group as this template wants them."""
        [slot] = PERSON_SLOT.findall(self.text)
        return words.form(slot)


class Control(_Sentence):
    """A sentence in which two things that say nothing of anybody take the place of two groups.

    Attributes
    ----------
    swap : (str, str)
        What stands in the place of ``{swap}``.
    """

    swap: tuple[Text, Text]

    @model_validator(mode="after")
    def _one_slot_of_each(self) -> Self:
        found = re.findall(r"\{\w*\}", self.text)
        expected = [_SWAP, _WORD] if self.order == "group_first" else [_WORD, _SWAP]
        if found != expected:
            msg = f"control {self.id!r} has the slots {found}; {self.order} needs {expected}"
            raise ValueError(msg)
        if self.swap[0].casefold() == self.swap[1].casefold():
            msg = f"control {self.id!r}: 'swap' has {self.swap[0]!r} twice, and nothing would differ"
            raise ValueError(msg)
        return self


class Controls(Strict):
    """Negative controls: the same words after a swap that carries no stereotype.

    Attributes
    ----------
    per_dimension : int
        How many words of each dimension are asked in each sentence: the first so many.
    templates : tuple of Control
        Each is a cluster.
    """

    per_dimension: int = Field(ge=1)
    templates: tuple[Control, ...] = Field(min_length=1)


class Associations(Strict):
    """The whole of ``associations.yaml``.

    Attributes
    ----------
    person : GroupWords
        A person of whom no group is said, for sense against nonsense.
    groups : mapping
        Feature -> group -> its words; the first group of a feature is the reference.
    words : tuple of Opposites
    ties : mapping of str to {"reference", "other", "none"}
        Dimension -> the group that the stereotype ties to the first of two words; none: no stereotype is on record,
        so that no direction could be stated, and nothing is asked.
    exceptions : mapping
        Feature -> group -> dimension -> the tie that holds for this group instead.
    templates : tuple of Template
    controls : Controls or None
    """

    person: GroupWords
    groups: dict[Slug, Annotated[dict[str, GroupWords], Field(min_length=2)]] = Field(min_length=1)
    words: tuple[Opposites, ...] = Field(min_length=1)
    ties: dict[Slug, Tie]
    exceptions: dict[Slug, dict[str, dict[Slug, Tie]]] = Field(default_factory=dict)
    templates: tuple[Template, ...] = Field(min_length=1)
    controls: Controls | None = None

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        controls = self.controls.templates if self.controls else ()
        for what, names in (
            ("word", [opposites.id for opposites in self.words]),
            ("template", [template.id for template in (*self.templates, *controls)]),
        ):
            if repeated(names):
                msg = f"{what} ids must be unique; repeated: {repeated(names)}"
                raise ValueError(msg)
        dimensions = {opposites.dimension for opposites in self.words}
        if dimensions != set(self.ties):
            msg = f"'ties' names {sorted(self.ties)}; the dimensions of the words are {sorted(dimensions)}"
            raise ValueError(msg)
        for feature, groups in self.exceptions.items():
            for group, ties in groups.items():
                others = list(self.groups.get(feature, ()))[1:]
                if group not in others or not set(ties) <= dimensions:
                    msg = f"'exceptions.{feature}.{group}' names a group or dimension that is not there"
                    raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _every_group_is_asked_about(self) -> Self:
        for feature, groups in self.groups.items():
            for group in list(groups)[1:]:
                if all(self.tie(feature, group, dimension) == "none" for dimension in self.ties):
                    msg = f"nothing is asked about {group!r} of {feature!r}: each of its ties is 'none'"
                    raise ValueError(msg)
        return self

    def tie(self, feature: str, group: str, dimension: str) -> Tie:
        """Return which of reference and `group` the stereotype ties to the first word of a dimension."""
        return self.exceptions.get(feature, {}).get(group, {}).get(dimension, self.ties[dimension])


def read_associations(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``associations.yaml``: each template and two words with the reference group and each other group.

    What a stereotype says nothing of (a tie of none) is left out, in all templates alike. Controls follow, of the first
    feature in name.

    Parameters
    ----------
    path : Path
    card : Card
        Declares the same features and groups, in the same order.

    Raises
    ------
    ProbeError
        If the file does not follow its form, or names other features or groups than the card.
    """
    content = parse_yaml(path, Associations)
    same_groups(path, content.groups, card)
    n_crossed = len(content.templates) * sum(map(len, content.groups.values())) * len(content.words)
    if n_crossed > 10 * MOST_ITEMS:  # most of them may have no tie, and give no item
        raise ProbeError(f"{path}: crosses {n_crossed:,} words, templates and groups.", fix="Cross fewer of them.")
    return bounded(path, _bias(content), _competence(content), _controls(content))


def _bias(content: Associations) -> Iterator[ProbeItem]:
    for feature, groups in content.groups.items():
        reference, *others = groups
        for template in content.templates:
            for group in others:
                for words in content.words:
                    if content.tie(feature, group, words.dimension) != "none":
                        yield _item(content, template, words, feature=feature, reference=reference, group=group)


def _item(
    content: Associations, template: Template, words: Opposites, *, feature: str, reference: str, group: str
) -> ProbeItem:
    with_reference = content.tie(feature, group, words.dimension) == "reference"
    groups = (reference, group) if with_reference else (group, reference)
    first, second = (template.named(content.groups[feature][name]) for name in groups)
    return ProbeItem(
        item_id=f"{template.id}/{words.id}/{feature}/{slug(group)}",
        cluster_id=template.id,
        feature=feature,
        groups=groups,
        role=Role.BIAS,
        family=template.id,
        texts=template.texts((first, second), words),
        tags=_tags(words),
    )


def _tags(words: Opposites) -> dict[str, str]:
    return {"dimension": words.dimension, "attribute_1": words.first, "attribute_2": words.second}


def _controls(content: Associations) -> Iterator[ProbeItem]:
    if content.controls is None:
        return
    of_dimension: dict[str, list[Opposites]] = defaultdict(list)
    for words in content.words:
        of_dimension[words.dimension].append(words)
    asked = [words for alike in of_dimension.values() for words in alike[: content.controls.per_dimension]]
    feature = next(iter(content.groups))
    for control in content.controls.templates:
        for words in asked:
            yield ProbeItem(
                item_id=f"{control.id}/{words.id}",
                cluster_id=control.id,
                feature=feature,
                groups=("first", "second"),
                role=Role.CONTROL,
                family=control.id,
                texts=control.texts(control.swap, words),
                tags=_tags(words),
            )


def _competence(content: Associations) -> Iterator[ProbeItem]:
    """Sense against nonsense in the second slot, after a person of no group or after the first two words."""
    feature = next(iter(content.groups))
    for template in content.templates:
        firsts = [template.named(content.person)]
        if template.order == "word_first":
            firsts = [content.words[0].first, content.words[0].second]
        for number, attention in enumerate(template.attention, start=1):
            for letter, first in zip("ab", firsts, strict=False):
                context, sense = template.split(first, attention.sense)
                _, nonsense = template.split(first, attention.nonsense)
                yield ProbeItem(
                    item_id=f"{template.id}/attention-{number}{letter}",
                    cluster_id=template.id,
                    feature=feature,
                    groups=(),
                    role=Role.COMPETENCE,
                    family=template.id,
                    texts=PairTexts(context=context, first=sense, second=nonsense),
                )
