"""Probe items and what they ask in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from biasaudit.types.vocabulary import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTexts:
    """The texts of an item, whatever its kind: texts, lists of texts and plain values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTexts(ItemTexts):
    """Two continuations of one context, of which the first is the one the index counts.

    Attributes
    ----------
    context : str
        What stands before both; often empty.
    first : str
        The stereotyping text (bias items), or sense (competence items).
    second : str
        The other text, or nonsense.
    """

    context: str
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationTexts(ItemTexts):
    """A 2 x 2 table of contexts and continuations; the diagonal is the stereotyped pairing.

    Attributes
    ----------
    contexts : tuple of str
        With A, with B.
    continuations : tuple of str
        Stereotype of A, stereotype of B.
    group_in_context : bool
        True where the contexts name the groups, False where they name the attributes.
    """

    contexts: tuple[str, str]
    continuations: tuple[str, str]
    group_in_context: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceTexts(ItemTexts):
    """A question with two persons to choose from and, mostly, a way to say that one cannot know.

    Attributes
    ----------
    context, question : str
    biased : str
        The option that agrees with the stereotype.
    counter : str
        The option that names the other person.
    unknown : str or None
        The option that says that it cannot be known.
    reading : {"texts", "letters"}
        Whether the options' texts are compared as answers, or their letters after all of them were
        listed, in every order.
    """

    context: str
    question: str
    biased: str
    counter: str
    unknown: str | None
    reading: Literal["texts", "letters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionTexts(ItemTexts):
    """A beginning that a model writes on.

    Attributes
    ----------
    prompt : str
    """

    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTexts(ItemTexts):
    """One case, written for two groups, that is decided by yes or no.

    Attributes
    ----------
    favoured : str
        The case of the group that the stereotype favours, or of the reference group.
    other : str
        The same case of the other group.
    reply : str
        How the answer begins, up to the word that decides; may be empty.
    yes, no : tuple of str
        Spellings of the two answers, whose probabilities are summed. Yes grants something good.
    """

    favoured: str
    other: str
    reply: str
    yes: tuple[str, ...]
    no: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodTexts(ItemTexts):
    """A sentence by itself, set against no other: likelihoods of many are compared as distributions.

    Attributes
    ----------
    text : str
    """

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeItem:
    """The unit that is scored.

    Attributes
    ----------
    item_id : str
        Unique within its probe, and stable over versions of it.
    cluster_id : str
        Items that share it share a template or source, and are resampled together.
    feature : str
        Sensitive feature, as declared on the card.
    groups : tuple of str
        Groups that the item sets against each other; may be empty where the source has no labels.
    role : Role
    family : str
        Wording family (template), for how much the index depends on wording.
    texts : ItemTexts
        Of the kind's own type, such as :class:`PairTexts`.
    tags : mapping of str to str
        Further columns of the source: direction, occupations. A choice whose answer is known has
        ``correct``: biased, counter or unknown. A decision whose facts settle it has ``clear``: favoured.
    """

    item_id: str
    cluster_id: str
    feature: str
    groups: tuple[str, ...]
    role: Role
    family: str
    texts: ItemTexts
    tags: Mapping[str, str] = field(default_factory=dict)
