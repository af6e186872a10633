"""Two audits of the same plan, made at different times: how much more the later one's tuned checkpoint leans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from biasaudit.errors import AlteredAuditError, AuditMismatchError
from biasaudit.record.sealed import check_files, framings_of, level_of, read_columns, read_manifest
from biasaudit.types import Checkpoint, ClusterDesign, Role

if TYPE_CHECKING:
    import pandas as pd

    from biasaudit.record.manifest import Manifest

COLUMNS: Final = (
    "tuned",
    "framing",
    "probe",
    "feature",
    "status",
    "reduction",
    "ci_low",
    "ci_high",
    "total",
    "total_ci_low",
    "total_ci_high",
    "level",
    "n_items",
    "n_clusters",
    "method",
)

_METRIC: Final = "graded"
_SCORE_COLUMNS: Final = (
    "checkpoint",
    "framing",
    "framing_id",
    "probe",
    "item_id",
    "cluster_id",
    "also_cluster_id",
    "feature",
    "role",
    _METRIC,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One of the two audits.

    Attributes
    ----------
    name : str
        For messages.
    manifest : Manifest
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`.
    """

    name: str
    manifest: Manifest
    scores: pd.DataFrame


def read_measured(folder: Path) -> Measured:
    """Read what a baseline needs of a finished audit, every file checked.

    Raises
    ------
    UnfinishedAuditError, AlteredAuditError, AuditFolderError
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    kinds = {name: "number" if name == _METRIC else "text" for name in _SCORE_COLUMNS}
    # With this comes pandas: half a second, and few checks need it.
    return Measured(
        name=str(folder), manifest=manifest, scores=read_columns(folder, "scores", manifest, kinds).to_pandas()
    )


def baseline_changes(now: Measured, before: Measured) -> list[dict[str, Any]]:  # Any: cells of several types
    """Compare the tuned checkpoints of two audits item by item, by the name that they have in both.

    Parameters
    ----------
    now, before : Measured

    Returns
    -------
    list of dict
        One row per tuned checkpoint, framing, probe and feature; columns :data:`COLUMNS`. As everywhere,
        ``reduction`` is the graded index before minus now; ``total`` their sum: |B| is smaller now where the two
        have the same sign.

    Raises
    ------
    AuditMismatchError
        If the two do not ask the same items in the same wordings: nothing could be paired.
    AlteredAuditError
        If a manifest does not say what was asked.
    """
    _refuse_another_plan(now, before)
    from biasaudit.analysis.arms import features_of  # noqa: PLC0415  # with it comes scipy

    designs = _designs(now.manifest)
    level = level_of(now.manifest)
    rows = []
    for probe, design in designs.items():
        for feature in features_of(now.scores, probe):
            rows += _rows(now, before, probe=probe, feature=feature, design=design, level=level)
    return sorted(rows, key=lambda row: [row[name] for name in COLUMNS[:4]])


def _rows(
    now: Measured, before: Measured, *, probe: str, feature: str, design: ClusterDesign, level: float
) -> list[dict[str, Any]]:  # Any: cells of several types
    from biasaudit.analysis.arms import cell_items  # noqa: PLC0415  # as above
    from biasaudit.stats import paired_reduction  # noqa: PLC0415

    later, earlier = (
        cell_items(one.scores, probe=probe, feature=feature, role=Role.BIAS, column=_METRIC) for one in (now, before)
    )
    rows = []
    for checkpoint, framing in sorted(later.values.keys() & earlier.values.keys()):
        if checkpoint == Checkpoint.BASE.value:
            continue
        first, second = later.paired(earlier.values[checkpoint, framing], later.values[checkpoint, framing])
        found = paired_reduction(first, second, design, level=level)
        # B_before + B_now is B_before minus the negative of B_now.
        total = paired_reduction(first, second.with_values(-second.values), design, level=level)
        sides = [number for one in (found, total) for number in (one.value, one.ci_low, one.ci_high)]
        numbers = (found.status.value, *sides, level)
        counts = (found.n_items, found.n_clusters, f"paired by item, before minus now: {found.method}")
        rows.append(dict(zip(COLUMNS, (checkpoint, framing, probe, feature, *numbers, *counts), strict=True)))
    return rows


def _refuse_another_plan(now: Measured, before: Measured) -> None:
    differing = [
        *_differing_probes(now.manifest, before.manifest),
        *(
            ["wordings of the framings"]
            if framings_of(now.manifest) != framings_of(before.manifest)
            else _differing_items(now.scores, before.scores)
        ),
    ]
    if differing:
        raise AuditMismatchError(
            f"{before.name} is no baseline of {now.name}; different: {'; '.join(differing)}.",
            fix="Run both audits with the same probes, of the same version, and the same wordings.",
        )


def _differing_probes(now: Manifest, before: Manifest) -> list[str]:
    differing = []
    keys = ["version", "sha256", "clusters"]
    if any(framing == "chat" for _, framing, _ in framings_of(now)):
        keys.append("asked_in")  # one of an earlier version asked every probe in English
    for probe in sorted(now.probes.keys() | before.probes.keys()):
        here, there = _facts(now, probe), _facts(before, probe)
        if not here or not there:
            differing.append(f"probe {probe!r} is in one of them only")
            continue
        differing += [
            f"{key} of probe {probe!r} ({there.get(key)!r} before, {here.get(key)!r} now)"
            for key in keys
            if here.get(key) != there.get(key)
        ]
    return differing


def _differing_items(now: pd.DataFrame, before: pd.DataFrame) -> list[str]:
    """Name the probes of which a sample of other items was asked."""

    def asked(scores: pd.DataFrame, probe: str) -> set[tuple[str, ...]]:
        own = scores[scores["probe"] == probe]
        return set(zip(own["item_id"], own["cluster_id"], own["feature"], own["role"], strict=True))

    probes = sorted({*now["probe"], *before["probe"]})
    return [f"items of probe {probe!r}" for probe in probes if asked(now, probe) != asked(before, probe)]


def _designs(manifest: Manifest) -> dict[str, ClusterDesign]:
    try:
        return {probe: ClusterDesign(_facts(manifest, probe)["clusters"]) for probe in manifest.probes}
    except (KeyError, ValueError) as exc:
        raise AlteredAuditError(
            f"the manifest does not say how items are clustered: {exc!r}.", fix="Restore it, or run the audit again."
        ) from exc


def _facts(manifest: Manifest, probe: str) -> Mapping[str, Any]:  # Any: JSON values
    facts = manifest.probes.get(probe)
    return facts if isinstance(facts, Mapping) else {}


def read_baseline(folder: Path, before: Path) -> list[dict[str, Any]]:  # Any: cells of several types
    """Read two finished audits of the same plan and compare their tuned checkpoints item by item.

    Parameters
    ----------
    folder, before : Path
        The later audit and the earlier one.

    Raises
    ------
    AuditMismatchError
        If they are not of the same plan.
    UnfinishedAuditError, AlteredAuditError, AuditFolderError
    """
    return baseline_changes(read_measured(folder), read_measured(before))
