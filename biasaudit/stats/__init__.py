"""Metrics as pure functions: arrays in, an Estimate or a named result out."""

from __future__ import annotations

from biasaudit.stats.bootstrap import cluster_bootstrap
from biasaudit.stats.change import Change, change_tests, paired_change, paired_reduction
from biasaudit.stats.clusters import MIN_CLUSTERS, Clustered, clustered
from biasaudit.stats.competence import competence_loss
from biasaudit.stats.damage import blunting, licensed_drop
from biasaudit.stats.fieller import PairedMeans, ratio_bounds, relative_reduction
from biasaudit.stats.flows import ItemFlows, ItemState, item_flows, null_churn
from biasaudit.stats.frames import frame_of
from biasaudit.stats.groups.cells import MIN_CELL_ITEMS
from biasaudit.stats.groups.disparity import (
    FOUR_FIFTHS,
    FourFifths,
    GroupEstimate,
    Quantity,
    by_group,
    difference_to_overall,
    difference_to_reference,
    four_fifths,
    four_fifths_of,
    overall,
    ratio_to_reference,
)
from biasaudit.stats.groups.impact_ratio import impact_ratios
from biasaudit.stats.groups.outcomes import Group, GroupMetric, GroupOutcomes, group_outcomes, metric_frame
from biasaudit.stats.groups.range import BetweenGroups, between_groups
from biasaudit.stats.halves import crossed_signs, grid
from biasaudit.stats.headline import Cell, relative_reduction_over_cells
from biasaudit.stats.intervals import mean_estimate, refused
from biasaudit.stats.missing import MissingBounds, missing_bounds
from biasaudit.stats.multiplicity import ClaimPValues, adjusted_by_benjamini_hochberg, adjusted_by_holm
from biasaudit.stats.power import (
    Prospect,
    can_show_a_change,
    error_rate,
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
    sign_flips,
)
from biasaudit.stats.spread import Spread, spread
from biasaudit.stats.two_sample import TwoSampleResult, masked, two_sample_test
from biasaudit.stats.verdict import (
    LEAST_COVERAGE,
    LEAST_RATIO,
    MOST_LICENSED_DROP,
    Evidence,
    Ruling,
    chance_code,
    competence_fell,
    rule,
)

__all__ = [
    "FOUR_FIFTHS",
    "LEAST_COVERAGE",
    "LEAST_RATIO",
    "MIN_CELL_ITEMS",
    "MIN_CLUSTERS",
    "MOST_LICENSED_DROP",
    "BetweenGroups",
    "Cell",
    "Change",
    "ClaimPValues",
    "Clustered",
    "Evidence",
    "FourFifths",
    "Group",
    "GroupEstimate",
    "GroupMetric",
    "GroupOutcomes",
    "ItemFlows",
    "ItemState",
    "MissingBounds",
    "PairedMeans",
    "Prospect",
    "Quantity",
    "Ruling",
    "Spread",
    "TestResult",
    "TwoSampleResult",
    "adjusted_by_benjamini_hochberg",
    "adjusted_by_holm",
    "benjamini_hochberg",
    "between_groups",
    "blunting",
    "by_group",
    "can_show_a_change",
    "chance_code",
    "change_tests",
    "cluster_bootstrap",
    "clustered",
    "competence_fell",
    "competence_loss",
    "crossed_signs",
    "difference_to_overall",
    "difference_to_reference",
    "equivalence",
    "error_rate",
    "four_fifths",
    "four_fifths_of",
    "frame_of",
    "grid",
    "group_outcomes",
    "holm",
    "impact_ratios",
    "item_flows",
    "licensed_drop",
    "masked",
    "mcnemar_exact",
    "mean_estimate",
    "mean_is_zero",
    "metric_frame",
    "missing_bounds",
    "null_churn",
    "overall",
    "paired_change",
    "paired_reduction",
    "planned_error",
    "power_of_change",
    "power_of_equivalence",
    "prospect",
    "ratio_bounds",
    "ratio_to_reference",
    "refused",
    "relative_reduction",
    "relative_reduction_over_cells",
    "rule",
    "sign_flip",
    "sign_flips",
    "smallest_detectable_change",
    "spread",
    "two_sample_test",
]
