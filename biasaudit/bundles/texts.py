"""Whether an audit's responses answer the texts that lie beside them, and whether these are the probe's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biasaudit import kinds
from biasaudit.analysis.scoring import items_sha256
from biasaudit.framing import ChatFrame, Framing, framed
from biasaudit.languages import ENGLISH, LANGUAGES, Language
from biasaudit.record.perturbed_facts import perturbed_of
from biasaudit.types import ProbeItem, Role

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFindings:
    """What a comparison of texts, hashes and keys found.

    Attributes
    ----------
    differences : tuple of str
        One sentence each.
    unchecked : tuple of str
        What could not be compared, and why.
    """

    differences: tuple[str, ...]
    unchecked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """Items and what was asked of them: the probes' own, or the perturbed ones.

    Attributes
    ----------
    items, responses : DataFrame
    items_file, responses_file : str
        Where they lie, for the messages.
    framings : tuple of Framing
        In which they were asked.
    facts : mapping
        Probe -> what the manifest says of it, its ``items_sha256`` and in which language it was asked.
    """

    items: pd.DataFrame
    responses: pd.DataFrame
    items_file: str
    responses_file: str
    framings: tuple[Framing, ...]
    facts: Mapping[str, Mapping[str, Any]]  # Any: JSON values


def text_findings(
    items: pd.DataFrame,
    responses: pd.DataFrame,
    manifest: Manifest,
    *,
    variants: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> TextFindings:
    """Compare the items with the manifest's hash of them, and the responses' keys with those of the items' texts.

    Parameters
    ----------
    items, responses : DataFrame
        See :mod:`biasaudit.record.tables`.
    manifest : Manifest
    variants : tuple of DataFrame, optional
        Items and responses of perturbed probes, of an audit that asked some.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the texts are no texts of their kind, or the manifest does not say how they were framed.
    """
    framings = tuple(Framing(**wording) for wording in manifest.plan["framings"])
    each = [
        _Evidence(
            items=items,
            responses=responses,
            items_file="items.parquet",
            responses_file="responses.parquet",
            framings=framings,
            facts=manifest.probes,
        )
    ]
    perturbed = perturbed_of(manifest.perturbed)
    if perturbed is not None and variants is not None:
        each.append(
            _Evidence(
                items=variants[0],
                responses=variants[1],
                items_file="variant_items.parquet",
                responses_file="variant_responses.parquet",
                framings=tuple(one for one in framings if one.framing_id in perturbed.framing_ids),
                facts={
                    name: {**manifest.probes[one.of], "items_sha256": one.items_sha256}
                    for name, one in perturbed.variants.items()
                },
            )
        )
    found = [_findings(one, manifest) for one in each]
    return TextFindings(
        differences=tuple(said for one in found for said in one.differences),
        unchecked=tuple(dict.fromkeys(said for one in found for said in one.unchecked)),
    )


def _findings(evidence: _Evidence, manifest: Manifest) -> TextFindings:
    differences: list[str] = []
    unchecked: list[str] = []
    chat = _chat_frame(manifest)
    asked, responses = evidence.framings, evidence.responses
    framings = [framing for framing in asked if framing.framing == "plain" or chat is not None]
    if len(framings) < len(asked):
        unchecked.append(
            "the keys of chat requests: the manifest of an earlier version does not hold what the template put around"
        )
    expected: dict[tuple[str, str, str, str], str] = {}
    known = set()
    for probe, of_probe in evidence.items.groupby("probe", sort=True):
        rows = of_probe.to_dict("records")
        if of_probe["texts"].isna().any():
            unchecked.append(f"probe {probe!a}: its texts were left out of the audit")
            continue
        facts = evidence.facts[str(probe)]
        recorded = facts.get("items_sha256")
        if recorded is None:
            unchecked.append(f"probe {probe!a}: the manifest of an earlier version has no hash of the items")
        elif recorded != items_sha256({str(name): value for name, value in row.items()} for row in rows):
            differences.append(
                f"{evidence.items_file}: the items of probe {probe!a} do not have the hash that the manifest names"
            )
        known.add(probe)
        language = LANGUAGES.get(str(facts.get("asked_in", "en")), ENGLISH)
        expected |= _keys(rows, str(probe), framings, chat, language)
    chosen = {framing.framing_id for framing in framings}
    there = responses[responses["probe"].isin(known) & responses["framing_id"].isin(chosen)]
    differences += _of_keys(there, expected, evidence, checkpoints=["base", *manifest.plan["tuned"]])
    return TextFindings(differences=tuple(differences), unchecked=tuple(unchecked))


def _of_keys(
    responses: pd.DataFrame,
    expected: Mapping[tuple[str, str, str, str], str],
    evidence: _Evidence,
    *,
    checkpoints: Iterable[str],
) -> list[str]:
    columns = ["checkpoint", "framing_id", "probe", "item_id", "part", "key"]
    left: dict[tuple[str, ...], str] = {
        (checkpoint, *asked): key for checkpoint in checkpoints for asked, key in expected.items()
    }
    wrong: list[tuple[str, ...]] = []
    extra: list[tuple[str, ...]] = []
    for *identity, key in responses[columns].itertuples(index=False):
        place = tuple(map(str, identity))
        should = left.pop(place, None)
        if should is None:
            extra.append(place)
        elif should != key:
            wrong.append(place)
    found = (
        (wrong, f"rows whose key is not that of the texts in {evidence.items_file}"),
        (list(left), "rows missing of what was asked"),
        (extra, "rows that answer nothing that was asked"),
    )
    return [
        f"{evidence.responses_file}: {len(places):,} {what}, the first: {', '.join(places[0])!a}"
        for places, what in found
        if places
    ]


def _keys(
    rows: Iterable[Mapping[Any, Any]],  # Any: cells of a pandas frame
    probe: str,
    framings: Iterable[Framing],
    chat: ChatFrame | None,
    language: Language,
) -> dict[tuple[str, str, str, str], str]:
    framings = list(framings)
    found = {}
    for row in rows:
        item = _item(row)
        for prompt in kinds.prompts(item, language):
            for framing in framings:
                request = framed(prompt, item_id=item.item_id, framing=framing, chat=chat, language=language)
                found[framing.framing_id, probe, item.item_id, prompt.part] = request.key
    return found


def _item(row: Mapping[Any, Any]) -> ProbeItem:  # Any: cells of a pandas frame
    content = json.loads(row["texts"])
    texts = kinds.texts_of(content)
    if texts is None:
        msg = f"item {row['item_id']!r}: the texts are those of no kind"
        raise ValueError(msg)
    return ProbeItem(
        item_id=str(row["item_id"]),
        cluster_id="",
        feature="",
        groups=(),
        role=Role.BIAS,
        family="",
        texts=texts,
    )


def _chat_frame(manifest: Manifest) -> ChatFrame | None:
    recorded = manifest.run.get("chat_frame") if isinstance(manifest.run, Mapping) else None
    return ChatFrame(**recorded) if isinstance(recorded, Mapping) else None
