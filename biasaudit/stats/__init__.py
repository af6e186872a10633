"""Metrics as pure functions: arrays in, an Estimate or a named result out."""

from __future__ import annotations

from biasaudit.stats.change import Change, paired_change, smallest_detectable_change
from biasaudit.stats.clusters import MIN_CLUSTERS, Clustered, clustered
from biasaudit.stats.fieller import relative_reduction
from biasaudit.stats.flows import ItemFlows, item_flows
from biasaudit.stats.headline import Cell, relative_reduction_over_cells
from biasaudit.stats.intervals import mean_estimate, refused
from biasaudit.stats.significance import TestResult, holm, mcnemar_exact, sign_flip
from biasaudit.stats.verdict import Evidence, Ruling, competence_fell, rule

__all__ = [
    "MIN_CLUSTERS",
    "Cell",
    "Change",
    "Clustered",
    "Evidence",
    "ItemFlows",
    "Ruling",
    "TestResult",
    "clustered",
    "competence_fell",
    "holm",
    "item_flows",
    "mcnemar_exact",
    "mean_estimate",
    "paired_change",
    "refused",
    "relative_reduction",
    "relative_reduction_over_cells",
    "rule",
    "sign_flip",
    "smallest_detectable_change",
]
