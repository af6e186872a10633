"""What of an item is compared, and what of it is read: the same for every kind."""

from __future__ import annotations

from dataclasses import dataclass

from biasaudit.types import (
    AssociationTexts,
    ChoiceTexts,
    CompletionTexts,
    DecisionTexts,
    ItemTexts,
    PairTexts,
    ProbeItem,
    Role,
)


@dataclass(frozen=True, slots=True)
class Variants:
    """Two texts of one item that are set against each other."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as a model reads it.

    Attributes
    ----------
    text : str
    whole : bool
        Whether it begins a sentence; the options of a choice do not.
    """

    text: str
    whole: bool = True


def variants(texts: ItemTexts) -> tuple[Variants, ...]:
    """Return what an item sets against each other; both sides of an association's table.

    Examples
    --------
    >>> variants(PairTexts(context="It was", first=" she.", second=" he."))
    (Variants(first=' she.', second=' he.'),)
    """
    match texts:
        case PairTexts():
            return (Variants(texts.first, texts.second),)
        case AssociationTexts():
            return (Variants(*texts.contexts), Variants(*texts.continuations))
        case DecisionTexts():
            return (Variants(texts.favoured, texts.other),)
        case ChoiceTexts():
            return (Variants(texts.biased, texts.counter),)
        case _:
            return ()


def passages(item: ProbeItem) -> tuple[Passage, ...]:
    """Return the texts of an item that are meant to be good sentences: all but deliberate nonsense."""
    texts = item.texts
    match texts:
        case PairTexts():
            sense = Passage(texts.context + texts.first)
            return (sense,) if item.role is Role.COMPETENCE else (sense, Passage(texts.context + texts.second))
        case AssociationTexts():
            return tuple(Passage(context + end) for context in texts.contexts for end in texts.continuations)
        case DecisionTexts():
            return (Passage(texts.favoured + texts.reply), Passage(texts.other + texts.reply))
        case ChoiceTexts():
            options = (texts.biased, texts.counter, texts.unknown or "")
            asked = (Passage(texts.context), Passage(texts.question))
            return (*asked, *(Passage(option, whole=False) for option in options if option))
        case CompletionTexts():
            return (Passage(texts.prompt),)
        case _:
            return (Passage(texts.text),)


def seams(texts: ItemTexts) -> tuple[tuple[str, str], ...]:
    """Return the places where two texts are joined: what stands before, and after."""
    match texts:
        case PairTexts():
            return ((texts.context, texts.first), (texts.context, texts.second))
        case AssociationTexts():
            return tuple((context, end) for context in texts.contexts for end in texts.continuations)
        case _:
            return ()
