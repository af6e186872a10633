"""From a plan to a finished audit: locate, score, tabulate, compare, write."""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import biasaudit
from biasaudit.audits import store
from biasaudit.audits.asked import probe_facts, probes_to_ask, requests_of, token_ends_of
from biasaudit.audits.manifest import Manifest, from_dict
from biasaudit.audits.progress import Progress, Silence
from biasaudit.audits.result import Audit
from biasaudit.audits.scoring import items_frame, response_rows, responses_frame
from biasaudit.audits.tabulate import analysis_of_probes, tabulate
from biasaudit.audits.written import written
from biasaudit.errors import AuditFolderError, AuditMismatchError, UnfinishedAuditError, UsageError
from biasaudit.models import (
    Located,
    ModelShelf,
    ResponseCache,
    cache_folder,
    lineage,
    locate,
    parse_reference,
    score,
)
from biasaudit.models.loading import library_versions
from biasaudit.models.templates import chosen_template
from biasaudit.models.tokenizer import chat_frame, chat_template_of, load_tokenizer
from biasaudit.probes import limited, suite_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from biasaudit.audits.plan import Plan
    from biasaudit.framing import ChatFrame
    from biasaudit.probes import Probe

_SCIENCE: Final = ("numpy", "scipy", "statsmodels", "pandas", "pyarrow")


