"""What a kind of item is to the rest of the house: one object, which owns all that its kind needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from biasaudit.framing import Prompt
from biasaudit.kinds._value import ItemValue
from biasaudit.languages import Language
from biasaudit.types import Ability, Response

Texts = TypeVar("Texts")

Value: TypeAlias = Callable[[Mapping[str, Response], frozenset[str], Mapping[str, str]], ItemValue]
"""From the responses by part, the parts that were asked, and the item's tags, to the item's value."""

Probabilities: TypeAlias = Callable[[Mapping[str, Response], frozenset[str]], Mapping[str, float]]
"""From the responses by part, and the parts that were asked, to what each answer got; empty where a part failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKind(Generic[Texts]):
    """A kind of item.

    Attributes
    ----------
    name : str
        As on a card.
    texts : type
        Of the texts of such an item.
    prompts : callable
        From the texts and the language of the probe to what is asked.
    owns : callable
        Whether these are the parts of such an item; of no two kinds are the same.
    needs : Ability
        What a model must be able to do to be asked.
    value : callable or None
        None where an item by itself has no value.
    probabilities : callable or None
        What a report shows of single items; None where it shows the texts shaded.
    """

    name: str
    texts: type[Texts]
    prompts: Callable[[Texts, Language], tuple[Prompt, ...]]
    owns: Callable[[frozenset[str]], bool]
    needs: Ability = Ability.LIKELIHOOD
    value: Value | None = None
    probabilities: Probabilities | None = None
