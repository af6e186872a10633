"""Everything after the responses: scores, estimates, families, comparisons, disparities, headlines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from biasaudit.analysis.asked_items import asked_items
from biasaudit.analysis.headlines import headlines
from biasaudit.analysis.table import Analysis, Given
from biasaudit.analysis.tables import TABLES
from biasaudit.framing import Framing
from biasaudit.kinds import KINDS
from biasaudit.record.audit_record import AuditRecord, as_attributes
from biasaudit.record.exposure_facts import exposure_of
from biasaudit.record.manifest import Manifest
from biasaudit.record.perturbed_facts import perturbed_of
from biasaudit.types import ClusterDesign, Reading, stage_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from biasaudit.probes import Probe
    from biasaudit.record.exposure_facts import CardExposure
    from biasaudit.record.perturbed_facts import Perturbed

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


def analysis_of_probes(
    probes: Sequence[Probe],
    framings: tuple[Framing, ...],
    tuned: Sequence[str],
    *,
    margin: float,
    level: float,
    seed: int,
    exposure: Mapping[str, CardExposure] | None = None,
    siblings: bool = False,
    perturbed: Perturbed | None = None,
    drawn: bool = False,
) -> Analysis:
    """Return the analysis of an audit with these probes."""
    noted = exposure or {}
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
        exposure=noted,
        trained_features=_trained_features(tuned, noted),
        siblings=siblings,
        perturbed=perturbed,
        drawn=drawn,
    )


def analysis_of_manifest(manifest: Manifest) -> Analysis:
    """Return the analysis of an audit that was written.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the manifest does not say.
    """
    plan, noted = manifest.plan, exposure_of(manifest.exposure)
    # JSON sorts names: tuned-10 would stand before tuned-2.
    tuned = tuple(sorted(plan["tuned"], key=stage_place))
    return Analysis(
        kinds={name: _known(str(facts["kind"])) for name, facts in manifest.probes.items()},
        designs={name: ClusterDesign(facts["clusters"]) for name, facts in manifest.probes.items()},
        # Manifests before version 3 do not say; the probes of that time are named by their format, or have none.
        formats={name: facts.get("format", name.removesuffix("-revised")) for name, facts in manifest.probes.items()},
        # Audits before version 6 know of none.
        also={name: second["tag"] for name, facts in manifest.probes.items() if (second := facts.get("also"))},
        framings=tuple(Framing(**wording) for wording in plan["framings"]),
        tuned=tuned,
        margin=float(plan["margin"]),
        level=float(plan["level"]),
        seed=int(plan["seed"]),
        exposure=noted,
        trained_features=_trained_features(tuned, noted),
        siblings=bool(plan.get("siblings", False)),
        perturbed=perturbed_of(manifest.perturbed),
        drawn=any(
            isinstance(one, Mapping) and one.get("reading") == Reading.SAMPLED for one in manifest.fingerprints.values()
        ),
    )


def _trained_features(tuned: Sequence[str], exposure: Mapping[str, CardExposure]) -> dict[str, frozenset[str] | None]:
    cards = {name: exposure.get(name) for name in tuned}
    return {
        name: None if card is None or card.features is None else frozenset(card.features)
        for name, card in cards.items()
    }


def _known(kind: str) -> str:
    if kind not in KINDS:
        msg = f"there is no kind {kind!r} of probe"
        raise ValueError(msg)
    return kind


def tabulate(
    items: pd.DataFrame,
    responses: pd.DataFrame,
    analysis: Analysis,
    *,
    evidence: Mapping[str, pd.DataFrame] | None = None,
) -> AuditRecord:
    """Compute every table from items and responses; the same every time.

    Parameters
    ----------
    items, responses : DataFrame
        See :mod:`biasaudit.record.tables`.
    analysis : Analysis
    evidence : mapping, optional
        Name -> table, of what else was expensive.

    Returns
    -------
    AuditRecord
        With a manifest that is yet to be written.
    """
    found = {**(evidence or {}), "items": items, "responses": responses}
    asked = asked_items(items, responses)
    shared: dict[str, object] = {}
    for table in TABLES.values():
        if table.computed is not None and table.is_of(analysis):
            given = Given(asked=asked, tables={**found}, analysis=analysis, shared=shared)
            found[table.name] = table.computed(given)
    return AuditRecord(
        manifest=PENDING,
        **as_attributes(found),
        headlines=headlines(
            found["scores"],
            found["comparisons"],
            tuned=analysis.tuned,
            designs=analysis.designs,
            primary=analysis.primary,
            seed=analysis.seed,
            level=analysis.level,
            exposure=found["exposure"],
        ),
    )
