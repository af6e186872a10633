"""One item as the models read it: its texts, which of them are the stereotype, and what each model made of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from biasaudit import kinds
from biasaudit.analysis.asked_items import AskedItem, StoredTexts, asked_items
from biasaudit.framing import PLAIN, Prompt, framed
from biasaudit.kinds import KINDS, ItemKind
from biasaudit.kinds.parts import parts as parts_of_100
from biasaudit.languages import ENGLISH, Language, find_language
from biasaudit.report.words.facts import mapping
from biasaudit.report.words.wording import NAME_LIMIT, NOT_RECORDED, TEXT_LIMIT, clean, number, present, records
from biasaudit.types import ProbeItem, Role, Scored

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

NOT_SCORED: Final = "not scored"

Item: TypeAlias = tuple[str, str]
"""Probe and item."""

Grouped: TypeAlias = dict[str, dict[str, list[Prompt]]]
"""Context -> row -> what was asked for it: one text, or the spellings of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemText:
    """A labelled text of an item."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """A text that is compared with the others of its context.

    Attributes
    ----------
    text : str
    labels : tuple of str
        What its kind calls it.
    is_stereotype : bool
        Whether a model leans more with the stereotype the likelier it finds it.
    shares : tuple of str
        Of 100 choices between the texts of the context, how many fall on it, by checkpoint; or why there is no number.
    """

    text: str
    labels: tuple[str, ...]
    is_stereotype: bool
    shares: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemContext:
    """What stands before the texts that are compared; empty where nothing does."""

    text: str
    label: str
    rows: tuple[ItemRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemForm:
    """An item, ready to show.

    Attributes
    ----------
    item_id, feature : str
    columns : tuple of str
        Checkpoints.
    contexts : tuple of ItemContext
        Empty where the texts were left out of the audit, or are not those of a kind.
    stored : tuple of ItemText
        Then the texts as they are stored; empty where they were left out.
    n_orders : str
        How many orders of the answers were asked, where the first alone is shown.
    d_nats : tuple of str
        The item's lean in nats, by checkpoint; or why there is no number.
    """

    item_id: str
    feature: str
    columns: tuple[str, ...]
    contexts: tuple[ItemContext, ...]
    stored: tuple[ItemText, ...]
    n_orders: str
    d_nats: tuple[str, ...]

    @property
    def has_texts(self) -> bool:
        """Whether the audit holds its texts."""
        return bool(self.contexts or self.stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an audit holds of some items, in plain framing.

    Attributes
    ----------
    items : mapping of Item to row of the table of items
    asked : mapping of (checkpoint, probe, item) to AskedItem
    scores : mapping of (checkpoint, probe, item) to row of the table of scores
    languages : mapping of str to Language
        By probe.
    """

    items: Mapping[Item, Mapping[str, Any]]  # Any: pandas cells
    asked: Mapping[tuple[str, str, str], AskedItem]
    scores: Mapping[tuple[str, str, str], Mapping[str, Any]]  # Any: pandas cells
    languages: Mapping[str, Language]


def known(audit: AuditRecord, wanted: Iterable[Item]) -> Known:
    """Gather what an audit holds of some items.

    Parameters
    ----------
    audit : AuditRecord
    wanted : iterable of (probe, item)
    """
    chosen = set(wanted)
    items = _of(audit.items, chosen)
    responses = _of(_plain(audit.responses), chosen)
    asked = asked_items(items, responses) if len(responses) else ()
    scores = records(_of(_plain(audit.scores), chosen))
    cards = mapping(audit.manifest.probes)
    return Known(
        items={(str(row["probe"]), str(row["item_id"])): row for row in records(items)},
        asked={(one.checkpoint, one.probe, one.item_id): one for one in asked},
        scores={(str(row["checkpoint"]), str(row["probe"]), str(row["item_id"])): row for row in scores},
        languages={
            probe: find_language(str(mapping(cards.get(probe)).get("language", ""))) or ENGLISH
            for probe in {probe for probe, _ in chosen}
        },
    )


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["framing_id"] == PLAIN.framing_id]


