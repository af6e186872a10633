"""Whether a manifest says what the tables say: names and settings stand in both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import AlteredAuditError
from biasaudit.types import Checkpoint
from biasaudit.types.competence import competence_level

if TYPE_CHECKING:
    from biasaudit.record.manifest import Manifest

_MANIFEST: Final = "manifest.json"
_EQUAL: Final = 1e-6
"""Relative: another processor adds up in another order."""

Rows = Iterable[Mapping[str, Any]]  # Any: cells of several types


def check_agreement(
    folder: Path,
    manifest: Manifest,
    *,
    estimates: Rows,
    comparisons: Rows,
    disparities: Rows,
    damage: Rows = (),
    robustness: Rows = (),
) -> None:
    """Refuse an audit whose manifest names other checkpoints, probes, framings or settings than its tables.

    Parameters
    ----------
    folder : Path
        For the message.
    manifest : Manifest
    estimates, comparisons, disparities, damage, robustness : iterable of mapping
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
    for rows in (estimates, comparisons, disparities, damage, robustness):
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


def _differs(folder: Path, found: str) -> None:
    raise AlteredAuditError(
        f"{folder / _MANIFEST} does not fit the tables: they have {found}.", fix="Restore it, or run the audit again."
    )
