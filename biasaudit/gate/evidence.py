"""The rows of an audit's tables that can be judged, in one form for every criterion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.criterion import Criterion
from biasaudit.gate.measurement import Measurement
from biasaudit.gate.readings import Table, Tables, tables_of
from biasaudit.gate.vocabulary import Form
from biasaudit.types import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an audit offers to every criterion.

    Attributes
    ----------
    tables : Tables
    found : mapping of (str, Form) to sequence of Measurement
        By the name of a criterion; in the graded form where it has one.
    tuned : tuple of str
        Tuned checkpoints.
    features : mapping of str to tuple of str
        Probe -> features that have an index or a change.
    """

    tables: Tables
    found: Mapping[tuple[str, Form], Sequence[Measurement]]
    tuned: tuple[str, ...]
    features: Mapping[str, tuple[str, ...]]

    def rows(self, criterion: Criterion, form: Form) -> Sequence[Measurement]:
        """Return what a rule looks at."""
        return self.found[criterion.name, form]


def evidence_of(
    *,
    estimates: Table,
    comparisons: Table,
    disparities: Table = (),
    damage: Table | None = None,
    robustness: Table | None = None,
    baseline: Table | None = None,
    level: float,
) -> Evidence:
    """Gather what can be judged.

    Parameters
    ----------
    estimates, comparisons, disparities : DataFrame or sequence of mapping
        See :mod:`biasaudit.record.tables`.
    damage : DataFrame or sequence of mapping, optional
        See :data:`biasaudit.analysis.damage.SCHEMA`; None where an audit has none.
    robustness : DataFrame or sequence of mapping, optional
        See :data:`biasaudit.analysis.perturbed.robustness.SCHEMA`; None where an audit has none.
    baseline : DataFrame or sequence of mapping, optional
        See :func:`biasaudit.analysis.baseline.baseline_changes`.
    level : float
        Of intervals whose table does not name it.

    Returns
    -------
    Evidence
    """
    tables = tables_of(
        estimates=estimates,
        comparisons=comparisons,
        disparities=disparities,
        damage=damage,
        robustness=robustness,
        baseline=baseline,
        level=level,
    )
    published = {(name, Form.PUBLISHED): one.read(tables) for name, one in CRITERIA.items()}
    graded = {
        (name, Form.GRADED): one.read_graded(tables) for name, one in CRITERIA.items() if one.read_graded is not None
    }
    features: dict[str, set[str]] = {}
    for row in (*tables.indices(Form.PUBLISHED), *tables.changes):
        features.setdefault(row["probe"], set()).add(row["feature"])
    tuned = {one.tuned for rows in published.values() for one in rows} - {Checkpoint.BASE.value}
    return Evidence(
        tables=tables,
        found={**published, **graded},
        tuned=tuple(sorted(tuned)),
        features={probe: tuple(sorted(there)) for probe, there in sorted(features.items())},
    )