def _of(rows: pd.DataFrame, chosen: set[Item]) -> pd.DataFrame:
    # By item first: it leaves few rows of a hundred thousand.
    near = rows[rows["item_id"].isin({item for _, item in chosen})]
    among = [item in chosen for item in zip(near["probe"], near["item_id"], strict=True)]
    return near[np.array(among, dtype=bool)]


def item_form(found: Known, item: Item, checkpoints: Sequence[str]) -> ItemForm:
    """Put one item into words.

    Parameters
    ----------
    found : Known
    item : (probe, item)
        One that `found` was asked for.
    checkpoints : sequence of str
        The columns.
    """
    row = found.items.get(item, {})
    contexts, n_orders = _contexts(found, item, checkpoints) if row else ((), 1)
    return ItemForm(
        item_id=clean(item[1], limit=NAME_LIMIT),
        feature=clean(row.get("feature", NOT_RECORDED)),
        columns=tuple(clean(name) for name in checkpoints),
        contexts=contexts,
        stored=() if contexts else item_texts(row.get("texts")),
        n_orders=f"{n_orders:,}" if n_orders > 1 else "",
        d_nats=tuple(_d_nats(found.scores.get((name, *item))) for name in checkpoints),
    )


def _d_nats(row: Mapping[str, Any] | None) -> str:  # Any: pandas cells
    value = None if row is None or str(row["status"]) != "ok" else present(row["d_nats"])
    return NOT_SCORED if value is None else number(value, decimals=2)


def _contexts(found: Known, item: Item, checkpoints: Sequence[str]) -> tuple[tuple[ItemContext, ...], int]:
    """Return what was asked, by context, and in how many orders."""
    put = _probe_item(found.items[item])
    if put is None:
        return (), 1
    kind = kinds.kind_of(put)
    grouped: Grouped = {}
    for prompt in kind.prompts(put.texts, found.languages[item[0]]):
        grouped.setdefault(prompt.context, {}).setdefault(_row_name(kind, put, prompt), []).append(prompt)
    # One question with its answers in another order: the numbers are all that is new.
    n_orders = len(grouped) if grouped and all(set(rows) <= set(kind.words.answers) for rows in grouped.values()) else 1
    shares = [_shares(found.asked.get((name, *item)), kind, grouped, n_orders=n_orders) for name in checkpoints]
    labels = _labels(found.items[item]["texts"])
    options = kind.options(put.texts) if kind.options else {}

    def row(place: int, name: str, prompt: Prompt) -> ItemRow:
        text = options.get(name, prompt.continuation).strip()
        said = (kind.words.answers.get(name, ""), labels.get(text, ""))
        return ItemRow(
            text=clean(text, limit=TEXT_LIMIT),
            labels=tuple(dict.fromkeys(label for label in said if label)),
            is_stereotype=kind.pull(put, prompt.part) > 0,
            shares=tuple(
                parts_of_100(of_one[place, name]) if (place, name) in of_one else NOT_SCORED for of_one in shares
            ),
        )

    contexts = tuple(
        ItemContext(
            text=clean(context.strip(), limit=TEXT_LIMIT),
            label=_label_of(context.strip(), labels),
            rows=tuple(row(place, name, prompts[0]) for name, prompts in rows.items()),
        )
        for place, (context, rows) in enumerate(grouped.items())
    )
    return contexts[:1] if n_orders > 1 else contexts, n_orders


def _probe_item(row: Mapping[str, Any]) -> ProbeItem | None:  # Any: pandas cells
    """Return a stored item as it was asked; None where its texts were left out, or cannot be read."""
    try:
        content, tags, role = StoredTexts(row["texts"]).content(), json.loads(row["tags"]), Role(row["role"])
    except (TypeError, ValueError, RecursionError):
        return None
    texts = kinds.texts_of(content) if isinstance(content, Mapping) else None
    if texts is None or not isinstance(tags, Mapping):
        return None
    return ProbeItem(
        item_id=str(row["item_id"]),
        cluster_id=str(row["cluster_id"]),
        feature=str(row["feature"]),
        groups=(),
        role=role,
        family=str(row["family"]),
        texts=texts,
        tags=tags,
    )


