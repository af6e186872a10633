"""Which kind handles which item: decided by the type of its texts."""

from __future__ import annotations

from collections.abc import Mapping

from biasaudit.framing import Prompt
from biasaudit.kinds import association, choice, completion, decision, likelihood, pair
from biasaudit.kinds._value import ItemValue
from biasaudit.languages import ENGLISH, Language
from biasaudit.types import (
    AssociationTexts,
    ChoiceTexts,
    CompletionTexts,
    LikelihoodTexts,
    PairTexts,
    ProbeItem,
    Response,
)


def prompts(item: ProbeItem, language: Language = ENGLISH) -> tuple[Prompt, ...]:
    """Return what `item` asks of a model, before any framing.

    Parameters
    ----------
    item : ProbeItem
    language : Language
        Of the frames that its kind puts around a question.
    """
    texts = item.texts
    if isinstance(texts, PairTexts):
        return pair.prompts(texts)
    if isinstance(texts, AssociationTexts):
        return association.prompts(texts)
    if isinstance(texts, ChoiceTexts):
        return choice.prompts(texts, language)
    if isinstance(texts, CompletionTexts):
        return completion.prompts(texts)
    if isinstance(texts, LikelihoodTexts):
        return likelihood.prompts(texts)
    return decision.prompts(texts)


def has_value(parts: frozenset[str]) -> bool:
    """Whether an item with these parts has a value of its own: a sentence by itself has none.

    Examples
    --------
    >>> has_value(frozenset({"first", "second"})), has_value(frozenset({"text"}))
    (True, False)
    """
    return parts != frozenset({likelihood.TEXT})


def item_value(
    parts: frozenset[str], responses: Mapping[str, Response], *, tags: Mapping[str, str] | None = None
) -> ItemValue:
    """Return the value of the item whose parts are `parts`; unscored if one of them failed.

    Parameters
    ----------
    parts : frozenset of str
    responses : mapping of str to Response
    tags : mapping of str to str, optional
        Of the item: a choice with a right answer is scored by it, a decision that its facts settle by its order.
    """
    if parts == frozenset(association.PARTS):
        return association.item_value(responses)
    if choice.is_choice(parts):
        return choice.item_value(responses, parts, correct=(tags or {}).get("correct"))
    if decision.is_decision(parts):
        return decision.item_value(responses, parts, clear="clear" in (tags or {}))
    return pair.item_value(responses)
