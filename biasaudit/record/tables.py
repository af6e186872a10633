"""The column contracts of an audit's tables, in one place.

Every frame that is written to an audit folder, or read from one, passes :func:`checked`.
Rows are sorted by the table's key, so that equal evidence gives equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandera.pandas as pa

from biasaudit.record.columns import count, flag, listed, number, text
from biasaudit.record.comparison_columns import COMPARISON_COLUMNS
from biasaudit.types import Exposure

if TYPE_CHECKING:
    import pandas as pd

ESTIMATE_COLUMNS: Final = {
    "status": text("`ok`, or why there is no number"),
    "value": number("the estimate; null unless `status` is `ok`", "as `unit`", null=True),
    "ci_low": number("lower bound of its interval", "as `unit`", null=True),
    "ci_high": number("upper bound of its interval", "as `unit`", null=True),
    "level": number(
        "confidence level of the interval (of competence 2 x level - 1: its lower end is one-sided at the audit's)",
        "share",
    ),
    "n_items": count("items that the value rests on; may be 0", "items"),
    "n_clusters": count("clusters that the value rests on; may be 0", "clusters"),
    "method": text("how value and interval were computed, in words; or what was lacking"),
    "unit": text(
        "of the value: `index`, `share`, `nats`, `share difference`, `ratio`, `percent`, `logits`, `perplexity`, ..."
    ),
}
"""The fields of an :class:`~biasaudit.types.Estimate` as columns."""

ITEMS: Final = pa.DataFrameSchema(
    {
        "probe": text("id of the probe"),
        "item_id": text("unique within its probe, stable over versions of the probe"),
        "kind": text("kind of the probe (methods.md, section 2)"),
        "cluster_id": text("cluster: items that share it are resampled together"),
        "feature": text("sensitive feature, as the card declares it"),
        "groups": text(
            "groups that the item sets against each other, joined by ` | `; may be empty. The first is the one that "
            "the stereotype favours, or the reference group"
        ),
        "role": text("`bias`, `competence`, `control` or `licensed`"),
        "family": text("wording (template) of the item"),
        "texts": text(
            "the item's texts, by the fields of its kind; null where texts of published sets were left out "
            "(`--omit-texts`)",
            "JSON",
            null=True,
        ),
        "tags": text("further columns of the source, text to text: attributes, truth, direction", "JSON"),
    },
    strict=True,
    unique=["probe", "item_id"],
)
"""One row per item: what is needed to score and to show the responses again."""

RESPONSES: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing_id": text("`plain`, or `chat-1`, `chat-2`, ...: which request"),
        "probe": text("id of the probe"),
        "item_id": text("unique within its probe, stable over versions of the probe"),
        "part": text("which text of the item, in the words of its kind: `first`, `1|A`, `biased@bcu`, `other: yes 1`"),
        "key": text("of what was asked (context, continuation, whether a template rendered it)", "SHA-256"),
        "status": text("`ok` or `failed`", check=pa.Check.isin(["ok", "failed"])),
        "reason": text("why it failed; else null", null=True),
        "token_ids": listed("tokens of what was scored; null where texts were left out, or it failed", null=True),
        "token_logprobs_nats": listed(
            "log-probability of each of them given all before it; null where it failed", "nats", null=True
        ),
        "token_ends": listed(
            "where each token ends in the continuation; bias items in plain framing whose value is made of whole "
            "texts, else null. Absent from older audits",
            "characters",
            null=True,
            later=True,
        ),
        "counts": text(
            "draws by answer, with those that were `refused` and `unparsed` (methods.md, section 2.9); null where none "
            "were drawn. Absent from audits in which nothing was drawn",
            "JSON",
            null=True,
            later=True,
        ),
        "written": text(
            "what was drawn, 300 characters of each at most; null where texts were left out, or nothing was drawn. "
            "Absent from audits in which nothing was drawn",
            "JSON",
            null=True,
            later=True,
        ),
    },
    strict=True,
)
"""One row per checkpoint, framing, item and part: the only expensive table."""

SCORES: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing": text("`plain` or `chat`", check=pa.Check.isin(["plain", "chat"])),
        "framing_id": text("`plain`, or `chat-1`, `chat-2`, ...: which request"),
        "probe": text("id of the probe"),
        "item_id": text("unique within its probe, stable over versions of the probe"),
        "cluster_id": text("cluster of the item"),
        "also_cluster_id": text("second cluster where the card declares one; else empty"),
        "feature": text("sensitive feature of the item"),
        "family": text("wording (template) of the item"),
        "role": text("`bias`, `competence`, `control` or `licensed`"),
        "status": text("`ok`, or `failed` where a part has no response", check=pa.Check.isin(["ok", "failed"])),
        "d_nats": number(
            "item value, positive with the stereotype (bias), towards sense or the right answer (competence)",
            "nats",
            null=True,
        ),
        "d_per_token_nats": number(
            "`d_nats` from mean log-probabilities per token; pairs only", "nats a token", null=True
        ),
        "sign": number(
            "which side was taken: 1 the stereotype (bias) or the right answer (competence), -1 the other, 0 neither",
            "-1, 0, 1",
            check=pa.Check.isin([-1.0, 0.0, 1.0]),
            null=True,
        ),
        "graded": number(
            "graded form of the item value, in [-1, 1]", "index", check=pa.Check.in_range(-1, 1), null=True
        ),
    },
    strict=True,
    unique=["checkpoint", "framing_id", "probe", "item_id"],
)
"""One row per checkpoint, framing and item."""

ESTIMATES: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing": text("`plain` or `chat`"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "metric": text(
            "`index`, `index_independent`, `graded`, `sign`, `sign_per_token`, `mean_d`, `mean_abs_d`, `competence`, "
            "`control`, and of drawn answers `refused` and `unparsed`"
        ),
        **ESTIMATE_COLUMNS,
        "n_asked": count("items asked for; coverage is `n_items` over this", "items"),
        "saturated": flag("over 95 % of the arm's items have one sign"),
    },
    strict=True,
    unique=["checkpoint", "framing", "probe", "feature", "metric"],
)
"""One row per checkpoint, framing, probe, feature and metric. Feature ``all`` pools a probe's features."""

