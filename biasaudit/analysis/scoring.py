"""Items and responses as tables, and item values from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import pandas as pd

from biasaudit.analysis import counts as stored_counts
from biasaudit.analysis.asked_items import GROUP_SEPARATOR, AskedItem
from biasaudit.analysis.table import Given, Table
from biasaudit.record import tables
from biasaudit.types import Counted, Failed, Request, Response, Role, Scored

if TYPE_CHECKING:
    from biasaudit.framing import Framing
    from biasaudit.probes import Probe
    from biasaudit.types import ProbeItem


def items_frame(probes: Sequence[Probe], *, omit_texts: bool) -> pd.DataFrame:
    """Return one row per item.

    Parameters
    ----------
    probes : sequence of Probe
    omit_texts : bool
        Leave out the texts of published sets, so that the audit can be passed on without them.
    """
    rows = [
        item_row(probe, item, omit_text=omit_texts and probe.card.data.published)
        for probe in probes
        for item in probe.items
    ]
    frame = pd.DataFrame(rows, columns=list(tables.ITEMS.columns))
    return tables.checked(frame.sort_values(["probe", "item_id"], ignore_index=True), tables.ITEMS)


def item_row(probe: Probe, item: ProbeItem, *, omit_text: bool = False) -> dict[str, str | None]:
    """Return an item as it stands in the table."""
    return {
        "probe": probe.card.id,
        "item_id": item.item_id,
        "kind": probe.card.kind,
        "cluster_id": item.cluster_id,
        "feature": item.feature,
        "groups": GROUP_SEPARATOR.join(item.groups),
        "role": item.role.value,
        "family": item.family,
        "texts": None if omit_text else json.dumps(asdict(item.texts)),
        "tags": json.dumps(dict(item.tags), sort_keys=True),
    }


def items_sha256(rows: Iterable[Mapping[str, object]]) -> str:
    """Return the hash of a probe's items as they stand in the table, whatever their order.

    The hash of the probe itself goes over its items in the probe's own order, which the table does not keep.

    Parameters
    ----------
    rows : iterable of mapping
        Of :func:`item_row`, or of the table; all of one probe, with their texts.
    """
    columns = sorted(set(tables.ITEMS.columns) - {"probe"})
    lines = sorted(json.dumps([row[name] for name in columns], ensure_ascii=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def response_rows(
    checkpoint: str,
    probe: str,
    pairs: Iterable[tuple[Request, Response]],
    *,
    omit_tokens: bool,
    omit_written: bool = False,
    token_ends: Mapping[str, Sequence[int]] | None = None,
) -> list[dict[str, object]]:
    """Return one row per request.

    Parameters
    ----------
    checkpoint, probe : str
    pairs : iterable of (Request, Response)
    omit_tokens : bool
        Leave out token ids, from which the text could be read back.
    omit_written : bool
        Leave out what was drawn, which may repeat the text.
    token_ends : mapping, optional
        Key of a request -> where its tokens end, in characters of the continuation.
    """
    rows: list[dict[str, object]] = []
    for request, response in pairs:
        answers = isinstance(response, Scored | Counted)
        rows.append(
            {
                "checkpoint": checkpoint,
                "framing_id": request.framing_id,
                "probe": probe,
                "item_id": request.item_id,
                "part": request.part,
                "key": request.key,
                "status": "ok" if answers else "failed",
                "reason": response.reason if isinstance(response, Failed) else None,
                "token_ids": list(response.token_ids) if isinstance(response, Scored) and not omit_tokens else None,
                "token_logprobs_nats": list(response.token_logprobs_nats) if isinstance(response, Scored) else None,
                "token_ends": None if omit_tokens else (token_ends or {}).get(request.key),
                "counts": stored_counts.as_json(response) if isinstance(response, Counted) else None,
                "written": stored_counts.shown(response)
                if isinstance(response, Counted) and not omit_written
                else None,
            }
        )
    return rows


def responses_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the rows as a table, sorted."""
    frame = pd.DataFrame(rows, columns=list(tables.RESPONSES.columns))
    if not frame["counts"].notna().any():
        frame = frame.drop(columns=["counts", "written"])
    by = ["checkpoint", "framing_id", "probe", "item_id", "part"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.RESPONSES)


def scores_frame(
    asked: Iterable[AskedItem],
    items: pd.DataFrame,
    framings: Sequence[Framing],
    *,
    also: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Compute item values: items and what was made of them in, one row per checkpoint, framing and item out.

    Sentences by themselves have no row: only published scores are made of them.

    Parameters
    ----------
    asked : iterable of AskedItem
    items : DataFrame
    framings : sequence of Framing
    also : mapping of str to str, optional
        Probe -> tag that names an item's second cluster.
    """
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    second_of = also or {}
    seconds: dict[tuple[str, str], str] = {}
    rows = []
    by = ["checkpoint", "framing_id", "probe", "item_id"]
    for one in asked:
        seconds[one.probe, one.item_id] = one.tags.get(second_of.get(one.probe, ""), "")
        if one.kind is None or one.kind.value is None:
            continue
        value = one.kind.value(one.responses, frozenset(one.responses), one.tags)
        rows.append(
            {
                "checkpoint": one.checkpoint,
                "framing": framing_of[one.framing_id],
                "framing_id": one.framing_id,
                "probe": one.probe,
                "item_id": one.item_id,
                "status": "ok" if value.ok else "failed",
                "d_nats": value.d_nats,
                "d_per_token_nats": value.d_per_token_nats,
                "sign": value.sign,
                "graded": value.graded,
            }
        )
    of_items = ["cluster_id", "also_cluster_id", "feature", "family", "role"]
    columns = [name for name in tables.SCORES.columns if name not in of_items]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = ["d_nats", "d_per_token_nats", "sign", "graded"]
    frame[numbers] = frame[numbers].astype(float)
    second = [seconds.get(identity, "") for identity in items[["probe", "item_id"]].itertuples(index=False, name=None)]
    known = items.assign(also_cluster_id=pd.Series(second, index=items.index, dtype=str))
    merged = frame.merge(known[["probe", "item_id", *of_items]], on=["probe", "item_id"], validate="m:1")
    return tables.checked(merged.sort_values(by, ignore_index=True), tables.SCORES)


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return scores_frame(given.asked, given.tables["items"], analysis.framings, also=analysis.also)


ITEMS: Final = Table(name="items", schema=tables.ITEMS, computed=None)
RESPONSES: Final = Table(name="responses", schema=tables.RESPONSES, computed=None)
SCORES: Final = Table(name="scores", schema=tables.SCORES, computed=_computed)


def coverage(scores: pd.DataFrame) -> Mapping[str, int]:
    """Count bias items by status."""
    counts = scores.loc[scores["role"] == Role.BIAS.value, "status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in ("ok", "failed")}
