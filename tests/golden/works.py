"""What an audit writes, in a form that two runs can be compared by: nothing may change when the house is rebuilt."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

import biasaudit
from biasaudit.probes import limited, load_probe
from biasaudit.testing import leaning, noisy, scripted_audit

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLES: Final = ("gemma-3-270m-demo", "gemma-3-270m-other-words", "gemma-3-270m-pair", "gemma-3-270m-suite")
OWN: Final = (
    "ambiguous-qa",
    "decisions",
    "dialect",
    "dialect-decisions",
    "harms",
    "hiring",
    "identity-toxicity",
    "occupations",
    "pronouns",
    "traits",
)
LIMIT: Final = 60
"""Items of a probe, at most."""

_LEFT_OUT: Final = ("biasaudit_version", "versions", "files", "own_sha256")
"""Of a manifest: what names versions, and what follows from the tables."""

_CHECKSUM: Final = re.compile(r"\b[0-9a-f]{64}\b")

DIGITS: Final = 6
"""Significant digits by which numbers are compared: another processor adds up in another order."""

_NOTHING: Final = 1e-9


def make(name: str, folder: Path) -> Path:
    """Make one of :data:`WORKS` in a folder and return the audit's."""
    if name in SAMPLES:
        shutil.copytree(ROOT / "reports" / name, folder / name)
        biasaudit.recompute(folder / name)
        return folder / name
    probes = [limited(load_probe(probe), LIMIT, seed=0) for probe in (OWN if name == "scripted" else OWN[:1])]
    models = [leaning(model, noisy(lean, item_sd_nats=2.0)) for model, lean in (("base", 1.0), ("tuned", 0.5))]
    several = [models[1], leaning("other", noisy(-0.5, item_sd_nats=1.0))] if name == "stages" else [models[1]]
    scripted_audit(models[0], several, probes=probes, framing_names=("plain", "chat"), out=folder / name)
    return folder / name


WORKS: Final = ("scripted", "stages", *SAMPLES)
"""All our own probes in both framings, one probe with two tuned checkpoints, and the published samples."""


def texts(audit: Path) -> Iterator[tuple[str, str]]:
    """Yield name and comparable text of every file of an audit."""
    for path in sorted(audit.iterdir()):
        if path.suffix == ".parquet":
            yield path.name, _table(path)
        elif path.name == "manifest.json":
            content = json.loads(path.read_text(encoding="utf-8"))
            kept = {key: value for key, value in content.items() if key not in _LEFT_OUT}
            yield path.name, json.dumps(_rounded(kept), sort_keys=True, indent=1, ensure_ascii=False)
        else:
            # A page names the checksums of its tables, whose last bits are the processor's.
            yield path.name, _CHECKSUM.sub("SHA-256", path.read_text(encoding="utf-8"))


def digests(audit: Path) -> dict[str, str]:
    """Return the SHA-256 of every file's comparable text."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts(audit)}


def _table(path: Path) -> str:
    frame = pd.read_parquet(path)
    # Types are part of it: a column of whole numbers must not become one of fractions.
    head = "\n".join(f"{field.name}: {field.type}" for field in pq.read_schema(path))
    rows = (json.dumps(_rounded(row), ensure_ascii=False) for row in frame.itertuples(index=False, name=None))
    return "\n".join((head, *rows))


def _rounded(value: Any) -> Any:  # Any: a cell, or a JSON value
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        found = value.tolist() if hasattr(value, "tolist") else value
        return [_rounded(inner) for inner in found] if isinstance(found, (list, tuple)) else _rounded(found)
    if not isinstance(value, float):
        return None if value is pd.NA else value
    if not math.isfinite(value):
        return str(value)
    return float(f"{value:.{DIGITS}g}") if abs(value) > _NOTHING else 0.0