FAMILIES: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing": text("`plain` or `chat`"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; of competence `all`"),
        "metric": text("`index` or `competence`", check=pa.Check.isin(["index", "competence"])),
        "family": text("wording (template)"),
        **ESTIMATE_COLUMNS,
        "n_clusters": count("where `method` says *given this wording*, the contents (or items) said in it", "clusters"),
        "n_asked": count("items asked for", "items"),
    },
    strict=True,
    unique=["checkpoint", "framing", "probe", "feature", "metric", "family"],
)
"""One row per checkpoint, framing, probe, feature, metric and wording family."""

WORDINGS: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing": text("`plain` or `chat`"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "status": text("`ok` from two wordings with a number up; `not estimable` with one, `not measured` with none"),
        "wording_sd": number(
            "sample standard deviation of the wordings' values; it holds the noise of each", "index", null=True
        ),
        "lowest": number("least of the wordings' values", "index", null=True),
        "highest": number("greatest of the wordings' values", "index", null=True),
        "n_families": count("wordings, measured or not", "wordings"),
        "n_measured": count("wordings with a number", "wordings"),
        "n_with": count("wordings whose interval lies above 0: with the stereotype", "wordings"),
        "n_against": count("wordings whose interval lies below 0: against it", "wordings"),
    },
    strict=True,
    unique=["checkpoint", "framing", "probe", "feature"],
)
"""One row per checkpoint, framing, probe and feature, computed from :data:`FAMILIES`; not written."""

EXPOSURE: Final = pa.DataFrameSchema(
    {
        "tuned": text("tuned checkpoint"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature"),
        "exposure": text(
            "`held out`, `words seen`, `trained on` or `unknown` (7.5)",
            check=pa.Check.isin([state.value for state in Exposure]),
        ),
        "unknown_because": text("why it is unknown; empty where it is known"),
        "containment": number(
            "share of the three-word pieces of one template of the probe that one training text has, the largest; null "
            "where the training card has none that can be used",
            null=True,
        ),
        "has_template": flag("whether a template that was trained is one of the probe's"),
        "words_seen": text("words of the cell's attributes that stand in what was trained, between commas"),
        "groups_seen": text("words of the cell's groups that stand in what was trained, between commas"),
    },
    strict=True,
    unique=["tuned", "probe", "feature"],
)
"""One row per tuned checkpoint, probe and feature: how near the cell is to what the checkpoint was trained on."""

COMPARISONS: Final = pa.DataFrameSchema(
    COMPARISON_COLUMNS,
    strict=True,
    unique=["tuned", "contrast", "probe", "feature", "metric"],
)
"""One row per tuned checkpoint, contrast, probe, feature and metric; `graded` carries the verdict."""

DISPARITIES: Final = pa.DataFrameSchema(
    {
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing": text("`plain` or `chat`"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature"),
        "statistic": text(
            "what the value is; the glossary lists them",
            check=pa.Check.isin(
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
        "group": text(
            "a group; the pair of a difference (`woman - man`) or of a ratio (`woman / man`); of `by_attribute` the "
            "attribute"
        ),
        "reference": text(
            "the group that it is set against; of `impact_ratio` the group that has most; of `by_attribute` the "
            "world's share of the first group; may be empty"
        ),
        **ESTIMATE_COLUMNS,
        "p_value": number("t test of 0; of `difference` and `by_attribute` only", "p", null=True),
        "p_bh": number(
            "Benjamini-Hochberg over the attributes of an arm, or over all differences of a checkpoint in a framing",
            "p",
            null=True,
        ),
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
        "checkpoint": text("`base`, or a tuned checkpoint"),
        "framing": text("`plain` or `chat`"),
        "framing_id": text("`plain`, or `chat-1`, `chat-2`, ...: which request"),
        "probe": text("id of the probe"),
        "subset": text("`all`, or a part of the set in its own words"),
        "score": text("the score, as the paper calls it"),
        **ESTIMATE_COLUMNS,
        "parity": number(
            "where a model without a lean stands; null where the score has no such point", "as `unit`", null=True
        ),
        "n_asked": count("items of the subset, answered or not", "items"),
        "point": number(
            "the score however few the clusters, without an interval; nothing is claimed by it. Absent from older "
            "audits",
            "as `unit`",
            null=True,
            later=True,
        ),
    },
    strict=True,
    unique=["checkpoint", "framing_id", "probe", "subset", "score"],
)
"""One row per arm, wording, probe, subset and score, as the paper of the set defines it."""


def checked(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return `frame` with the schema's columns in order, or raise pandera's SchemaError."""
    there = [name for name, column in schema.columns.items() if column.required or name in frame.columns]
    return schema.validate(frame[there])
