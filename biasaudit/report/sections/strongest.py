"""The items that changed sides most, with their texts and where their values come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.items_seen import Seen, flips, seen
from biasaudit.kinds import KINDS
from biasaudit.report.words.order import in_order
from biasaudit.report.words.shading import Addition, ShadedText, largest, shaded_texts
from biasaudit.report.words.wording import NAME_LIMIT, TEXT_LIMIT, clean, count, number, records
from biasaudit.types import stage_place

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.audit_record import AuditRecord

AT_MOST: Final = 5
"""Items that are shown of either direction, per probe; of one cluster and its groups at most one."""

QUERY: Final = """import biasaudit

scores = biasaudit.open_audit("AUDIT").scores  # the file scores.parquet
bias = scores.query("framing_id == 'plain' and role == 'bias' and status == 'ok'")
d = bias.pivot(index=["probe", "item_id"], columns="checkpoint", values="d_nats")
removed = d[(d["base"] > 0) & (d["tuned"] <= 0)]
introduced = d[(d["base"] <= 0) & (d["tuned"] > 0)]"""
"""How to get all the items of which the page shows the strongest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemText:
    """A labelled text of an item."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmView:
    """The texts of an item as one checkpoint reads them."""

    checkpoint: str
    d: str
    texts: tuple[ShadedText, ...]
    largest: tuple[Addition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityRow:
    """A probability in the base and in the tuned checkpoint."""

    label: str
    base: str
    tuned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One item that changed sides, with its d in either checkpoint, in nats.

    Attributes
    ----------
    texts : tuple of ItemText
        Those that are not shaded; empty where they were left out of the audit and nothing is shaded.
    arms : tuple of ArmView
        Base and tuned, or none where the audit does not hold the tokens.
    """

    item_id: str
    feature: str
    before: str
    after: str
    texts: tuple[ItemText, ...]
    arms: tuple[ArmView, ...]
    probabilities: tuple[ProbabilityRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The strongest flips of one probe; `anchor` names it on the page."""

    anchor: str
    tuned: str
    probe: str
    removed: tuple[Flip, ...]
    introduced: tuple[Flip, ...]
    n_removed: str
    n_introduced: str


def evidence(audit: AuditRecord, names: Mapping[str, str]) -> tuple[Evidence, ...]:
    """Return the strongest flips per tuned checkpoint and probe, in plain framing.

    Parameters
    ----------
    audit : AuditRecord
    names : mapping
        Probe -> name to show.
    """
    plain = audit.scores[(audit.scores["framing_id"] == "plain") & (audit.scores["role"] == "bias")]
    probes = in_order((str(probe) for probe in plain["probe"]), audit.comparisons)
    found: list[Evidence] = []
    for tuned in sorted({str(name) for name in plain["checkpoint"]} - {"base"}, key=stage_place):
        flipped = flips(audit.scores, tuned=tuned)
        shown = _strongest(flipped, audit.items)
        known = seen(audit, zip(shown["probe"], shown["item_id"], strict=True))
        for probe in probes:
            views = {
                fate: tuple(
                    _flip(row, tuned, known)
                    for row in records(shown[(shown["probe"] == probe) & (shown["fate"] == fate)])
                )
                for fate in ("removed", "introduced")
            }
            counts = flipped.loc[flipped["probe"] == probe, "fate"].value_counts()
            found.append(
                Evidence(
                    anchor=f"evidence-{len(found) + 1}",
                    tuned=clean(tuned),
                    probe=names.get(probe, clean(probe)),
                    **views,
                    n_removed=count(int(counts.get("removed", 0))),
                    n_introduced=count(int(counts.get("introduced", 0))),
                )
            )
    return tuple(found)


def _strongest(flipped: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Return the first flips of either direction with their texts: one of a scene and its groups, not its variants."""
    facts = ["probe", "item_id", "kind", "texts", "cluster_id", "groups"]
    scenes = flipped.merge(items[facts], on=["probe", "item_id"], how="left").drop_duplicates(
        ["probe", "fate", "cluster_id", "groups"]
    )
    return scenes.groupby(["probe", "fate"], sort=False).head(AT_MOST)


def _flip(row: Mapping[str, Any], tuned: str, known: Mapping[tuple[str, str, str], Seen]) -> Flip:  # Any: pandas cells
    item = (str(row["probe"]), str(row["item_id"]))
    base, after = known.get(("base", *item), Seen()), known.get((tuned, *item), Seen())
    d_nats = tuple(number(float(row[name]), decimals=2) for name in ("d_base_nats", "d_tuned_nats"))
    sides = KINDS[str(row["kind"])].words.shaded if row["kind"] in KINDS else ()
    arms: tuple[ArmView, ...] = ()
    if sides and base.segments and after.segments:
        arms = tuple(
            ArmView(checkpoint=checkpoint, d=d, texts=shaded_texts(of.segments, sides), largest=largest(of.segments))
            for checkpoint, d, of in zip(("base", clean(tuned)), d_nats, (base, after), strict=True)
        )
    texts = item_texts(row["texts"])
    return Flip(
        item_id=clean(row["item_id"], limit=NAME_LIMIT),
        feature=clean(row["feature"]),
        before=d_nats[0],
        after=d_nats[1],
        texts=tuple(text for text in texts if text.label not in sides) if arms else texts,
        arms=arms,
        probabilities=_probabilities(str(row["kind"]), base.probabilities, after.probabilities),
    )


def _probabilities(kind: str, base: Mapping[str, float], tuned: Mapping[str, float]) -> tuple[ProbabilityRow, ...]:
    return tuple(
        ProbabilityRow(label=label, base=number(base[name]), tuned=number(tuned[name]))
        for name, label in (KINDS[kind].words.answers.items() if kind in KINDS else ())
        if name in base and name in tuned
    )


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
    try:
        content = json.loads(texts)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, Mapping):
        return (ItemText(label="As stored", text=clean(texts, limit=TEXT_LIMIT)),)
    labelled = _labelled(content)
    return tuple(ItemText(label=label, text=clean(text, limit=TEXT_LIMIT)) for label, text in labelled if text)


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


def missing_texts(found: tuple[Evidence, ...]) -> bool:
    """Whether some shown item has no texts in the audit."""
    return any(not flip.texts and not flip.arms for part in found for flip in (*part.removed, *part.introduced))
