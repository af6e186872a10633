"""From a finished audit to an explanation: every hybrid of its pair is asked the audit's items."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from biasaudit.analysis.asked_items import asked_items
from biasaudit.analysis.derived import read_record
from biasaudit.analysis.scoring import items_frame, response_rows, responses_frame, scores_frame
from biasaudit.audits.asked import requests_of
from biasaudit.audits.places import check_folder
from biasaudit.errors import AuditMismatchError, UnfinishedAuditError, UsageError
from biasaudit.explanations.asked import Asked, asked_of, barred
from biasaudit.explanations.evidence import Attribute, Gathering, gathered, with_records
from biasaudit.explanations.names import OF_RECORDS
from biasaudit.explanations.profile import name_of, profiles
from biasaudit.explanations.record import FILES, SCHEMA_VERSION, Draw, Explanation, facts_of, read_explanation, written
from biasaudit.kinds import KINDS
from biasaudit.models.backend import answers
from biasaudit.models.backends import way_of_all
from biasaudit.record.manifest import own_checksum
from biasaudit.types.depth import FROM_ABOVE, FROM_BELOW, Hybrid
from biasaudit.types.progress import Progress, Silence
from biasaudit.version import __version__

if TYPE_CHECKING:
    from biasaudit.explanations.plan import ExplanationPlan
    from biasaudit.models import Prepared
    from biasaudit.models.backend import Exchange
    from biasaudit.record.audit_record import AuditRecord

MOST_APART: Final = 0.01
"""By so much an item value of an end may differ from what the audit has: other machines round otherwise."""


def run(
    plan: ExplanationPlan,
    *,
    draw: Draw,
    attribute: Attribute | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Explain a pair of an audit, or return the explanation from `out` if it is finished there.

    Parameters
    ----------
    plan : ExplanationPlan
    draw : callable
        Draws the page.
    attribute : callable, optional
        Attributes an index to training records.
    out : Path, optional
        Folder of the explanation; None keeps it in memory. Responses are cached all the same, so that a run that is
        interrupted goes on.
    progress : Progress, optional

    Raises
    ------
    BiasauditError
        One message with the fix.
    """
    told = progress or Silence()
    record = read_record(plan.audit)
    asked = asked_of(plan, record)
    if KINDS[asked.probe.card.kind].index is None:
        raise UsageError(
            f"probe {plan.probe!r} sets no group against another, so that there is no index to explain.",
            fix="Name a probe that has one, such as occupations.",
        )
    identity = {"audit": _checksum(record), "plan": plan.identity()}
    if out is not None:
        check_folder(out)
        finished = _finished(out, identity)
        if finished is not None:
            told.say(f"{out} holds this explanation already, finished; nothing was computed")
            return finished
    started = time.monotonic()
    prepared = _prepared(asked, told)
    if prepared.exchange is None:
        raise UsageError(
            "these models have no parts that could be exchanged.",
            fix="Explain an audit of checkpoints that lie on this machine.",
        )
    with prepared.exchange(asked.tuned, told.say) as exchange:
        parts, n_parts = exchange.parts, len(exchange.parts)
        differ = exchange.of_tuned(Hybrid(order=FROM_BELOW, n_parts=n_parts))
        analysis = {
            "parts": list(parts),
            "exchanged": [number in differ for number in range(n_parts)],
            "cut": 1 + plan.blocks_below(n_parts - 2),
            "framing": plan.framing,
            "design": asked.probe.card.clusters.value,
            "level": asked.analysis.level,
            "margin": asked.analysis.margin,
            "seed": asked.analysis.seed,
            "barred": barred(record, probe=plan.probe, tuned=asked.tuned, framing=plan.framing),
        }
        facts = facts_of({"probe": plan.probe, "analysis": analysis})
        scores = _scores(asked, exchange, prepared, told)
        evidence = gathered(
            Gathering(asked=asked, exchange=exchange, prepared=prepared, scores=scores, facts=facts, told=told),
            plan.evidence,
        )
    of_parts, cells = profiles(scores, facts)
    evidence = with_records(
        evidence,
        asked,
        prepared.chat,
        data=plan.records,
        attribute=attribute if OF_RECORDS in plan.evidence else None,
        index={str(row["feature"]): row["tuned"] for row in cells.to_dict("records")},
        told=told,
    )
    manifest: dict[str, Any] = {  # Any: JSON values
        "schema_version": SCHEMA_VERSION,
        "biasaudit_version": __version__,
        **identity,
        "probe": plan.probe,
        "probe_name": asked.probe.card.name,
        "positive_index": asked.probe.card.positive_index,
        "also": None if (second := asked.probe.card.also_clustered_by) is None else second.what,
        "models": asked.pair,
        "tuned": asked.tuned,
        "fingerprints": {name: record.manifest.fingerprints[name] for name in ("base", asked.tuned)},
        "analysis": analysis,
        "evidence": dict(evidence.facts),
        "versions": {name: importlib.metadata.version(name) for name in prepared.libraries},
        "seconds": round(time.monotonic() - started, 1),
    }
    found = Explanation(manifest=manifest, scores=scores, parts=of_parts, cells=cells, evidence=evidence)
    return found if out is None else written(found, out, draw)


