"""A finished audit read whole: its headlines are those that its tables give."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from biasaudit.analysis.headlines import headlines
from biasaudit.analysis.tables import read_tables
from biasaudit.analysis.tabulate import analysis_of_manifest
from biasaudit.errors import AlteredAuditError
from biasaudit.record import store
from biasaudit.record.audit_record import AuditRecord, Headline, as_attributes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from biasaudit.record.manifest import Manifest

_EQUAL: Final = 1e-6
"""Relative: another processor adds up in another order."""


def read_record(folder: Path) -> AuditRecord:
    """Read a finished audit, every file checked against the manifest.

    Raises
    ------
    UnfinishedAuditError, AlteredAuditError, AuditFolderError
    """
    manifest = store.read_manifest(folder)
    frames = read_tables(folder, manifest)
    found = derived_headlines(manifest, frames, folder=folder)
    return AuditRecord(manifest=manifest, headlines=found, folder=folder, **as_attributes(frames))


def derived_headlines(manifest: Manifest, frames: Mapping[str, pd.DataFrame], *, folder: Path) -> tuple[Headline, ...]:
    """Return the headlines that follow from the tables by name, which are those of the manifest.

    Raises
    ------
    AlteredAuditError
        If the manifest has others, or does not say how they are computed.
    """
    path = folder / store.MANIFEST
    try:
        analysis = analysis_of_manifest(manifest)
        found = headlines(
            frames["scores"],
            frames["comparisons"],
            tuned=analysis.tuned,
            designs=analysis.designs,
            primary=analysis.primary,
            seed=analysis.seed,
            level=analysis.level,
            exposure=frames.get("exposure"),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise AlteredAuditError(
            f"{path} does not say how headlines are computed: {exc!r}.", fix="Restore it, or run the audit again."
        ) from exc
    if not _alike([asdict(headline) for headline in found], list(manifest.headlines)):
        raise AlteredAuditError(
            f"{path}: its headline is not what the tables give: altered, or of another version of biasaudit.",
            fix=f"Restore it, or compute tables and headlines again, without a model: "
            f"biasaudit report {folder} --recompute.",
        )
    return found


def _alike(left: Any, right: Any) -> bool:  # Any: JSON values
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=_EQUAL, abs_tol=_EQUAL) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_alike(left[name], right[name]) for name in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(_alike(one, other) for one, other in zip(left, right, strict=True))
    # Enumerations are written as their values.
    return bool(json.loads(json.dumps(left, default=str)) == right)
