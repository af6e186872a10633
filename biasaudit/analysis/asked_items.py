"""What was asked and what came of it: every item with its responses in every arm, put together once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit import kinds
from biasaudit.analysis import counts as stored_counts
from biasaudit.benchmarks import Answered
from biasaudit.errors import AlteredAuditError
from biasaudit.kinds import ItemKind
from biasaudit.types import Counted, Failed, Response, Role, Scored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

GROUP_SEPARATOR: Final = " | "

_NO_RESPONSES: Final[Mapping[str, Response]] = {}


class StoredTexts:
    """The texts of an item as they stand in the table, read when they are first asked for.

    Parameters
    ----------
    stored : object
        JSON, or whatever stands in its place where the texts were left out.

    Examples
    --------
    >>> StoredTexts('{"text": "a"}').content(), StoredTexts(None).content()
    ({'text': 'a'}, None)
    """

    __slots__ = ("_content", "_stored")

    def __init__(self, stored: object) -> None:
        self._stored = stored if isinstance(stored, str) else None
        self._content: Any = None  # Any: JSON values

    def content(self) -> Any:  # Any: as above
        """Return what the JSON holds, None where there is none.

        Raises
        ------
        ValueError, RecursionError
            If it is no JSON.
        """
        if self._stored is not None:
            self._content, self._stored = json.loads(self._stored), None
        return self._content


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedItem(Answered):
    """One item in one arm: what is known of it, and what the checkpoint made of it.

    Attributes
    ----------
    probe : str
    checkpoint, framing_id : str
        The arm.
    kind : ItemKind or None
        By the parts that were asked; None where the arm has no response to the item.
    groups : tuple of str
        Groups that the item sets against each other; empty where it names none.
    texts : StoredTexts
    """

    probe: str
    checkpoint: str
    framing_id: str
    kind: ItemKind[Any] | None  # Any: each kind has texts of its own
    groups: tuple[str, ...]
    texts: StoredTexts


def asked_items(items: pd.DataFrame, responses: pd.DataFrame) -> tuple[AskedItem, ...]:
    """Put the items and their responses together.

    Parameters
    ----------
    items, responses : DataFrame
        See :mod:`biasaudit.record.tables`.

    Returns
    -------
    tuple of AskedItem
        Every item of a probe once for each arm in which the probe was asked, by checkpoint, framing and probe, and
        in an arm in the order of `items`.

    Raises
    ------
    AlteredAuditError
        If an item has tags or a role that cannot be read.
    UnknownKindError
        If the responses to an item have the parts of no kind.
    """
    found = _responses(responses)
    known: dict[str, list[dict[str, Any]]] = {}  # Any: fields of several types
    for item in _facts(items):
        known.setdefault(item["probe"], []).append(item)
    of_parts: dict[frozenset[str], ItemKind[Any]] = {}  # Any: as above

    def kind_of(parts: frozenset[str]) -> ItemKind[Any] | None:  # Any: as above
        if parts and parts not in of_parts:
            of_parts[parts] = kinds.kind_of_parts(parts)
        return of_parts.get(parts)

    def in_arm(arm: tuple[str, str, str]) -> Iterator[AskedItem]:
        checkpoint, framing_id, probe = arm
        for item in known.get(probe, ()):
            of_item = found[arm].get(item["item_id"], _NO_RESPONSES)
            yield AskedItem(
                checkpoint=checkpoint,
                framing_id=framing_id,
                kind=kind_of(frozenset(of_item)),
                responses=of_item,
                **item,
            )

    return tuple(one for arm in sorted(found) for one in in_arm(arm))


def _facts(items: pd.DataFrame) -> Iterator[dict[str, Any]]:  # Any: fields of several types
    columns = ["probe", "item_id", "cluster_id", "feature", "family", "groups", "role", "tags", "texts"]
    rows = zip(*(items[name].tolist() for name in columns), strict=True)
    for probe, item_id, cluster_id, feature, family, groups, role, tags, texts in rows:
        try:
            facts = {"role": Role(role), "tags": json.loads(tags)}
        except (ValueError, RecursionError) as exc:
            raise AlteredAuditError(
                f"items.parquet: item {item_id!a} of probe {probe!a} cannot be read: {exc}.",
                fix="Restore it, or run the audit again.",
            ) from exc
        yield {
            "probe": probe,
            "item_id": item_id,
            "cluster_id": cluster_id,
            "feature": feature,
            "family": family,
            "groups": tuple(groups.split(GROUP_SEPARATOR)) if groups else (),
            "texts": StoredTexts(texts),
            **facts,
        }


def _responses(responses: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, dict[str, Response]]]:
    """Return (checkpoint, framing_id, probe) -> item -> part -> response."""
    shared = (_shared(responses[name]) for name in ("checkpoint", "framing_id", "probe", "item_id", "part", "status"))
    own = (responses[name].tolist() for name in ("key", "reason", "token_logprobs_nats"))
    drawn = responses["counts"].tolist() if "counts" in responses.columns else [None] * len(responses)
    found: dict[tuple[str, str, str], dict[str, dict[str, Response]]] = {}
    for checkpoint, framing_id, probe, item_id, part, status, key, reason, logprobs, counts in zip(
        *shared, *own, drawn, strict=True
    ):
        response: Response
        if status == "ok" and isinstance(counts, str):
            response = _counted(counts, key=key, part=part, item_id=item_id)
        elif status == "ok":
            nats = logprobs.tolist() if isinstance(logprobs, np.ndarray) else logprobs
            if nats is None or not len(nats):
                raise AlteredAuditError(
                    f"responses.parquet: part {part!a} of item {item_id!a} is ok and has no log-probabilities.",
                    fix="Restore it, or run the audit again.",
                )
            response = Scored(key=key, token_ids=(), token_logprobs_nats=tuple(nats))
        else:
            response = Failed(key=key, reason=reason)
        found.setdefault((checkpoint, framing_id, probe), {}).setdefault(item_id, {})[part] = response
    return found


def _counted(stored: str, *, key: str, part: str, item_id: str) -> Counted:
    try:
        return stored_counts.of_json(key, stored)
    except (ValueError, RecursionError) as exc:
        raise AlteredAuditError(
            f"responses.parquet: part {part!a} of item {item_id!a} has no counts: {exc}.",
            fix="Restore it, or run the audit again.",
        ) from exc


def _shared(column: pd.Series[Any]) -> list[str]:  # Any: of pandas
    """Return the texts of a column, equal ones as one object: a large audit has a million rows and 20 parts."""
    codes, texts = column.factorize(use_na_sentinel=False)
    names = [str(text) for text in texts]
    return [names[code] for code in codes.tolist()]