def _row_name(kind: ItemKind[Any], put: ProbeItem, prompt: Prompt) -> str:  # Any: each kind has texts of its own
    """Return what texts of one context share that stand for one answer: its option, or its words, however spelled."""
    option = kind.option_of(prompt.part)
    # Two sides that differ in capitals alone are no spellings of one answer: they pull apart.
    words = f"{kind.pull(put, prompt.part):+} {prompt.continuation.strip().casefold()}"
    return option if option in kind.words.answers else words


def _shares(
    asked: AskedItem | None,
    kind: ItemKind[Any],  # Any: each kind has texts of its own
    grouped: Grouped,
    *,
    n_orders: int,
) -> dict[tuple[int, str], float]:
    """Return place of the context and row -> its share; nothing where a part was not scored, or is another."""
    prompts = [prompt for rows in grouped.values() for own in rows.values() for prompt in own]
    if asked is None or not all(_is_answer(asked, prompt) for prompt in prompts):
        return {}
    named = kind.probabilities(asked.responses, frozenset(one.part for one in prompts)) if kind.probabilities else {}
    found: dict[tuple[int, str], float] = {}
    for place, rows in enumerate(grouped.values()):
        nats = {name: _log_sum([asked.nats(one.part) or 0.0 for one in own]) for name, own in rows.items()}
        total = _log_sum(list(nats.values()))
        found |= {(place, name): named.get(name, math.exp(value - total)) for name, value in nats.items()}
    if n_orders == 1:
        return found
    names = {name for _, name in found}
    return {(0, name): math.fsum(found[place, name] for place in range(n_orders)) / n_orders for name in names}


def _is_answer(asked: AskedItem, prompt: Prompt) -> bool:
    """Whether a part was scored, and on these very words: the key is the hash of what was asked."""
    response = asked.responses.get(prompt.part)
    request = framed(prompt, item_id="", framing=PLAIN, chat=None)
    return isinstance(response, Scored) and response.key == request.key


def _log_sum(nats: Sequence[float]) -> float:
    largest = max(nats)
    return largest + math.log(math.fsum(math.exp(value - largest) for value in nats))


def _label_of(text: str, labels: Mapping[str, str]) -> str:
    """Return the label of the field that a context begins with, of several the longest."""
    fitting = [own for own in labels if text.startswith(own)]
    return labels[max(fitting, key=len)] if fitting else ""


def _labels(texts: object) -> dict[str, str]:
    found = [(text.strip(), label) for label, text in _labelled_texts(texts) if isinstance(text, str)]
    return {text: label for text, label in reversed(found) if text}


def item_texts(texts: object) -> tuple[ItemText, ...]:
    """Return the texts of an item under labels; empty where they were left out of the audit.

    Examples
    --------
    >>> [text.label for text in item_texts('{"context": "", "first": "a", "second": "b"}')]
    ['Stereotyping', 'Other']
    >>> item_texts(None)
    ()
    """
    if not isinstance(texts, str):
        return ()
    found = [(label, text) for label, text in _labelled_texts(texts) if text]
    return tuple(
        ItemText(label=label, text=clean(text, limit=TEXT_LIMIT)) for label, text in found or [("As stored", texts)]
    )


def _labelled_texts(texts: object) -> Iterator[tuple[str, object]]:
    try:
        content = StoredTexts(texts).content()
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, Mapping):
        yield from _labelled(content)


def _labelled(content: Mapping[str, Any]) -> Iterator[tuple[str, object]]:  # Any: JSON values
    """Yield the texts under the labels of the kind whose fields they are: older texts lack some."""
    names = set(content)
    of_kinds = {kind.name: {one.name for one in fields(kind.texts)} for kind in KINDS.values()}
    fitting = [name for name, own in of_kinds.items() if names == own] or [
        name for name, own in of_kinds.items() if names <= own
    ]
    for name, label in KINDS[fitting[0]].words.labels.items() if len(fitting) == 1 else ():
        text = content.get(name)
        if isinstance(label, str):
            yield label, text
        else:
            yield from zip(label, text if isinstance(text, list) else (), strict=False)
