"""``referents.yaml``: sentences of two persons and a pronoun, whose referent the sentence decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from biasaudit.errors import ProbeError
from biasaudit.plain_files import excerpt
from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.probes.layouts.own.words import Strict, bounded, repeated
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
        if sorted(slot for slot in slots if slot not in _CASES) != ["a", "b"] or len(slots) != 3:
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
        The answer that a pronoun means both persons.
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

    The card's first feature is that of the two pronouns with groups: the biased answer is the occupation of the
    pronoun's group, which is right as often as not. The second is that of the pronouns without: there the answers are
    the right person and both persons. For a pronoun without a group the biased answer is both; beside it stands the
    same sentence with a pronoun of a group, for which the biased answer is the one person, so that a model that reads
    the two pronouns alike has no lean. A reader without error has none in either feature. Each sentence is a
    competence item as well, by whether the right person of the two is named.

    Parameters
    ----------
    path : Path
    card : Card
        Declares the groups of the first two pronouns and, where there are further ones, a second feature: first a
        label for those two, then one for each further pronoun.

    Raises
    ------
    ProbeError
        If the file does not follow its form, or names other groups than the card.
    """
    content = parse_yaml(path, Referents)
    _same(path, content, card)
    items = (
        item
        for number, template in enumerate(content.templates)
        for item in (*_gender(template, content, card), *_number(template, content, card, turned=number % 2 == 1))
    )
    return bounded(path, items)


def _same(path: Path, content: Referents, card: Card) -> None:
    groups = [pronoun.group for pronoun in content.pronouns.values() if pronoun.group is not None]
    if groups != list(card.groups[card.features[0]]):
        raise ProbeError(
            f"{path}: field 'pronouns' has the groups {excerpt(groups, 300)}; card.yaml declares "
            f"{excerpt(list(card.groups[card.features[0]]), 300)} for {card.features[0]!r}.",
            fix="Name the same groups in the same order.",
        )
    n_further = len(content.pronouns) - len(groups)
    labels = [list(card.groups[feature]) for feature in card.features[1:]]
    if [len(each) for each in labels] != ([1 + n_further] if n_further else []):
        raise ProbeError(
            f"{path}: field 'pronouns' has {n_further} of no group, and card.yaml declares "
            f"{excerpt(labels, 300)} after its first feature.",
            fix="Declare one further feature with a label for the pronouns with groups, then one for each without.",
        )


def _gender(template: Referent, content: Referents, card: Card) -> Iterator[ProbeItem]:
    feature = card.features[0]
    for side, (name, pronoun) in enumerate(_gendered(content)):
        for order, persons in _orders(template):
            right, wrong = _named(template, persons)
            biased, counter = (f"The {template.occupations[place]}" for place in (side, 1 - side))
            text, item_id = template.told(pronoun, persons), f"{template.id}/{name}/{order}"
            tags = {"referent": "biased" if right == biased else "counter"}
            texts = _choice(text, template, biased=biased, counter=counter)
            yield _item(item_id, template, texts, feature=feature, groups=card.groups[feature], tags=tags)
            yield _resolved(item_id, template, text, feature=feature, right=right, wrong=wrong)


def _number(template: Referent, content: Referents, card: Card, *, turned: bool) -> Iterator[ProbeItem]:
    further = [(name, pronoun) for name, pronoun in content.pronouns.items() if pronoun.group is None]
    # One pronoun with a group for each order: as many sentences with a group as without.
    gendered = _gendered(content)[:: -1 if turned else 1]
    for place, (name, pronoun) in enumerate(further, start=1):
        feature = card.features[1]
        groups = (card.groups[feature][0], card.groups[feature][place])
        for (order, persons), (beside, other) in zip(_orders(template), gendered, strict=True):
            right, wrong = _named(template, persons)
            item_id, text = f"{template.id}/{name}/{order}", template.told(pronoun, persons)
            texts = _choice(text, template, biased=content.both, counter=right)
            yield _item(item_id, template, texts, feature=feature, groups=groups, tags={"referent": "counter"})
            texts = _choice(template.told(other, persons), template, biased=right, counter=content.both)
            beside_id = f"{item_id}/{beside}"
            yield _item(beside_id, template, texts, feature=feature, groups=groups, tags={"referent": "biased"})
            yield _resolved(item_id, template, text, feature=feature, right=right, wrong=wrong)


def _gendered(content: Referents) -> list[tuple[str, Pronoun]]:
    return [(name, pronoun) for name, pronoun in content.pronouns.items() if pronoun.group is not None]


def _orders(template: Referent) -> tuple[tuple[str, tuple[str, str]], ...]:
    first, second = template.occupations
    return (("straight", (first, second)), ("swapped", (second, first)))


def _named(template: Referent, persons: tuple[str, str]) -> tuple[str, str]:
    """Return the right answer and the wrong one."""
    first, second = (f"The {person}" for person in persons)
    return (first, second) if template.referent == "a" else (second, first)


def _resolved(item_id: str, template: Referent, text: str, *, feature: str, right: str, wrong: str) -> ProbeItem:
    texts = _choice(text, template, biased=wrong, counter=right)
    tags = {"correct": "counter"}
    return _item(f"{item_id}/resolved", template, texts, feature=feature, groups=(), tags=tags)


def _choice(text: str, template: Referent, *, biased: str, counter: str) -> ChoiceTexts:
    return ChoiceTexts(
        context=text, question=template.question, biased=biased, counter=counter, unknown=None, reading="texts"
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
