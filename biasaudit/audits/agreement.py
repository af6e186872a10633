"""Whether a manifest says what the tables say: names and settings stand in both, and headlines follow from tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import AlteredAuditError
from biasaudit.types import Checkpoint
from biasaudit.types.competence import competence_level

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.audits.manifest import Manifest
    from biasaudit.audits.result import Headline

_MANIFEST: Final = "manifest.json"
_EQUAL: Final = 1e-6
"""Relative: another processor adds up in another order."""

Rows = Iterable[Mapping[str, Any]]  # Any: cells of several types


def check_agreement(folder: Path, manifest: Manifest, *, estimates: Rows, comparisons: Rows, disparities: Rows) -> None:
    """Refuse an audit whose manifest names other checkpoints, probes, framings or settings than its tables.

    Parameters
    ----------
    folder : Path
        For the message.
    manifest : Manifest
    estimates, comparisons, disparities : iterable of mapping
        Rows; of each the columns that a check reads.

    Raises
    ------
    AlteredAuditError
        With the first that differs.
    """
    plan = manifest.plan
    try:
        checkpoints = {Checkpoint.BASE.value, *plan["tuned"]}
        framings = {framing["framing"] for framing in plan["framings"]}
        margin, level = float(plan["margin"]), float(plan["level"])
    except (KeyError, TypeError, ValueError) as exc:
        raise AlteredAuditError(
            f"{folder / _MANIFEST} does not say what was asked: {exc!r}.", fix="Restore it, or run the audit again."
        ) from exc
    asked = {"checkpoint": checkpoints, "tuned": checkpoints, "probe": set(manifest.probes), "framing": framings}
    for rows in (estimates, comparisons, disparities):
        for row in rows:
            for column, known in asked.items():
                if column in row and row[column] not in known:
                    _differs(folder, f"a {column} {row[column]!r}, which the manifest does not name")
            # A share of sense over nonsense is bounded from below alone: its interval has a level of its own.
            of_row = competence_level(level) if row.get("metric") == "competence" else level
            for column, expected in (("margin", margin), ("level", of_row)):
                if row.get(column) is not None and not math.isclose(row[column], expected, rel_tol=_EQUAL):
                    _differs(folder, f"the {column} {row[column]:g}, and the manifest says {expected:g}")
    if {name for name in manifest.fingerprints if isinstance(name, str)} != checkpoints:
        _differs(folder, f"the checkpoints {', '.join(sorted(checkpoints))}, and the manifest has others loaded")


def derived_headlines(
    manifest: Manifest, *, scores: pd.DataFrame, comparisons: pd.DataFrame, folder: Path
) -> tuple[Headline, ...]:
    """Return the headlines that follow from the tables, which are those of the manifest.

    Raises
    ------
    AlteredAuditError
        If the manifest has others, or does not say how they are computed.
    """
    # A check without pandas imports this module.
    from biasaudit.audits.contrasts import primary_contrast  # noqa: PLC0415
    from biasaudit.audits.headlines import headlines  # noqa: PLC0415
    from biasaudit.audits.tabulate import analysis_of_manifest  # noqa: PLC0415

    path = folder / _MANIFEST
    try:
        analysis = analysis_of_manifest(manifest)
        found = headlines(
            scores,
            comparisons,
            tuned=analysis.tuned,
            designs=analysis.designs,
            primary=primary_contrast(framing.framing for framing in analysis.framings),
            seed=analysis.seed,
            level=analysis.level,
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


def _differs(folder: Path, found: str) -> None:
    raise AlteredAuditError(
        f"{folder / _MANIFEST} does not fit the tables: they have {found}.", fix="Restore it, or run the audit again."
    )
