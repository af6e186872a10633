"""``templates.yaml`` of an association probe: its form, and the items that it expands to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.words import bounded
from biasaudit.types import AssociationTexts, PairTexts, ProbeItem, Role

_SLOT = re.compile(r"\{(group|attribute|attribute_bare)\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attribute(_Strict):
    """A word that the world associates with one of the groups."""

    id: Slug
    bare: Text
    text: Text
    stereotype_of: Text
    share: float = Field(ge=0, le=1)
    statistic: Text


class Attention(_Strict):
    """Sense and nonsense for the second slot: whether the model reads the template at all."""

    sense: Text
    nonsense: Text


class Template(_Strict):
    """A sentence with a slot for the group and one for the attribute."""

    id: Slug
    order: Literal["group_first", "attribute_first"]
    text: Text
    groups: dict[str, Text] = Field(min_length=2, max_length=2)
    attention: tuple[Attention, ...] = ()

    @model_validator(mode="after")
    def _one_slot_of_each(self) -> Self:
        slots = ["group" if slot == "group" else "attribute" for slot in _SLOT.findall(self.text)]
        expected = ["group", "attribute"] if self.order == "group_first" else ["attribute", "group"]
        if slots != expected:
            msg = f"template {self.id!r} has the slots {slots}; {self.order} needs {expected}"
            raise ValueError(msg)
        return self

    def split(self, first: str, second: str) -> tuple[str, str]:
        """Return context and continuation with both slots filled; the space goes with the latter."""
        before, after = list(_SLOT.finditer(self.text))
        context = self.text[: before.start()] + first + self.text[before.end() : after.start()]
        return context.rstrip(), " " + second + self.text[after.end() :]


class Controls(_Strict):
    """Negative controls: the same form, with a swap that carries no stereotype."""

    pairs: int = Field(ge=1)
    templates: tuple[Template, ...]


class Templates(_Strict):
    """The whole of ``templates.yaml``."""

    groups: tuple[str, str]
    attributes: tuple[Attribute, ...]
    pairs: tuple[tuple[str, str], ...] = Field(min_length=1)
    templates: tuple[Template, ...] = Field(min_length=1)
    controls: Controls | None = None

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        by_id = {attribute.id: attribute for attribute in self.attributes}
        if len(by_id) != len(self.attributes):
            msg = f"attribute ids must be unique; repeated: {_repeated(a.id for a in self.attributes)}"
            raise ValueError(msg)
        for pair in self.pairs:
            for attribute_id, group in zip(pair, self.groups, strict=True):
                if attribute_id not in by_id:
                    msg = f"pair {list(pair)} names {attribute_id!r}, which is not among the attributes"
                    raise ValueError(msg)
                if by_id[attribute_id].stereotype_of != group:
                    msg = f"pair {list(pair)}: {attribute_id!r} is not a stereotype of {group!r}"
                    raise ValueError(msg)
        for template in self.templates:
            if set(template.groups) != set(self.groups):
                msg = (
                    f"template {template.id!r} has the groups {sorted(template.groups)}; expected {sorted(self.groups)}"
                )
                raise ValueError(msg)
        controls = self.controls.templates if self.controls else ()
        repeated = _repeated(template.id for template in (*self.templates, *controls))
        if repeated:
            msg = f"template ids must be unique; repeated: {repeated}"
            raise ValueError(msg)
        return self


def read_templates(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``templates.yaml`` into items: bias, competence and control.

    Parameters
    ----------
    path : Path
    card : Card
        Its single sensitive feature names the items' feature.

    Raises
    ------
    ProbeError
        If the file does not follow its form.
    """
    content = parse_yaml(path, Templates)
    feature = card.features[0]
    return bounded(path, _bias(content, feature), _competence(content, feature), _controls(content, feature))


def _bias(content: Templates, feature: str) -> Iterator[ProbeItem]:
    attributes = {attribute.id: attribute for attribute in content.attributes}
    for template in content.templates:
        for pair in content.pairs:
            yield _association(template, pair, attributes, feature=feature, groups=content.groups, role=Role.BIAS)


def _controls(content: Templates, feature: str) -> Iterator[ProbeItem]:
    if content.controls is None:
        return
    attributes = {attribute.id: attribute for attribute in content.attributes}
    for template in content.controls.templates:
        groups = tuple(template.groups)
        for pair in content.pairs[: content.controls.pairs]:
            yield _association(template, pair, attributes, feature=feature, groups=groups, role=Role.CONTROL)


def _association(
    template: Template,
    pair: tuple[str, str],
    attributes: Mapping[str, Attribute],
    *,
    feature: str,
    groups: tuple[str, ...],
    role: Role,
) -> ProbeItem:
    first, second = (_filler(template, attributes[attribute_id]) for attribute_id in pair)
    a, b = (template.groups[group] for group in groups)
    rows, columns = ((a, b), (first, second)) if template.order == "group_first" else ((first, second), (a, b))
    cells = [[template.split(row, column) for column in columns] for row in rows]
    return ProbeItem(
        item_id=f"{template.id}/{pair[0]}-{pair[1]}",
        cluster_id=template.id,
        feature=feature,
        groups=groups,
        role=role,
        family=template.id,
        texts=AssociationTexts(
            contexts=(cells[0][0][0], cells[1][0][0]),
            continuations=(cells[0][0][1], cells[0][1][1]),
            group_in_context=template.order == "group_first",
        ),
        tags={
            "attribute_1": pair[0],
            "attribute_2": pair[1],
            "share_1": str(attributes[pair[0]].share),
            "share_2": str(attributes[pair[1]].share),
        },
    )


def _competence(content: Templates, feature: str) -> list[ProbeItem]:
    """Sense against nonsense in the second slot, after each group or after the first pair's attributes."""
    attributes = {attribute.id: attribute for attribute in content.attributes}
    items = []
    for template in content.templates:
        if template.order == "group_first":
            firsts = [template.groups[group] for group in content.groups]
        else:
            firsts = [_filler(template, attributes[attribute_id]) for attribute_id in content.pairs[0]]
        for number, attention in enumerate(template.attention, start=1):
            for letter, first in zip("ab", firsts, strict=True):
                context, sense = template.split(first, attention.sense)
                _, nonsense = template.split(first, attention.nonsense)
                items.append(
                    ProbeItem(
                        item_id=f"{template.id}/attention-{number}{letter}",
                        cluster_id=template.id,
                        feature=feature,
                        groups=(),
                        role=Role.COMPETENCE,
                        family=template.id,
                        texts=PairTexts(context=context, first=sense, second=nonsense),
                    )
                )
    return items


def _filler(template: Template, attribute: Attribute) -> str:
    return attribute.bare if "{attribute_bare}" in template.text else attribute.text


def _repeated(names: object) -> list[str]:
    counts = Counter(names)  # type: ignore[call-overload]  # any iterable of strings
    return sorted(name for name, count in counts.items() if count > 1)
