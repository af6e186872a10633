"""From a plan to a finished audit: locate, score, tabulate, compare, write."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from biasaudit.analysis.derived import read_record
from biasaudit.analysis.scoring import items_frame, response_rows, responses_frame
from biasaudit.analysis.tabulate import analysis_of_probes, tabulate
from biasaudit.audits.asked import answers, asking_language, probe_facts, token_ends_of
from biasaudit.audits.exposed import exposed, said_of_damaged
from biasaudit.audits.finish import Render, completed, written
from biasaudit.audits.notices import Notices
from biasaudit.audits.preflight import checked_places, made_ready
from biasaudit.audits.sanity import sanity_of
from biasaudit.errors import AuditFolderError, AuditMismatchError, UnfinishedAuditError
from biasaudit.languages import ENGLISH
from biasaudit.models import plausibility
from biasaudit.models.cache import ELSEWHERE
from biasaudit.models.foreign import foreign_collected
from biasaudit.models.one_engine import refuse_different_engines
from biasaudit.record import store
from biasaudit.record.audit_record import AuditRecord
from biasaudit.record.manifest import Manifest, from_dict
from biasaudit.types import Ability, Reading
from biasaudit.types.progress import Progress, Silence
from biasaudit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from biasaudit.audits.plan import Plan
    from biasaudit.audits.preflight import Ready
    from biasaudit.audits.sanity import Sanity
    from biasaudit.models import Backend, Found, Way
    from biasaudit.probes import Probe
    from biasaudit.types import Response


@dataclass(slots=True, kw_only=True)
class _Meter:
    """What the run cost."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    scoring_seconds: float = 0.0
    tokens: int = 0
    computed: int = 0
    scoring: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    chat_frame: dict[str, Any] | None = None

    def as_dict(self, *, timed: bool) -> dict[str, Any]:
        if not timed:
            nothing = {"seconds": 0.0, "scoring_seconds": 0.0, "tokens": 0, "requests_computed": 0}
            return {**nothing, "chat_frame": self.chat_frame}
        unit = 1 if sys.platform == "darwin" else 1024
        rate = round(self.tokens / self.scoring_seconds, 1) if self.scoring_seconds and self.tokens else None
        return {
            "started": self.started_at.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.started, 1),
            "scoring_seconds": round(self.scoring_seconds, 1),
            "tokens": self.tokens,
            "tokens_per_second": rate,
            "requests_computed": self.computed,
            "scoring": self.scoring,
            # With it the keys of chat requests follow from the texts.
            "chat_frame": self.chat_frame,
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        }


