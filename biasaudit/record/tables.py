"""The column contracts of an audit's tables, in one place.

Every frame that is written to an audit folder, or read from one, passes :func:`checked`.
Rows are sorted by the table's key, so that equal evidence gives equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandera.pandas as pa

if TYPE_CHECKING:
    import pandas as pd

ESTIMATE_COLUMNS: Final = {
    "status": pa.Column(str),
    "value": pa.Column(float, nullable=True),
    "ci_low": pa.Column(float, nullable=True),
    "ci_high": pa.Column(float, nullable=True),
    "level": pa.Column(float),
    "n_items": pa.Column(int),
    "n_clusters": pa.Column(int),
    "method": pa.Column(str),
    "unit": pa.Column(str),
}
"""The fields of an :class:`~biasaudit.types.Estimate` as columns."""

ITEMS: Final = pa.DataFrameSchema(
    {
        "probe": pa.Column(str),
        "item_id": pa.Column(str),
        "kind": pa.Column(str),
        "cluster_id": pa.Column(str),
        "feature": pa.Column(str),
        "groups": pa.Column(str),  # joined by " | "
        "role": pa.Column(str),
        "family": pa.Column(str),
        # JSON of the texts, or null where they were left out of the audit.
        "texts": pa.Column(str, nullable=True),
        "tags": pa.Column(str),
    },
    strict=True,
    unique=["probe", "item_id"],
)
"""One row per item: what is needed to score and to show the responses again."""

RESPONSES: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing_id": pa.Column(str),
        "probe": pa.Column(str),
        "item_id": pa.Column(str),
        "part": pa.Column(str),
        "key": pa.Column(str),
        "status": pa.Column(str, pa.Check.isin(["ok", "failed"])),
        "reason": pa.Column(str, nullable=True),
        "token_ids": pa.Column(object, nullable=True),
        "token_logprobs_nats": pa.Column(object, nullable=True),
        # Where each token ends, in characters of the continuation; of bias items in plain framing whose value
        # is made of whole texts. Absent from older audits, and null wherever it is not known.
        "token_ends": pa.Column(object, nullable=True, required=False),
    },
    strict=True,
)
"""One row per checkpoint, framing, item and part: the only expensive table."""

SCORES: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing": pa.Column(str, pa.Check.isin(["plain", "chat"])),
        "framing_id": pa.Column(str),
        "probe": pa.Column(str),
        "item_id": pa.Column(str),
        "cluster_id": pa.Column(str),
        # The second cluster, where the card declares one; empty where it does not, or the item has none.
        "also_cluster_id": pa.Column(str),
        "feature": pa.Column(str),
        "family": pa.Column(str),
        "role": pa.Column(str),
        "status": pa.Column(str, pa.Check.isin(["ok", "failed"])),
        # Positive with the stereotype (bias), towards sense (competence).
        "d_nats": pa.Column(float, nullable=True),
        # The same from mean log-probabilities per token; null for associations.
        "d_per_token_nats": pa.Column(float, nullable=True),
        "sign": pa.Column(float, pa.Check.isin([-1.0, 0.0, 1.0]), nullable=True),
        "graded": pa.Column(float, pa.Check.in_range(-1, 1), nullable=True),
    },
    strict=True,
    unique=["checkpoint", "framing_id", "probe", "item_id"],
)
"""One row per checkpoint, framing and item."""

ESTIMATES: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing": pa.Column(str),
        "probe": pa.Column(str),
        "feature": pa.Column(str),
        "metric": pa.Column(str),
        **ESTIMATE_COLUMNS,
        "n_asked": pa.Column(int),
        "saturated": pa.Column(bool),
    },
    strict=True,
    unique=["checkpoint", "framing", "probe", "feature", "metric"],
)
"""One row per checkpoint, framing, probe, feature and metric. Feature ``all`` pools a probe's features."""

FAMILIES: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing": pa.Column(str),
        "probe": pa.Column(str),
        "feature": pa.Column(str),  # of competence: ``all``
        "metric": pa.Column(str, pa.Check.isin(["index", "competence"])),
        "family": pa.Column(str),
        # Where the method says "given this wording", n_clusters counts what is said in the wording.
        **ESTIMATE_COLUMNS,
        "n_asked": pa.Column(int),
    },
    strict=True,
    unique=["checkpoint", "framing", "probe", "feature", "metric", "family"],
)
"""One row per checkpoint, framing, probe, feature, metric and wording family."""

