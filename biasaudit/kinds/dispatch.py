"""Which kind an item is of: by the type of its texts, or by the names of its parts. An unknown one is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from biasaudit.errors import UnknownKindError
from biasaudit.framing import Prompt
from biasaudit.kinds._value import ItemValue
from biasaudit.kinds.association import ASSOCIATION
from biasaudit.kinds.choice import CHOICE
from biasaudit.kinds.completion import COMPLETION
from biasaudit.kinds.decision import DECISION
from biasaudit.kinds.kind import Index, ItemKind
from biasaudit.kinds.likelihood import LIKELIHOOD
from biasaudit.kinds.pair import INDEX as OF_PAIRS
from biasaudit.kinds.pair import PAIR
from biasaudit.languages import ENGLISH, Language
from biasaudit.types import ItemTexts, ProbeItem, Response

KINDS: Final[Mapping[str, ItemKind[Any]]] = {  # Any: each has texts of its own
    kind.name: kind for kind in (PAIR, ASSOCIATION, CHOICE, COMPLETION, DECISION, LIKELIHOOD)
}


def kind_of(item: ProbeItem) -> ItemKind[Any]:  # Any: as above
    """Return the kind of an item, which need not be its probe's: an association probe asks pairs for competence.

    Raises
    ------
    UnknownKindError
    """
    return kind_of_texts(item.texts)


def kind_of_texts(texts: ItemTexts) -> ItemKind[Any]:  # Any: as above
    """Return the kind of item that has such texts.

    Raises
    ------
    UnknownKindError
    """
    found = [kind for kind in KINDS.values() if type(texts) is kind.texts]
    if len(found) != 1:
        raise UnknownKindError(type(texts).__name__, known=KINDS)
    return found[0]


def texts_of(content: Mapping[str, object]) -> ItemTexts | None:
    """Return the texts that a JSON object holds; None where its fields are those of no kind, or hold something else.

    Examples
    --------
    >>> texts_of({"context": "", "first": "a", "second": "b"})
    PairTexts(context='', first='a', second='b')
    >>> texts_of({"context": "", "first": "a", "second": 1}) is texts_of({"first": "a"}) is None
    True
    """
    names = frozenset(content)
    for kind in KINDS.values():
        if names == {field.name for field in fields(kind.texts)}:
            hints = get_type_hints(kind.texts)
            values = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
            return kind.texts(**values) if all(_fits(values[name], hint) for name, hint in hints.items()) else None
    return None


def _fits(value: object, hint: Any) -> bool:  # Any: a type, as it is annotated
    """Whether a value is of the type that a field of texts is annotated with."""
    inner = get_args(hint)
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            return False
        several = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return len(value) == len(several) and all(map(_fits, value, several))
    if get_origin(hint) is Literal:
        return value in inner
    return any(_fits(value, one) for one in inner) if inner else isinstance(value, hint)


def index_of(kind: str) -> Index:
    """Return what the index of a kind is.

    Raises
    ------
    ValueError
        If the kind sets no group against another.
    """
    index = KINDS[kind].index
    if index is None:
        msg = f"a probe of kind {kind!r} has no index"
        raise ValueError(msg)
    return index


def planned_spread(kind: str) -> float:
    """Return the standard deviation of an item's change to plan with; of kinds without an index, that of pairs."""
    index = KINDS[kind].index
    return OF_PAIRS.spread if index is None else index.spread


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


def prompts(item: ProbeItem, language: Language = ENGLISH, *, drawn: bool = False) -> tuple[Prompt, ...]:
    """Return what `item` asks of a model, before any framing.

    Parameters
    ----------
    item : ProbeItem
    language : Language
        Of the frames that its kind puts around a question.
    drawn : bool
        Ask for answers in words, where its kind has such.
    """
    kind = kind_of(item)
    return (kind.drawn if drawn and kind.drawn is not None else kind.prompts)(item.texts, language)


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
