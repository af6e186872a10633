"""Training cards by hand, beside adapters that nobody loads, and scripted audits that read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from biasaudit.api import rendered
from biasaudit.audits.plan import Plan
from biasaudit.audits.run import run
from biasaudit.facade import Audit
from biasaudit.models.backend import Found, Say, Settings, Way
from biasaudit.models.backends.scripted import scripted
from biasaudit.models.training_card import read_training
from biasaudit.probes import Probe, load_probe
from biasaudit.testing import ScriptedModel

WEIGHTS = b"not read"


def save_card(
    folder: Path,
    *,
    overlap: Mapping[str, Any] | None = None,
    trained: Mapping[str, Any] | None = None,
    **changes: Any,  # fields of the card, as JSON
) -> Path:
    """Save an adapter's weights, if there are none yet, with a card that is theirs; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "adapter_model.safetensors"
    if not weights.exists():
        weights.write_bytes(WEIGHTS)
    instructions = {
        "licence": "not stated",
        **({} if overlap is None else {"overlap": overlap}),
        **({} if trained is None else {"trained": trained}),
    }
    card = {
        "schema_version": 1,
        "method": "sft",
        "files": {weights.name: hashlib.sha256(weights.read_bytes()).hexdigest()},
        "instructions": instructions,
        **changes,
    }
    (folder / "training_card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def beside(way: Way, adapters: Mapping[str, Path]) -> Way:
    """Return a way whose tuned checkpoints lie in folders, with or without a training card."""

    def locate(references: Mapping[str, str], settings: Settings, say: Say) -> Found:
        prepared = way.locate(references, settings, say).prepared()
        trainings = {name: read_training(folder) for name, folder in adapters.items()}
        return Found(prepared=lambda: replace(prepared, trainings=trainings))

    return replace(way, locate=locate)


def audited(
    base: ScriptedModel,
    tuned: ScriptedModel | tuple[ScriptedModel, ...],
    *,
    probes: tuple[str | Probe, ...],
    adapters: Mapping[str, Path],
    out: Path | None = None,
) -> Audit:
    """Audit scripted models on plain text, whose training cards lie in `adapters` by checkpoint."""
    several = (tuned,) if isinstance(tuned, ScriptedModel) else tuned
    loaded = [load_probe(one) if isinstance(one, str) else one for one in probes]
    items = {(probe.card.id, item.item_id): item for probe in loaded for item in probe.items}
    scripts = [model.script(items) for model in (base, *several)]
    plan = Plan(
        base=scripts[0].reference,
        tuned=tuple(script.reference for script in scripts[1:]),
        probes=tuple(probe.card.id for probe in loaded),
        framing_names=("plain",),
    )
    way = beside(scripted(dict(zip(plan.checkpoints, scripts, strict=True))), adapters)
    return Audit.of(run(plan, render=rendered, out=out, way=way, probes=loaded))