def run(
    plan: Plan,
    *,
    render: Render,
    out: Path | None = None,
    progress: Progress | None = None,
    way: Way | None = None,
    probes: Sequence[Probe] | None = None,
) -> AuditRecord:
    """Run an audit, or return it from `out` if it is finished there.

    Parameters
    ----------
    plan : Plan
    render : callable
        Draws the reports; see :data:`biasaudit.audits.finish.Render`.
    out : Path, optional
        Folder of the audit. None keeps it in memory; responses are cached all the same.
    progress : Progress, optional
    way : Way, optional
        How the checkpoints are reached; None asks their references.
    probes : sequence of Probe, optional
        The probes of the plan, where they are loaded already.

    Raises
    ------
    BiasauditError
        One message with the fix; responses computed so far are in the cache.
    """
    told = progress or Silence()
    meter = _Meter()
    way = way or plan.way
    probes = checked_places(plan, out, way=way, given=probes)
    for notice in (notice for probe in probes for notice in probe.notices):
        told.say(notice)
    with foreign_collected(told.say, progress=told, label="preparing models"):
        found = way.locate(plan.checkpoints, plan.settings, told.say)
        finished = _finished(plan, probes, found, out, render=render)
        if finished is not None:
            told.say(f"{out} holds this audit already, finished; nothing was computed")
            return finished
        prepared = found.prepared()
        ready = made_ready(plan, probes, prepared, out)
    for notice in (*prepared.told, *said_of_damaged(prepared.trainings)):
        told.say(notice)
    meter.chat_frame = None if prepared.chat is None else asdict(prepared.chat)
    responses, fingerprints, sanity = _responses(_Work(plan=plan, probes=probes, ready=ready, told=told, meter=meter))
    asked = plan.as_asked()
    tuned = [name for name in plan.checkpoints if name != "base"]
    exposure = exposed(prepared.trainings, probes, tuned=tuned)
    analysis = analysis_of_probes(
        probes,
        plan.framings,
        tuned,
        margin=plan.margin,
        level=plan.level,
        seed=plan.seed,
        exposure=exposure,
        siblings=plan.siblings,
        perturbed=None if ready.perturbing is None else ready.perturbing.facts,
        drawn=prepared.sampling is not None,
    )
    evidence = {"items": items_frame(probes, omit_texts=plan.omit_texts), "responses": responses_frame(responses.rows)}
    if ready.perturbing is not None:
        evidence["variant_items"] = items_frame(ready.perturbing.probes, omit_texts=plan.omit_texts)
        evidence["variant_responses"] = responses_frame(responses.perturbed)
    audit = tabulate(evidence["items"], evidence["responses"], analysis, evidence=evidence)
    manifest = Manifest(
        biasaudit_version=__version__,
        plan=plan.as_dict(),
        fingerprints=fingerprints,
        lineage=prepared.relations,
        probes={probe.card.id: probe_facts(probe) for probe in probes},
        counts={str(name): int(count) for name, count in audit.responses["status"].value_counts().items()},
        headlines=tuple(asdict(headline) for headline in audit.headlines),
        run={**meter.as_dict(timed=prepared.timed), **({"asked": asked} if asked else {})},
        versions={name: importlib.metadata.version(name) for name in prepared.libraries},
        sanity={} if sanity is None else sanity.as_dict(),
        told=(*prepared.told, *(() if sanity is None else sanity.told())),
        exposure={name: one.as_dict() for name, one in exposure.items()},
        perturbed={} if ready.perturbing is None else ready.perturbing.facts.as_dict(),
    )
    # As it will be read: in the order of the file, so that the report comes out the same.
    return written(audit, from_dict(json.loads(manifest.to_json())), out, render=render)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is asked, and where the answers go."""

    plan: Plan
    probes: list[Probe]
    ready: Ready
    told: Progress
    meter: _Meter


@dataclass(slots=True, kw_only=True)
class _Rows:
    """Rows of responses: to the probes, and to the perturbed ones."""

    rows: list[dict[str, object]] = field(default_factory=list)
    perturbed: list[dict[str, object]] = field(default_factory=list)


def _responses(work: _Work) -> tuple[_Rows, dict[str, Any], Sanity | None]:
    """Return response rows, fingerprints by checkpoint, and what the check of plausibility found, if it was asked."""
    found = _Rows()
    fingerprints: dict[str, Any] = {}
    kept: dict[str, Backend] = {}
    sanity = None
    notices = Notices(work.told.say, list(work.plan.checkpoints))
    with work.ready.prepared.opened(work.told.say) as opened:

        def open_one(name: str) -> Backend:
            with foreign_collected(notices.about(name), progress=work.told, label=f"loading {name}"):
                return opened(name)

        try:
            sanity, kept = _checked_before(work, open_one)
        finally:
            notices.tell()
        for name in work.plan.checkpoints:
            # Handed on and not named: what is named here stays in memory while the next one is loaded.
            try:
                fingerprints[name] = _scored(name, kept.pop(name) if name in kept else open_one(name), work, found)
            finally:
                notices.tell()
    return found, fingerprints, sanity


def _checked_before(work: _Work, open_one: Callable[[str], Backend]) -> tuple[Sanity | None, dict[str, Backend]]:
    """Open every checkpoint before the first is scored, and make sure that all are computed alike and make sense.

    Returns
    -------
    Sanity or None
        What each makes of ordinary sentences; None where they are not asked for.
    dict
        The base, which is asked last and stays open.

    Raises
    ------
    DifferentEnginesError
        If one is computed or read otherwise than the base, unless that is allowed.
    ImplausibleModelError
        If one finds shuffled words as likely, or gives no numbers, unless that is allowed.
    """
    prepared, names = work.ready.prepared, list(work.plan.checkpoints)
    answers: dict[str, Sequence[Response]] = {}
    fingerprints: dict[str, dict[str, Any]] = {}  # Any: fields of several types
    unknown_ids: dict[str, int | None] = {}
    opened: dict[str, Backend] = {}
    for name in (*(name for name in names if name != "base"), "base"):
        if name in prepared.same:
            continue
        opened.clear()
        opened[name] = open_one(name)
        fingerprints[name] = asdict(opened[name].fingerprint)
        if prepared.sentences:
            answers[name] = plausibility.asked(opened[name], name=name)
            unknown_ids[name] = opened[name].unknown_id
    if not work.plan.allow_different_engines:
        refuse_different_engines(fingerprints, work.plan.checkpoints)
    if not prepared.sentences:
        return None, opened
    of = {name: prepared.same.get(name, name) for name in names}
    sanity = sanity_of(
        {name: answers[one] for name, one in of.items()},
        {name: unknown_ids[one] for name, one in of.items()},
        same=prepared.alike,
    )
    if not work.plan.allow_implausible:
        sanity.refuse(work.plan.checkpoints)
    for notice in sanity.told():
        work.told.say(notice)
    return sanity, opened


def _scored(name: str, backend: Backend, work: _Work, found: _Rows) -> dict[str, Any]:
    """Score everything with one checkpoint; its fingerprint. Its rows go to `found`."""
    told, meter, asked = work.told, work.meter, work.ready.asked
    n_distinct = len({request.key for request in asked})
    n_done, before = 0, meter.tokens
    told.begin(f"scoring {name}", n_distinct)

    def advance(n_requests: int, n_tokens: int) -> None:
        nonlocal n_done
        n_done += n_requests
        meter.tokens += n_tokens
        meter.computed += n_requests if n_tokens else 0
        told.advance(n_requests, n_tokens)

    started = time.monotonic()
    try:
        # In their order and not by key: equal texts of two items may be answered otherwise where nothing has weights.
        sampling = work.ready.prepared.sampling
        found_all = answers(backend, asked, name=name, sampling=sampling, on_progress=advance)
        pairs = zip(asked, found_all, strict=True)
    except KeyboardInterrupt:
        kept = "" if work.ready.prepared.cache is None else ", and kept in the cache"
        told.say(f"of {name}, {n_done:,} of {n_distinct:,} distinct requests are answered{kept}")
        raise
    seconds, n_tokens = time.monotonic() - started, meter.tokens - before
    meter.scoring_seconds += seconds
    backend.took(n_tokens, seconds)
    meter.scoring[name] = None if backend.scoring is None else asdict(backend.scoring)
    beside = work.ready.perturbing
    for probe in (*work.probes, *(() if beside is None else beside.probes)):
        of_probe = list(itertools.islice(pairs, len(work.ready.requests[probe.card.id])))
        omit_texts = work.plan.omit_texts and probe.card.data.published
        omit = Ability.TOKEN_ENDS not in backend.can or omit_texts
        ends = {} if omit else token_ends_of(probe, of_probe, backend)
        rows = found.perturbed if beside is not None and probe.card.id in beside.facts.variants else found.rows
        rows += response_rows(name, probe.card.id, of_probe, omit_tokens=omit, omit_written=omit_texts, token_ends=ends)
    fingerprint = backend.fingerprint
    if sampling is not None:
        fingerprint = replace(fingerprint, reading=Reading.SAMPLED)
    # What is said only of models that are not plain and in this process: manifests of others stay as they are.
    return {name: value for name, value in asdict(fingerprint).items() if value is not None or name not in ELSEWHERE}


def _finished(plan: Plan, probes: list[Probe], found: Found, out: Path | None, *, render: Render) -> AuditRecord | None:
    """Return the audit in `out` if it is finished and answers this plan.

    Raises
    ------
    AuditMismatchError
        If `out` holds a finished audit of something else.
    """
    if out is None or not out.exists():
        return None
    if not out.is_dir():
        raise AuditFolderError(f"{out} is a file.", fix="Name a folder with --out.")
    try:
        manifest = store.read_manifest(out)
    except UnfinishedAuditError:
        return None
    languages = {probe.card.id: asking_language(probe, plan.framings).code for probe in probes}
    foreign = {name: code for name, code in languages.items() if code != ENGLISH.code}
    asked = {
        "plan": json.loads(json.dumps(plan.as_dict())),
        "probes": {probe.card.id: probe.sha256 for probe in probes},
        "language": foreign,
    }
    there = {
        "plan": manifest.plan,
        "probes": {name: facts["sha256"] for name, facts in manifest.probes.items()},
        # An audit of an earlier version asked every probe in English.
        "language": {name: manifest.probes.get(name, {}).get("asked_in", ENGLISH.code) for name in foreign},
    }
    # Not by ==: a setting that an earlier version did not have counts as not set.
    differing = _differing(asked, there) | (found.differing(manifest.fingerprints) if found.differing else set())
    if differing:
        raise AuditMismatchError(
            f"{out} holds a finished audit of another plan; different: {', '.join(sorted(differing))}.",
            fix="Name another folder with --out, or remove this one.",
        )
    # Whether these checkpoints are those of the audit there cannot be known: it is made anew.
    return None if found.differing is None else completed(read_record(out), out, render=render)


def _differing(asked: Mapping[str, Any], there: Mapping[str, Any]) -> set[str]:
    return {
        f"{part}.{key}"
        for part in asked
        for key in set(asked[part]) | set(there[part])
        if asked[part].get(key) != there[part].get(key)
    }