WORDINGS: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing": pa.Column(str),
        "probe": pa.Column(str),
        "feature": pa.Column(str),
        "status": pa.Column(str),  # ok from two families with a number up
        "wording_sd": pa.Column(float, nullable=True),  # sample SD of the families' values
        "lowest": pa.Column(float, nullable=True),
        "highest": pa.Column(float, nullable=True),
        "n_families": pa.Column(int),
        "n_measured": pa.Column(int),  # families with a number
        "n_with": pa.Column(int),  # families whose interval lies above 0: with the stereotype
        "n_against": pa.Column(int),  # below 0
    },
    strict=True,
    unique=["checkpoint", "framing", "probe", "feature"],
)
"""One row per checkpoint, framing, probe and feature, computed from :data:`FAMILIES`; not written."""

COMPARISONS: Final = pa.DataFrameSchema(
    {
        "tuned": pa.Column(str),
        "contrast": pa.Column(str),
        "probe": pa.Column(str),
        "feature": pa.Column(str),
        "metric": pa.Column(str, pa.Check.isin(["graded", "sign"])),
        "declared": pa.Column(bool),  # a cell of its own; else the row that pools a probe's features
        # The reduction D = first arm minus second arm, positive = less stereotype.
        "status": pa.Column(str),
        "reduction": pa.Column(float, nullable=True),
        "ci_low": pa.Column(float, nullable=True),
        "ci_high": pa.Column(float, nullable=True),
        "ci90_low": pa.Column(float, nullable=True),
        "ci90_high": pa.Column(float, nullable=True),
        # S = first arm plus second arm: |second| is less than |first| where D and S have one sign.
        "total": pa.Column(float, nullable=True),
        "total_ci_low": pa.Column(float, nullable=True),
        "total_ci_high": pa.Column(float, nullable=True),
        "p_value": pa.Column(float, nullable=True),  # of D = 0
        "p_total": pa.Column(float, nullable=True),  # of S = 0
        "p_first": pa.Column(float, nullable=True),  # of either arm's index = 0
        "p_second": pa.Column(float, nullable=True),
        "p_size": pa.Column(float, nullable=True),  # the larger of p_value and p_total: of no difference in |B|
        # Not in the family that Holm corrects: another contrast than the one named beforehand, or features pooled.
        "exploratory": pa.Column(bool),
        # p_size, adjusted: by Holm in the declared family, else by Benjamini-Hochberg; null in the other column.
        "p_holm": pa.Column(float, nullable=True),
        "p_bh": pa.Column(float, nullable=True),
        # Adjusted in the same family: that B moved at all, and that both arms lean.
        "p_moved_adjusted": pa.Column(float, nullable=True),
        "p_sides_adjusted": pa.Column(float, nullable=True),
        "p_equivalence": pa.Column(float, nullable=True),  # two one-sided tests of |D| >= margin
        "test": pa.Column(str),
        "first_value": pa.Column(float, nullable=True),
        "first_ci_low": pa.Column(float, nullable=True),
        "first_ci_high": pa.Column(float, nullable=True),
        "second_value": pa.Column(float, nullable=True),
        "second_ci_low": pa.Column(float, nullable=True),
        "second_ci_high": pa.Column(float, nullable=True),
        "relative_status": pa.Column(str),
        "relative_reduction": pa.Column(float, nullable=True),
        "relative_ci_low": pa.Column(float, nullable=True),
        "relative_ci_high": pa.Column(float, nullable=True),
        "smallest_detectable_change": pa.Column(float, nullable=True),
        # D at its lowest and highest, over all that the values which are missing might have been.
        "missing_low": pa.Column(float, nullable=True),
        "missing_high": pa.Column(float, nullable=True),
        # S likewise.
        "total_missing_low": pa.Column(float, nullable=True),
        "total_missing_high": pa.Column(float, nullable=True),
        "margin": pa.Column(float),
        "n_items": pa.Column(int),
        "n_clusters": pa.Column(int),
        "method": pa.Column(str),
        "inherited_bias": pa.Column(bool),  # interval of the first arm excludes 0: a label, not a filter
        "coverage_first": pa.Column(float, nullable=True),
        "coverage_second": pa.Column(float, nullable=True),
        "competence_first": pa.Column(float, nullable=True),
        "competence_second": pa.Column(float, nullable=True),
        "competence_fell": pa.Column(bool),
        # Competence of the first arm minus that of the second, paired by item; of the probe, whatever the feature.
        "competence_loss_status": pa.Column(str),
        "competence_loss": pa.Column(float, nullable=True),
        "competence_loss_ci_low": pa.Column(float, nullable=True),
        "competence_loss_ci_high": pa.Column(float, nullable=True),
        "competence_loss_items": pa.Column(int),
        "competence_loss_clusters": pa.Column(int),
        # Item flows, in items: with the stereotype in both arms, no longer (of these, turned against it),
        # newly, in neither, not scored. Churn is the share of removed and introduced; null_churn the
        # same between two wordings of the request in the base, where nothing changed.
        "flow_inherited": pa.Column(int),
        "flow_removed": pa.Column(int),
        "flow_turned": pa.Column(int),
        "flow_introduced": pa.Column(int),
        "flow_never": pa.Column(int),
        "flow_missing": pa.Column(int),
        "churn": pa.Column(float, nullable=True),
        "null_churn": pa.Column(float, nullable=True),
        # Least and greatest D over the framings of the contrast, and the share of them with D's sign.
        "framings_low": pa.Column(float, nullable=True),
        "framings_high": pa.Column(float, nullable=True),
        "framings_agree": pa.Column(float, nullable=True),
        "saturated": pa.Column(bool),  # over 95 % of the values of an arm lie at one end of the scale
        "verdict": pa.Column(str),
        "verdict_code": pa.Column(str),  # what decided it, see :class:`biasaudit.types.VerdictCode`
        "verdict_reason": pa.Column(str),
        # The same over the pairs whose two texts have as many tokens; 0 items where that is not asked.
        "equal_items": pa.Column(int, required=False),
        "equal_first_value": pa.Column(float, nullable=True, required=False),
        "equal_first_ci_low": pa.Column(float, nullable=True, required=False),
        "equal_first_ci_high": pa.Column(float, nullable=True, required=False),
        "equal_second_value": pa.Column(float, nullable=True, required=False),
        "equal_second_ci_low": pa.Column(float, nullable=True, required=False),
        "equal_second_ci_high": pa.Column(float, nullable=True, required=False),
        "equal_reduction": pa.Column(float, nullable=True, required=False),
        "equal_reduction_ci_low": pa.Column(float, nullable=True, required=False),
        "equal_reduction_ci_high": pa.Column(float, nullable=True, required=False),
        # Whether the first arm's level lies on the other side of 0 there, so that nothing is claimed about it.
        "equal_disagrees": pa.Column(bool, required=False),
    },
    strict=True,
    unique=["tuned", "contrast", "probe", "feature", "metric"],
)
"""One row per tuned checkpoint, contrast, probe, feature and metric; `graded` carries the verdict."""

