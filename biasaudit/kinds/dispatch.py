"""Which kind an item is of: by the type of its texts, or by the names of its parts. An unknown one is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from biasaudit.errors import UnknownKindError
from biasaudit.framing import Prompt
from biasaudit.kinds._value import ItemValue
from biasaudit.kinds.association import ASSOCIATION
from biasaudit.kinds.choice import CHOICE
from biasaudit.kinds.completion import COMPLETION
from biasaudit.kinds.decision import DECISION
from biasaudit.kinds.kind import ItemKind
from biasaudit.kinds.likelihood import LIKELIHOOD
from biasaudit.kinds.pair import PAIR
from biasaudit.languages import ENGLISH, Language
from biasaudit.types import ProbeItem, Response

KINDS: Final[Mapping[str, ItemKind[Any]]] = {  # Any: each has texts of its own
    kind.name: kind for kind in (PAIR, ASSOCIATION, CHOICE, COMPLETION, DECISION, LIKELIHOOD)
}


def kind_of(item: ProbeItem) -> ItemKind[Any]:  # Any: as above
    """Return the kind of an item, which need not be its probe's: an association probe asks pairs for competence.

    Raises
    ------
    UnknownKindError
    """
    found = [kind for kind in KINDS.values() if type(item.texts) is kind.texts]
    if len(found) != 1:
        raise UnknownKindError(type(item.texts).__name__, known=KINDS)
    return found[0]


def kind_of_parts(parts: frozenset[str]) -> ItemKind[Any]:  # Any: as above
    """Return the kind of the item whose responses have these parts.

    Raises
    ------
    UnknownKindError
        If they are the parts of none.

    Examples
    --------
    >>> kind_of_parts(frozenset({"first", "second"})).name
    'pair'
    """
    found = [kind for kind in KINDS.values() if kind.owns(parts)]
    if len(found) != 1:
        raise UnknownKindError(", ".join(sorted(parts)), known=KINDS)
    return found[0]


def prompts(item: ProbeItem, language: Language = ENGLISH) -> tuple[Prompt, ...]:
    """Return what `item` asks of a model, before any framing.

    Parameters
    ----------
    item : ProbeItem
    language : Language
        Of the frames that its kind puts around a question.
    """
    return kind_of(item).prompts(item.texts, language)


def has_value(parts: frozenset[str]) -> bool:
    """Whether an item with these parts has a value of its own: a sentence by itself has none.

    Examples
    --------
    >>> has_value(frozenset({"first", "second"})), has_value(frozenset({"text"}))
    (True, False)
    """
    return kind_of_parts(parts).value is not None


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

    Raises
    ------
    UnknownKindError
        If these are the parts of no kind.
    ValueError
        If its kind gives an item no value of its own; see :func:`has_value`.
    """
    value = kind_of_parts(parts).value
    if value is None:
        msg = f"an item with the parts {sorted(parts)} has no value of its own"
        raise ValueError(msg)
    return value(responses, parts, tags or {})
