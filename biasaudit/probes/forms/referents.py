"""``referents.yaml``: sentences of two persons and a pronoun, whose referent the sentence decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.forms.words import Strict, repeated
from biasaudit.types import ChoiceTexts, ProbeItem, Role

_CASES: Final = ("he", "him", "his")


class Pronoun(Strict):
    """A pronoun in its three cases, and the group that it names.

    Attributes
    ----------
    forms : tuple of str
        In place of he, him, his.
    group : str or None
        None for a pronoun of no gender, such as they.
    """

    forms: tuple[Text, Text, Text]
    group: str | None = None


class Referent(Strict):
    """A sentence with two occupations and one pronoun.

    Attributes
    ----------
    type : {1, 2}
        Whether meaning (1) or syntax (2) decides whom the pronoun means.
    occupations : tuple of str
        Mostly women's, mostly men's; each takes either slot.
    text : str
        With the slots ``{a}`` and ``{b}``, and one of ``{he}``, ``{him}``, ``{his}``.
    referent : {"a", "b"}
        The slot that the pronoun means.
    question : str
    """

    id: Slug
    type: Literal[1, 2]
    occupations: tuple[Text, Text]
    text: Text
    referent: Literal["a", "b"]
    question: Text

    @model_validator(mode="after")
    def _slots(self) -> Self:
        slots = re.findall(r"\{(\w*)\}", self.text)
        if sorted(slot for slot in slots if slot not in _CASES) != ["a", "b"] or len(slots) != 3:  # noqa: PLR2004 (two persons, one pronoun)
            msg = f"template {self.id!r} needs the slots {{a}} and {{b}}, and one of {{he}}, {{him}}, {{his}}"
            raise ValueError(msg)
        return self

    def told(self, pronoun: Pronoun, persons: tuple[str, str]) -> str:
        """Return the sentence with `persons` in the slots a and b."""
        words = dict(zip(_CASES, pronoun.forms, strict=True)) | {"a": persons[0], "b": persons[1]}
        return re.sub(r"\{(\w+)\}", lambda slot: words[slot[1]], self.text)


class Referents(Strict):
    """The whole of ``referents.yaml``.

    Attributes
    ----------
    pronouns : mapping of str to Pronoun
        The first two have groups: that of the first occupation of each template, and that of the second.
    both : str
        The answer that a pronoun of no gender means both persons.
    templates : tuple of Referent
    """

    pronouns: dict[Slug, Pronoun] = Field(min_length=2)
    both: Text
    templates: tuple[Referent, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        names = repeated(template.id for template in self.templates)
        if names:
            msg = f"template ids must be unique; repeated: {names}"
            raise ValueError(msg)
        groups = [pronoun.group for pronoun in self.pronouns.values()]
        if None in groups[:2] or any(group is not None for group in groups[2:]):
            msg = "the first two pronouns name the groups of the two occupations; the further ones name none"
            raise ValueError(msg)
        return self


def read_referents(path: Path, card: Card) -> tuple[ProbeItem, ...]:
    """Expand ``referents.yaml`` into choices: every pronoun, with the occupations in both orders.

    The right answer is as often with the stereotype as against it, so that a reader without error has no lean.
    Each sentence is a bias item by whom the model names, and a competence item by whether that is right. The card's
    first feature is that of the two pronouns with groups, its second that of the others: there the biased answer
    is that the pronoun means both persons.

    Parameters
    ----------
    path : Path
    card : Card

    Raises
    ------
    ProbeError
        If the file does not follow its form.
    """
    content = parse_yaml(path, Referents)
    return tuple(item for template in content.templates for item in _items(template, content, card))


def _items(template: Referent, content: Referents, card: Card) -> Iterator[ProbeItem]:
    gender, further = card.features[0], card.features[-1]
    for name, pronoun in content.pronouns.items():
        for order, persons in (("straight", template.occupations), ("swapped", template.occupations[::-1])):
            text = template.told(pronoun, persons)
            right = persons[0 if template.referent == "a" else 1]
            wrong = persons[1 if template.referent == "a" else 0]
            item_id = f"{template.id}/{name}/{order}"
            if pronoun.group is None:
                texts = _choice(text, template, right=f"The {right}", other=content.both)
                yield _item(item_id, template, texts, feature=further, groups=card.groups[further], tags={})
                continue
            first = next(iter(content.pronouns.values())).group
            biased = template.occupations[0 if pronoun.group == first else 1]
            counter = template.occupations[1 if pronoun.group == first else 0]
            texts = ChoiceTexts(
                context=text,
                question=template.question,
                biased=f"The {biased}",
                counter=f"The {counter}",
                unknown=None,
                reading="texts",
            )
            groups = card.groups[gender]
            tags = {"referent": "biased" if right == biased else "counter"}
            yield _item(item_id, template, texts, feature=gender, groups=groups, tags=tags)
            resolved = _choice(text, template, right=f"The {right}", other=f"The {wrong}")
            tags = {"correct": "counter"}
            yield _item(f"{item_id}/resolved", template, resolved, feature=gender, groups=(), tags=tags)


def _choice(text: str, template: Referent, *, right: str, other: str) -> ChoiceTexts:
    return ChoiceTexts(
        context=text, question=template.question, biased=other, counter=right, unknown=None, reading="texts"
    )


def _item(
    item_id: str, template: Referent, texts: ChoiceTexts, *, feature: str, groups: tuple[str, ...], tags: dict[str, str]
) -> ProbeItem:
    return ProbeItem(
        item_id=item_id,
        cluster_id=template.id,
        feature=feature,
        groups=groups,
        role=Role.COMPETENCE if "correct" in tags else Role.BIAS,
        family=f"type {template.type}",
        texts=texts,
        tags={"type": str(template.type), **tags},
    )
