"""``licensed.yaml``: contrasts that a good model keeps, which every English association probe gets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from biasaudit.kinds.association import ASSOCIATION
from biasaudit.languages import ENGLISH, find_language
from biasaudit.probes.card import Card, Slug, Text, parse_yaml
from biasaudit.types import PairTexts, ProbeItem, Role

FILE: Final = "licensed.yaml"
"""Beside the folders of the shipped probes."""

LEAST_TEMPLATES: Final = 5
"""Of a feature: fewer clusters give no interval."""

_SLOT: Final = re.compile(r"\{\w*\}")
_WORD: Final = ("{word}", "{Word}")


def _continues(word: str) -> str:
    if not re.fullmatch(r"[^\W_]+(?:[ '\u2019-][^\W_]+)*", word):
        raise PydanticCustomError("slot_word", "a word that continues the text, without a space or mark around it")
    return word


SlotWord = Annotated[str, AfterValidator(_continues)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Contrast(_Strict):
    """Two words for the text, and the word of the slot that is right after each.

    Attributes
    ----------
    words : (str, str)
        What stands in the place of ``{word}``.
    slot : (str, str)
        The right word after the first of `words`, and the right one after the second; each is wrong after the other.
    groups : tuple of str
        The groups that `words` are about, in their order; one where it is the same.
    """

    words: tuple[Text, Text]
    slot: tuple[SlotWord, SlotWord]
    groups: Annotated[tuple[Text, ...], Field(min_length=1, max_length=2)]

    @model_validator(mode="after")
    def _two_of_each(self) -> Self:
        for name, pair in (("words", self.words), ("slot", self.slot)):
            if pair[0].casefold() == pair[1].casefold():
                msg = f"'{name}' has {pair[0]!r} twice: nothing would be right or wrong"
                raise ValueError(msg)
        return self


class Template(_Strict):
    """A text that ends before the slot.

    Attributes
    ----------
    text : str
        With ``{word}`` once, or ``{Word}`` where it begins a sentence.
    contrasts : tuple of Contrast
    """

    id: Slug
    text: Text
    contrasts: tuple[Contrast, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_slot(self) -> Self:
        slots = _SLOT.findall(self.text)
        if len(slots) != 1 or slots[0] not in _WORD or self.text.count("{") != 1 or self.text.count("}") != 1:
            msg = f"template {self.id!r} has the slots {slots}; expected {{word}} or {{Word}}, once"
            raise ValueError(msg)
        asked = Counter((word, *sorted(contrast.slot)) for contrast in self.contrasts for word in contrast.words)
        [(most, count)] = asked.most_common(1)
        if count > 1:
            msg = f"template {self.id!r} asks the same of {most[0]!r} twice"
            raise ValueError(msg)
        return self

    def context(self, word: str) -> str:
        """Return the text with a word in its place.

        Examples
        --------
        >>> contrast = Contrast(words=("Jews", "the elderly"), slot=("a", "b"), groups=("x",))
        >>> Template(id="a", text="{Word} say", contrasts=(contrast,)).context("the elderly")
        'The elderly say'
        """
        return self.text.replace("{word}", word).replace("{Word}", word[0].upper() + word[1:])


class Licensed(_Strict):
    """The whole of ``licensed.yaml``.

    Attributes
    ----------
    features : mapping of str to tuple of Template
        Each template is a cluster.
    """

    features: dict[Slug, Annotated[tuple[Template, ...], Field(min_length=LEAST_TEMPLATES)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        for feature, templates in self.features.items():
            twice = sorted(name for name, count in Counter(one.id for one in templates).items() if count > 1)
            if twice:
                msg = f"feature {feature!r}: template ids must be unique; repeated: {twice}"
                raise ValueError(msg)
        return self


def read_licensed(path: Path) -> dict[str, tuple[ProbeItem, ...]]:
    """Expand ``licensed.yaml``: two items a contrast, each other's mirror.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Feature -> its items. Of each, the first text is the right word and the second the wrong one.

    Raises
    ------
    ProbeError
        If the file is absent or does not follow its form.
    """
    content = parse_yaml(path, Licensed)
    return {
        feature: tuple(item for template in templates for item in _items(feature, template))
        for feature, templates in content.features.items()
    }


def _items(feature: str, template: Template) -> Iterator[ProbeItem]:
    cluster = f"licensed/{feature}/{template.id}"
    for number, contrast in enumerate(template.contrasts, start=1):
        for letter, right in zip("ab", (0, 1), strict=True):
            yield ProbeItem(
                item_id=f"{cluster}/{number}{letter}",
                cluster_id=cluster,
                feature=feature,
                groups=contrast.groups if right == 0 else contrast.groups[::-1],
                role=Role.LICENSED,
                family=cluster,
                texts=PairTexts(
                    context=template.context(contrast.words[right]),
                    first=f" {contrast.slot[right]}",
                    second=f" {contrast.slot[1 - right]}",
                ),
            )


_read_once = cache(read_licensed)


def with_licensed(items: tuple[ProbeItem, ...], card: Card, path: Path) -> tuple[ProbeItem, ...]:
    """Return a probe's items, and our licensed ones of its features behind them.

    Only of an association in English; not where the card says ``licensed: none``, and of no feature that has licensed
    items of its own.

    Parameters
    ----------
    items : tuple of ProbeItem
    card : Card
    path : Path
        The file to take them from.

    Raises
    ------
    ProbeError
        If the file is absent or wrong.
    """
    if not takes_licensed(card):
        return items
    of_feature = _read_once(path)
    return (*items, *(item for feature in _lacking(items, card) for item in of_feature.get(feature, ())))


def takes_licensed(card: Card) -> bool:
    """Return whether a probe with this card gets our licensed items, for the features that it lacks them of."""
    return card.kind == ASSOCIATION.name and card.licensed is None and find_language(card.language) is ENGLISH


def _lacking(items: Iterable[ProbeItem], card: Card) -> list[str]:
    own = {item.feature for item in items if item.role is Role.LICENSED}
    return [feature for feature in card.features if feature not in own]
