"""Everything after the responses: scores, estimates, families, comparisons, disparities, headlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from biasaudit.analysis.asked_items import asked_items
from biasaudit.analysis.compare import Settings, comparisons_frame
from biasaudit.analysis.contrasts import primary_contrast
from biasaudit.analysis.disparity import disparities_frame
from biasaudit.analysis.estimate import estimates_frame
from biasaudit.analysis.families import families_frame
from biasaudit.analysis.headlines import headlines
from biasaudit.analysis.lengths import with_equal_lengths
from biasaudit.analysis.published_rows import published_frame
from biasaudit.analysis.scoring import scores_frame
from biasaudit.framing import Framing
from biasaudit.record.audit_record import AuditRecord
from biasaudit.record.manifest import Manifest
from biasaudit.types import ClusterDesign, Kind, stage_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from biasaudit.probes import Probe

PENDING: Final = Manifest(
    biasaudit_version="",
    plan={},
    fingerprints={},
    lineage={},
    probes={},
    counts={},
    headlines=(),
    run={},
    versions={},
)
"""Stands in an audit whose manifest is yet to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What decides the tables, given items and responses.

    Attributes
    ----------
    kinds, designs, formats : mapping
        Probe -> kind, design of its clusters, format of its data.
    also : mapping
        Probe -> tag that names an item's second cluster, of those whose card declares one.
    framings : tuple of Framing
    tuned : tuple of str
        Tuned checkpoints, in order.
    margin, level : float
    seed : int
    """

    kinds: Mapping[str, Kind]
    designs: Mapping[str, ClusterDesign]
    formats: Mapping[str, str]
    also: Mapping[str, str]
    framings: tuple[Framing, ...]
    tuned: tuple[str, ...]
    margin: float
    level: float
    seed: int


def analysis_of_probes(
    probes: Sequence[Probe],
    framings: tuple[Framing, ...],
    tuned: Sequence[str],
    *,
    margin: float,
    level: float,
    seed: int,
) -> Analysis:
    """Return the analysis of an audit with these probes."""
    return Analysis(
        kinds={probe.card.id: probe.card.kind for probe in probes},
        designs={probe.card.id: probe.card.clusters for probe in probes},
        formats={probe.card.id: probe.card.data.format for probe in probes},
        also={probe.card.id: second.tag for probe in probes if (second := probe.card.also_clustered_by) is not None},
        framings=framings,
        tuned=tuple(tuned),
        margin=margin,
        level=level,
        seed=seed,
    )


def analysis_of_manifest(manifest: Manifest) -> Analysis:
    """Return the analysis of an audit that was written.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the manifest does not say.
    """
    plan = manifest.plan
    return Analysis(
        kinds={name: Kind(facts["kind"]) for name, facts in manifest.probes.items()},
        designs={name: ClusterDesign(facts["clusters"]) for name, facts in manifest.probes.items()},
        # Manifests before version 3 do not say; the probes of that time are named by their format, or have none.
        formats={name: facts.get("format", name.removesuffix("-revised")) for name, facts in manifest.probes.items()},
        # Audits before version 6 know of none.
        also={name: second["tag"] for name, facts in manifest.probes.items() if (second := facts.get("also"))},
        framings=tuple(Framing(**wording) for wording in plan["framings"]),
        # JSON sorts names: tuned-10 would stand before tuned-2.
        tuned=tuple(sorted(plan["tuned"], key=stage_place)),
        margin=float(plan["margin"]),
        level=float(plan["level"]),
        seed=int(plan["seed"]),
    )


def tabulate(items: pd.DataFrame, responses: pd.DataFrame, analysis: Analysis) -> AuditRecord:
    """Compute every table from items and responses; the same every time.

    Parameters
    ----------
    items, responses : DataFrame
        See :mod:`biasaudit.record.tables`.
    analysis : Analysis

    Returns
    -------
    AuditRecord
        With a manifest that is yet to be written.
    """
    asked = asked_items(items, responses)
    scores = scores_frame(asked, items, analysis.framings, also=analysis.also)
    primary = primary_contrast(framing.framing for framing in analysis.framings)
    settings = Settings(
        designs=analysis.designs, margin=analysis.margin, level=analysis.level, seed=analysis.seed, primary=primary
    )
    kinds = {name: kind.value for name, kind in analysis.kinds.items()}
    comparisons = with_equal_lengths(
        comparisons_frame(scores, tuned=analysis.tuned, settings=settings),
        scores,
        responses,
        kinds=kinds,
        designs=analysis.designs,
        tuned=analysis.tuned,
        level=analysis.level,
    )
    return AuditRecord(
        manifest=PENDING,
        items=items,
        responses=responses,
        scores=scores,
        estimates=estimates_frame(scores, kinds=kinds, designs=analysis.designs, level=analysis.level),
        families=families_frame(scores, kinds=kinds, designs=analysis.designs, level=analysis.level),
        comparisons=comparisons,
        disparities=disparities_frame(asked, analysis.framings, level=analysis.level, seed=analysis.seed),
        published=published_frame(
            asked,
            analysis.framings,
            formats=analysis.formats,
            level=analysis.level,
            seed=analysis.seed,
        ),
        headlines=headlines(
            scores,
            comparisons,
            tuned=analysis.tuned,
            designs=analysis.designs,
            primary=primary,
            seed=analysis.seed,
            level=analysis.level,
        ),
    )