@dataclass(slots=True, kw_only=True)
class _Meter:
    """What the run cost."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    scoring_seconds: float = 0.0
    tokens: int = 0
    computed: int = 0
    scoring: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
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
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        }


def run(plan: Plan, *, out: Path | None = None, progress: Progress | None = None) -> Audit:
    """Run an audit, or return it from `out` if it is finished there.

    Parameters
    ----------
    plan : Plan
    out : Path, optional
        Folder of the audit. None keeps it in memory; responses are cached all the same.
    progress : Progress, optional

    Raises
    ------
    BiasauditError
        One message with the fix; responses computed so far are in the cache.
    """
    told = progress or Silence()
    meter = _Meter()
    probes = _probes(plan)
    for notice in (notice for probe in probes for notice in probe.notices):
        told.say(notice)
    located = {name: locate(parse_reference(reference), told.say) for name, reference in plan.checkpoints.items()}
    finished = _finished(plan, probes, located, out)
    if finished is not None:
        told.say(f"{out} holds this audit already, finished; nothing was computed")
        return finished
    relations = {
        name: lineage(located["base"], place, allow_different=plan.allow_different_lineage)
        for name, place in located.items()
        if name != "base"
    }
    rows, fingerprints = _responses(plan, probes, located, told, meter)
    tuned = [name for name in plan.checkpoints if name != "base"]
    analysis = analysis_of_probes(probes, plan.framings, tuned, margin=plan.margin, level=plan.level, seed=plan.seed)
    audit = tabulate(items_frame(probes, omit_texts=plan.omit_texts), responses_frame(rows), analysis)
    manifest = Manifest(
        biasaudit_version=biasaudit.__version__,
        plan=plan.as_dict(),
        fingerprints=fingerprints,
        lineage=relations,
        probes={probe.card.id: probe_facts(probe) for probe in probes},
        counts={str(name): int(count) for name, count in audit.responses["status"].value_counts().items()},
        headlines=tuple(asdict(headline) for headline in audit.headlines),
        run={**meter.as_dict(), "asked": plan.as_asked()},
        versions={**library_versions(), **{name: importlib.metadata.version(name) for name in _SCIENCE}},
    )
    # As it will be read: in the order of the file, so that the report comes out the same.
    return written(audit, from_dict(json.loads(manifest.to_json())), out)


def _probes(plan: Plan) -> list[Probe]:
    """Load what is asked for.

    Raises
    ------
    UsageError
        If two folders hold probes of one id, which would be told apart nowhere.
    """
    probes = probes_to_ask(plan.probes, data_dir=plan.data_dir)
    ids = [probe.card.id for probe in probes]
    for number, name in enumerate(ids):
        if name in ids[:number]:
            raise UsageError(
                f"{plan.probes[ids.index(name)]} and {plan.probes[number]} are both named {name!r} on their cards.",
                fix="Give one of them another id.",
            )
    if plan.suite is not None:
        chosen = suite_of(plan.suite).probes
        probes = [chosen[probe.card.id].of(probe) for probe in probes]
    if plan.limit is None:
        return probes
    return [limited(probe, plan.limit, seed=plan.seed) for probe in probes]


def _responses(
    plan: Plan, probes: list[Probe], located: Mapping[str, Located], told: Progress, meter: _Meter
) -> tuple[list[dict[str, object]], dict[str, Any]]:
    chat = _chat_frame(plan, located)
    shelf = ModelShelf(dtype=plan.dtype, device=plan.device, trust_remote_code=plan.trust_remote_code, say=told.say)
    rows: list[dict[str, object]] = []
    fingerprints: dict[str, Any] = {}
    requests = {probe.card.id: requests_of(probe, plan.framings, chat) for probe in probes}
    asked = [request for of_probe in requests.values() for request in of_probe]
    with ResponseCache(cache_folder() / "responses.sqlite") as cache:
        for name, place in located.items():
            loaded = shelf.open(place)
            fingerprints[name] = asdict(loaded.fingerprint)
            told.begin(f"scoring {name}", len({request.key for request in asked}))

            def advance(n_requests: int, n_tokens: int) -> None:
                meter.tokens += n_tokens
                meter.computed += n_requests if n_tokens else 0
                told.advance(n_requests, n_tokens)

            started = time.monotonic()
            responses = dict(
                zip(
                    (request.key for request in asked),
                    score(loaded, asked, cache=cache, batch_tokens=plan.batch_tokens, on_progress=advance),
                    strict=True,
                )
            )
            meter.scoring_seconds += time.monotonic() - started
            meter.scoring[name] = None if loaded.scoring is None else asdict(loaded.scoring)
            for probe in probes:
                pairs = [(request, responses[request.key]) for request in requests[probe.card.id]]
                omit = plan.omit_texts and probe.card.data.published
                ends = {} if omit else token_ends_of(probe, pairs, loaded)
                rows += response_rows(name, probe.card.id, pairs, omit_tokens=omit, token_ends=ends)
    return rows, fingerprints


def _chat_frame(plan: Plan, located: Mapping[str, Located]) -> ChatFrame | None:
    """Return the template around a user's turn; the same bytes for every checkpoint."""
    if not any(framing.framing == "chat" for framing in plan.framings):
        return None
    tokenizers = {
        name: load_tokenizer(place, trust_remote_code=plan.trust_remote_code) for name, place in located.items()
    }
    order = [name for name in located if name != "base"] + ["base"]
    found = tuple(chat_template_of(located[name], tokenizers[name]) for name in order)
    template = chosen_template(plan.chat_template, found)
    return chat_frame(tokenizers[order[0]], template)


def _finished(plan: Plan, probes: list[Probe], located: Mapping[str, Located], out: Path | None) -> Audit | None:
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
    asked = {
        "plan": json.loads(json.dumps(plan.as_dict())),
        "weights": {name: [place.weights, place.adapter] for name, place in located.items()},
        "probes": {probe.card.id: probe.sha256 for probe in probes},
    }
    there = {
        "plan": manifest.plan,
        "weights": {name: [found["weights"], found["adapter"]] for name, found in manifest.fingerprints.items()},
        "probes": {name: facts["sha256"] for name, facts in manifest.probes.items()},
    }
    # Not by ==: a setting that an earlier version did not have counts as not set.
    differing = _differing(asked, there)
    if differing:
        raise AuditMismatchError(
            f"{out} holds a finished audit of another plan; different: {', '.join(sorted(differing))}.",
            fix="Name another folder with --out, or remove this one.",
        )
    return store.read_audit(out)


def _differing(asked: Mapping[str, Any], there: Mapping[str, Any]) -> set[str]:
    return {
        f"{part}.{key}"
        for part in asked
        for key in set(asked[part]) | set(there[part])
        if asked[part].get(key) != there[part].get(key)
    }
