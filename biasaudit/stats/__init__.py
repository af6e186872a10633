"""Metrics as pure functions: arrays in, an Estimate or a named result out."""

from __future__ import annotations

from biasaudit.stats.bootstrap import cluster_bootstrap
from biasaudit.stats.change import Change, paired_change
from biasaudit.stats.clusters import MIN_CLUSTERS, Clustered, clustered
from biasaudit.stats.fieller import PairedMeans, ratio_bounds, relative_reduction
from biasaudit.stats.flows import ItemFlows, ItemState, item_flows, null_churn
from biasaudit.stats.headline import Cell, relative_reduction_over_cells
from biasaudit.stats.intervals import mean_estimate, refused
from biasaudit.stats.missing import MissingBounds, missing_bounds
from biasaudit.stats.power import (
    Prospect,
    planned_error,
    power_of_change,
    power_of_equivalence,
    prospect,
    smallest_detectable_change,
)
from biasaudit.stats.significance import (
    TestResult,
    benjamini_hochberg,
    equivalence,
    holm,
    mcnemar_exact,
    mean_is_zero,
    sign_flip,
)
from biasaudit.stats.verdict import Evidence, Ruling, competence_fell, rule

__all__ = [
    "MIN_CLUSTERS",
    "Cell",
    "Change",
    "Clustered",
    "Evidence",
    "ItemFlows",
    "ItemState",
    "MissingBounds",
    "PairedMeans",
    "Prospect",
    "Ruling",
    "TestResult",
    "benjamini_hochberg",
    "cluster_bootstrap",
    "clustered",
    "competence_fell",
    "equivalence",
    "holm",
    "item_flows",
    "mcnemar_exact",
    "mean_estimate",
    "mean_is_zero",
    "missing_bounds",
    "null_churn",
    "paired_change",
    "planned_error",
    "power_of_change",
    "power_of_equivalence",
    "prospect",
    "ratio_bounds",
    "refused",
    "relative_reduction",
    "relative_reduction_over_cells",
    "rule",
    "sign_flip",
    "smallest_detectable_change",
]