DISPARITIES: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing": pa.Column(str),
        "probe": pa.Column(str),
        "feature": pa.Column(str),
        "statistic": pa.Column(
            str,
            pa.Check.isin(
                [
                    "by_group",
                    "difference",
                    "by_attribute",
                    "selection_rate",
                    "selection_rate_ratio",
                    "impact_ratio",
                    "false_positive_rate",
                    "false_positive_rate_difference",
                    "true_positive_rate",
                    "true_positive_rate_difference",
                ]
            ),
        ),
        "group": pa.Column(str),
        "reference": pa.Column(str),
        **ESTIMATE_COLUMNS,
        # Attributes and differences only: the t test of 0, and Benjamini-Hochberg's over the attributes of an
        # arm, or over all differences of a checkpoint in a framing.
        "p_value": pa.Column(float, nullable=True),
        "p_bh": pa.Column(float, nullable=True),
    },
    strict=True,
)
"""Of associations, by group: mean probability of the first attribute; by attribute: its lean, in nats.

Of decisions, by group: mean probability of yes, the selection rate, and its ratio to the reference group's and
to the most selected group's.
Of decisions whose truth is known, the error rates by group; positive is what is denied.
"""


PUBLISHED: Final = pa.DataFrameSchema(
    {
        "checkpoint": pa.Column(str),
        "framing": pa.Column(str),
        "framing_id": pa.Column(str),
        "probe": pa.Column(str),
        "subset": pa.Column(str),
        "score": pa.Column(str),
        **ESTIMATE_COLUMNS,
        "parity": pa.Column(float, nullable=True),  # where a model without a lean stands
        "n_asked": pa.Column(int),
        # The score however few the clusters; absent from older audits.
        "point": pa.Column(float, nullable=True, required=False),
    },
    strict=True,
    unique=["checkpoint", "framing_id", "probe", "subset", "score"],
)
"""One row per arm, wording, probe, subset and score, as the paper of the set defines it."""


def checked(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return `frame` with the schema's columns in order, or raise pandera's SchemaError."""
    there = [name for name, column in schema.columns.items() if column.required or name in frame.columns]
    return schema.validate(frame[there])
