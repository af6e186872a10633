"""What either checkpoint made of single items: the items that changed sides, and where their values come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from biasaudit import kinds
from biasaudit.framing import PLAIN, framed
from biasaudit.kinds.segments import Piece, Segment, pieces
from biasaudit.languages import ENGLISH
from biasaudit.types import Failed, Response, Role, Scored

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

Item = tuple[str, str]
"""Probe and item."""

FLIP_COLUMNS: Final = ("probe", "item_id", "feature", "fate", "d_base_nats", "d_tuned_nats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one checkpoint made of one item.

    Attributes
    ----------
    segments : tuple of Segment
        Of pairs and associations; empty where the audit does not hold the tokens or the texts.
    probabilities : mapping of str to float
        Of choices: option -> its share. Of decisions: case -> p(yes) / (p(yes) + p(no)).
    """

    segments: tuple[Segment, ...] = ()
    probabilities: Mapping[str, float] = field(default_factory=dict)


def flips(scores: pd.DataFrame, *, tuned: str, framing_id: str = PLAIN.framing_id) -> pd.DataFrame:
    """Return the bias items that changed sides between the base and a tuned checkpoint, largest change first.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`.
    tuned : str
    framing_id : str
        Of both checkpoints.

    Returns
    -------
    DataFrame
        Columns of `FLIP_COLUMNS`; fate is ``removed`` where d was above 0 and is no longer, ``introduced`` where it
        was not and is.
    """
    chosen = scores[
        (scores["framing_id"] == framing_id) & (scores["role"] == Role.BIAS.value) & (scores["status"] == "ok")
    ]
    base = chosen.loc[chosen["checkpoint"] == "base", ["probe", "item_id", "feature", "d_nats"]]
    after = chosen.loc[chosen["checkpoint"] == tuned, ["probe", "item_id", "d_nats"]]
    both = base.merge(after, on=["probe", "item_id"], suffixes=("_base", "_tuned"))
    both = both.rename(columns={"d_nats_base": "d_base_nats", "d_nats_tuned": "d_tuned_nats"})
    leant, leans = both["d_base_nats"] > 0, both["d_tuned_nats"] > 0
    both = both.assign(
        fate=leans.map({True: "introduced", False: "removed"}),
        change=(both["d_base_nats"] - both["d_tuned_nats"]).abs(),
    )[leant != leans]
    ordered = both.sort_values(["change", "probe", "item_id"], ascending=[False, True, True], ignore_index=True)
    return ordered[list(FLIP_COLUMNS)]


def seen(
    audit: AuditRecord, wanted: Iterable[Item], *, framing_id: str = PLAIN.framing_id
) -> dict[tuple[str, str, str], Seen]:
    """Return (checkpoint, probe, item) -> what the checkpoint made of it.

    Parameters
    ----------
    audit : AuditRecord
    wanted : iterable of (probe, item)
    framing_id : str
    """
    items = pd.DataFrame(sorted(set(wanted)), columns=["probe", "item_id"])
    if items.empty or audit.responses.empty:
        return {}
    facts = {
        (str(row["probe"]), str(row["item_id"])): row
        for row in audit.items.merge(items, on=["probe", "item_id"]).to_dict("records")
    }
    rows = audit.responses[audit.responses["framing_id"] == framing_id].merge(items, on=["probe", "item_id"])
    by_item: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}  # Any: pandas cells
    for row in rows.to_dict("records"):
        identity = (str(row["checkpoint"]), str(row["probe"]), str(row["item_id"]))
        by_item.setdefault(identity, {})[str(row["part"])] = {str(name): value for name, value in row.items()}
    return {identity: _seen(facts[identity[1:]], parts) for identity, parts in by_item.items() if identity[1:] in facts}


def _seen(item: Mapping[Any, Any], rows: Mapping[str, Mapping[str, Any]]) -> Seen:  # Any: pandas cells
    parts = frozenset(rows)
    responses = {part: _response(row) for part, row in rows.items()}
    probabilities = kinds.kind_of_parts(parts).probabilities
    if probabilities is not None:
        return Seen(probabilities=probabilities(responses, parts))
    return Seen(segments=_segments(item, rows))


def _response(row: Mapping[str, Any]) -> Response:  # Any: pandas cells
    if row["status"] != "ok":
        return Failed(key=str(row["key"]), reason=str(row["reason"]))
    return Scored(key=str(row["key"]), token_ids=(), token_logprobs_nats=tuple(row["token_logprobs_nats"]))


def _segments(item: Mapping[Any, Any], rows: Mapping[str, Mapping[str, Any]]) -> tuple[Segment, ...]:  # Any: cells
    texts = asked_texts(item["texts"])
    found: dict[str, Sequence[Piece]] = {}
    for part, row in rows.items():
        key, continuation = texts.get(part, ("", ""))
        ends = row.get("token_ends")
        # The key is the hash of what was asked: with another the texts here are not those that were scored.
        if row["status"] != "ok" or key != row["key"] or not isinstance(ends, Sequence | np.ndarray):
            return ()
        try:
            found[part] = pieces(
                continuation, [int(end) for end in ends], [float(x) for x in row["token_logprobs_nats"]]
            )
        except ValueError:
            return ()
    segments = kinds.kind_of_parts(frozenset(found)).segments if found else None
    return () if segments is None else segments(found)


def asked_texts(texts: object) -> dict[str, tuple[str, str]]:
    """Return part -> (key, continuation) of what an item asks in plain framing, where its texts can be shaded.

    Parameters
    ----------
    texts : object
        JSON as in the table of items, or what stands in its place.

    Examples
    --------
    >>> sorted(asked_texts('{"context": "", "first": "a", "second": "b"}'))
    ['first', 'second']
    >>> asked_texts(None)
    {}
    """
    try:
        content = json.loads(texts) if isinstance(texts, str) else None
    except (ValueError, RecursionError):
        content = None
    found = kinds.texts_of(content) if isinstance(content, Mapping) else None
    if found is None or (kind := kinds.kind_of_texts(found)).segments is None:
        return {}
    requests = (framed(prompt, item_id="", framing=PLAIN, chat=None) for prompt in kind.prompts(found, ENGLISH))
    return {request.part: (request.key, request.continuation) for request in requests}
