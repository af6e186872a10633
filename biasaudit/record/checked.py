"""What a check reads of an audit folder, without pandas: under a second, and no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from biasaudit.record.agreement import check_agreement
from biasaudit.record.audit_record import NEEDED
from biasaudit.record.manifest import Manifest
from biasaudit.record.sealed import check_files, level_of, read_columns, read_manifest

Rows = list[dict[str, Any]]  # Any: cells of several types

_NUMBERS: Final = {"value": "number", "ci_low": "number", "ci_high": "number"}
_COUNTS: Final = {"n_items": "count", "n_clusters": "count"}
_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "estimates": {
        **dict.fromkeys(("checkpoint", "framing", "probe", "feature", "metric", "status", "method"), "text"),
        **_NUMBERS,
        "level": "number",
        **_COUNTS,
        "n_asked": "count",
    },
    "comparisons": {
        **dict.fromkeys(("tuned", "contrast", "probe", "feature", "metric", "status", "method"), "text"),
        **dict.fromkeys(("verdict", "verdict_reason", "competence_loss_status"), "text"),
        **dict.fromkeys(("reduction", "ci_low", "ci_high", "total", "total_ci_low", "total_ci_high"), "number"),
        **dict.fromkeys(("missing_low", "missing_high", "total_missing_low", "total_missing_high"), "number"),
        **dict.fromkeys(("coverage_first", "coverage_second", "competence_first", "competence_second"), "number"),
        **dict.fromkeys(("competence_loss", "competence_loss_ci_low", "competence_loss_ci_high"), "number"),
        **dict.fromkeys(("competence_loss_items", "competence_loss_clusters"), "count"),
        "margin": "number",
        **_COUNTS,
    },
    "disparities": {
        **dict.fromkeys(
            ("checkpoint", "framing", "probe", "feature", "statistic", "group", "reference", "status", "method"), "text"
        ),
        **_NUMBERS,
        "level": "number",
        **_COUNTS,
    },
    "damage": {
        **dict.fromkeys(("tuned", "contrast", "probe", "feature", "licensed_status"), "text"),
        **dict.fromkeys(("licensed_drop", "licensed_drop_ci_low", "licensed_drop_ci_high"), "number"),
        **dict.fromkeys(("licensed_items", "licensed_clusters"), "count"),
    },
    "robustness": {
        **dict.fromkeys(("tuned", "contrast", "probe", "feature", "verdict", "reason", "broken_by", "unread"), "text"),
        "worst_status": "text",
        **dict.fromkeys(("worst_index", "worst_index_ci_low", "worst_index_high"), "number"),
        **_COUNTS,
    },
}
"""Columns by which a policy is judged; see :mod:`biasaudit.record.tables`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAudit:
    """An audit, every file checked, with the rows that a policy is judged by.

    Attributes
    ----------
    manifest : Manifest
    estimates, comparisons, disparities : list of dict
    damage : list of dict or None
        None where the audit is from before there was the table.
    robustness : list of dict or None
        None where nothing was asked under perturbations.
    level : float
        Confidence level of the intervals.
    """

    manifest: Manifest
    estimates: Rows
    comparisons: Rows
    disparities: Rows
    level: float
    damage: Rows | None = None
    robustness: Rows | None = None


def read_checked(folder: Path) -> CheckedAudit:
    """Read a finished audit for a check.

    Raises
    ------
    UnfinishedAuditError
        If there is no manifest.
    AlteredAuditError
        If a file is not the one that was written, a table has other columns, or the manifest says other things than
        the tables.
    AuditFolderError
        If there is no such folder, or it is of another version.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    rows = {
        table: list(read_columns(folder, table, manifest, columns).to_pylist())
        for table, columns in _COLUMNS.items()
        if table in NEEDED or f"{table}.parquet" in manifest.files
    }
    level = level_of(manifest)
    check_agreement(folder, manifest, **rows)
    return CheckedAudit(manifest=manifest, level=level, **rows)