def _checksum(record: AuditRecord) -> str:
    """Return what names an audit: of its plan and its tables; its page may be drawn anew."""
    files = {name: value for name, value in record.manifest.files.items() if name.endswith(".parquet")}
    return own_checksum({"plan": record.manifest.plan, "files": files})


def _finished(out: Path, identity: dict[str, Any]) -> Explanation | None:  # Any: JSON values
    try:
        found = read_explanation(out)
    except UnfinishedAuditError:
        _refuse_foreign(out)
        return None
    differing = sorted(name for name, value in identity.items() if found.manifest.get(name) != value)
    if differing:
        raise AuditMismatchError(
            f"{out} holds an explanation of something else; different: {', '.join(differing)}.",
            fix="Name another folder with --out, or remove this one.",
        )
    return found


def _refuse_foreign(out: Path) -> None:
    """Refuse a folder of something else: an audit has a table of the same name."""
    there = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    foreign = [name for name in there if name not in FILES and not name.startswith(".")]
    if foreign:
        raise AuditMismatchError(
            f"{out} holds something else, such as {foreign[0]!r}.",
            fix="Name another folder with --out: an explanation has one of its own.",
        )


def _prepared(asked: Asked, told: Progress) -> Prepared:
    """Find base and tuned checkpoint, and make sure that they are those of the audit and can be taken apart."""
    references = asked.references
    way = way_of_all(references)
    way.check(asked.settings)
    located = way.locate(references, asked.settings, told.say)
    recorded = {name: asked.record.manifest.fingerprints[name] for name in references}
    # Of the texts that they are given to read, the numbers of both ends tell: conversions of other versions differ.
    found = located.differing(recorded) if located.differing else set()
    differing = {one for one in found if one.startswith("weights.")}
    if differing:
        raise AuditMismatchError(
            f"these models are not those that were audited; different: {', '.join(sorted(differing))}.",
            fix="Restore the models of the audit, or audit these.",
        )
    return located.prepared()


def _models(exchange: Exchange) -> list[list[Hybrid]]:
    """Return the hybrids by the model that they are: exchanging a part that does not differ makes no other one."""
    n_parts = len(exchange.parts)
    same: dict[frozenset[int], list[Hybrid]] = {}
    for order in (FROM_BELOW, FROM_ABOVE):
        for number in range(n_parts + 1):
            hybrid = Hybrid(order=order, n_parts=number)
            same.setdefault(exchange.of_tuned(hybrid), []).append(hybrid)
    return list(same.values())


def _scores(asked: Asked, exchange: Exchange, prepared: Prepared, told: Progress) -> pd.DataFrame:
    """Ask every hybrid, and return the scores of all of them; both ends are held against the audit's."""
    requests = requests_of(asked.probe, asked.framings, prepared.chat)
    n_distinct = len({request.key for request in requests})
    items = items_frame([asked.probe], omit_texts=False)
    models = _models(exchange)
    found = []
    told.begin(f"asking {len(models)} hybrids", len(models) * n_distinct)
    for hybrids in models:
        name = name_of(hybrids[0])
        with exchange.opened(hybrids[0]) as backend:
            answered = answers(backend, requests, name=name, on_progress=told.advance)
        pairs = zip(requests, answered, strict=True)
        rows = response_rows(name, asked.probe.card.id, pairs, omit_tokens=True)
        frame = scores_frame(asked_items(items, responses_frame(rows)), items, asked.framings, also=asked.analysis.also)
        found += [frame.assign(checkpoint=name_of(hybrid)) for hybrid in hybrids]
    n_parts = len(exchange.parts)
    scores = pd.concat(found, ignore_index=True)
    for name, n_tuned in (("base", 0), (asked.tuned, n_parts)):
        _hold_against_audit(asked, scores, name, Hybrid(order=FROM_BELOW, n_parts=n_tuned))
    return scores.sort_values(["checkpoint", "framing_id", "probe", "item_id"], ignore_index=True)


def _hold_against_audit(asked: Asked, scores: pd.DataFrame, name: str, end: Hybrid) -> None:
    """Make sure that an end of the hybrids is what the audit scored.

    Raises
    ------
    AuditMismatchError
    """
    by = ["framing_id", "item_id"]
    there = asked.record.scores
    there = there[(there["probe"] == asked.probe.card.id) & (there["checkpoint"] == name)]
    both = scores[scores["checkpoint"] == name_of(end)].merge(there, on=by, how="left", suffixes=("", "_audited"))
    here, audited = both["graded"], both["graded_audited"]
    n_lost = int((here.isna() != audited.isna()).sum())
    apart = float((here - audited).abs().max())
    if n_lost or apart > MOST_APART:
        what = f"{n_lost:,} items have a value in one alone" if n_lost else f"item values differ by up to {apart:.3g}"
        raise AuditMismatchError(
            f"{name} gives other numbers here than in the audit: {what}.",
            fix="Audit the pair again on this machine, with these versions of the libraries, and explain that audit.",
        )
