"""What either checkpoint made of single items: the items that changed sides, and where their values come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from biasaudit import kinds
from biasaudit.analysis.asked_items import AskedItem, StoredTexts, asked_items
from biasaudit.framing import PLAIN, framed
from biasaudit.kinds.segments import Piece, Segment, pieces
from biasaudit.languages import ENGLISH
from biasaudit.types import Role, Scored

if TYPE_CHECKING:
    from biasaudit.record.audit_record import AuditRecord

Item = tuple[str, str]
"""Probe and item."""

Place = tuple[str, str, str, str]
"""Checkpoint, probe, item and part."""

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
    rows = audit.responses[audit.responses["framing_id"] == framing_id].merge(items, on=["probe", "item_id"])
    ends = _token_ends(rows)
    return {
        (one.checkpoint, one.probe, one.item_id): _seen(one, ends)
        for one in asked_items(audit.items.merge(items, on=["probe", "item_id"]), rows)
        if one.kind is not None
    }


def _token_ends(rows: pd.DataFrame) -> dict[Place, object]:
    if "token_ends" not in rows:
        return {}
    places = (rows[name].tolist() for name in ("checkpoint", "probe", "item_id", "part"))
    return dict(zip(zip(*places, strict=True), rows["token_ends"].tolist(), strict=True))


def _seen(asked: AskedItem, ends: Mapping[Place, object]) -> Seen:
    probabilities = None if asked.kind is None else asked.kind.probabilities
    if probabilities is not None:
        return Seen(probabilities=probabilities(asked.responses, frozenset(asked.responses)))
    return Seen(segments=_segments(asked, ends))


def _segments(asked: AskedItem, ends: Mapping[Place, object]) -> tuple[Segment, ...]:
    texts = _asked_texts(asked.texts)
    found: dict[str, Sequence[Piece]] = {}
    for part, response in asked.responses.items():
        key, continuation = texts.get(part, ("", ""))
        of_part = ends.get((asked.checkpoint, asked.probe, asked.item_id, part))
        # The key is the hash of what was asked: with another the texts here are not those that were scored.
        if not isinstance(response, Scored) or key != response.key or not isinstance(of_part, Sequence | np.ndarray):
            return ()
        try:
            found[part] = pieces(continuation, [int(end) for end in of_part], response.token_logprobs_nats)
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
    return _asked_texts(StoredTexts(texts))


def _asked_texts(texts: StoredTexts) -> dict[str, tuple[str, str]]:
    try:
        content = texts.content()
    except (ValueError, RecursionError):
        content = None
    found = kinds.texts_of(content) if isinstance(content, Mapping) else None
    if found is None or (kind := kinds.kind_of_texts(found)).segments is None:
        return {}
    requests = (framed(prompt, item_id="", framing=PLAIN, chat=None) for prompt in kind.prompts(found, ENGLISH))
    return {request.part: (request.key, request.continuation) for request in requests}
