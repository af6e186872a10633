"""The columns of the table of comparisons, the longest of an audit's tables."""

from __future__ import annotations

from typing import Final

import pandera.pandas as pa

from biasaudit.record.columns import count, flag, number, text

COMPARISON_COLUMNS: Final = {
    "tuned": text("tuned checkpoint"),
    "contrast": text("which arms are compared (1.4)"),
    "probe": text("id of the probe"),
    "feature": text("sensitive feature; `all` pools a probe's features"),
    "metric": text("`graded` or `sign`", check=pa.Check.isin(["graded", "sign"])),
    "declared": flag("a cell of its own; false for the row that pools a probe's features"),
    "status": text("of the reduction: `ok`, or why there is none"),
    "reduction": number(
        "D, first side minus second; positive: less with the stereotype (3.1)", "index points", null=True
    ),
    "ci_low": number("lower bound of D's interval at the audit's level", "index points", null=True),
    "ci_high": number("upper bound of D's interval", "index points", null=True),
    "ci90_low": number("lower bound of D's 90 % interval, for equivalence (5.7)", "index points", null=True),
    "ci90_high": number("upper bound of D's 90 % interval", "index points", null=True),
    "total": number("S, first side plus second (3.1)", "index points", null=True),
    "total_ci_low": number("lower bound of S's interval", "index points", null=True),
    "total_ci_high": number("upper bound of S's interval", "index points", null=True),
    "p_value": number("p-value of D = 0, not adjusted (5.1)", "p", null=True),
    "p_total": number("p-value of S = 0", "p", null=True),
    "p_first": number("p-value of the first side's index = 0", "p", null=True),
    "p_second": number("p-value of the second side's index = 0", "p", null=True),
    "p_size": number("the larger of `p_value` and `p_total`: of no difference in |B| (5.4)", "p", null=True),
    "exploratory": flag("not in the test family: another contrast than the primary one, or features pooled"),
    "p_holm": number(
        "`p_size` adjusted in the test family (5.5); null in exploratory rows and barred cells", "p", null=True
    ),
    "p_bh": number("`p_size` adjusted by Benjamini-Hochberg (5.6); null in the test family", "p", null=True),
    "p_moved_adjusted": number("p-value that B moved, adjusted in the test family", "p", null=True),
    "p_sides_adjusted": number("p-value that both arms lean, adjusted in the test family", "p", null=True),
    "p_equivalence": number("p-value of two one-sided tests of |D| >= margin (5.7)", "p", null=True),
    "test": text("which test gave the p-values; `none` where nothing was tested"),
    "first_value": number("level of the first side, over the items that both scored", "index", null=True),
    "first_ci_low": number("lower bound of the first side's interval", "index", null=True),
    "first_ci_high": number("upper bound of the first side's interval", "index", null=True),
    "second_value": number("level of the second side, over the items that both scored", "index", null=True),
    "second_ci_low": number("lower bound of the second side's interval", "index", null=True),
    "second_ci_high": number("upper bound of the second side's interval", "index", null=True),
    "relative_status": text("of the relative reduction: `ok`, or why there is none (7.1)"),
    "relative_reduction": number("D over the first side's index, cross-fitted", "share", null=True),
    "relative_ci_low": number("lower bound of Fieller's interval of the relative reduction", "share", null=True),
    "relative_ci_high": number("upper bound of Fieller's interval", "share", null=True),
    "smallest_detectable_change": number(
        "change that is found with probability 0.8 at two-sided 5 % (10.1); null where no change can be shown",
        "index points",
        null=True,
    ),
    "missing_low": number(
        "D at its lowest over all that the missing values might have been (6.2)", "index points", null=True
    ),
    "missing_high": number(
        "D at its highest over all that the missing values might have been", "index points", null=True
    ),
    "total_missing_low": number(
        "S at its lowest over all that the missing values might have been", "index points", null=True
    ),
    "total_missing_high": number(
        "S at its highest over all that the missing values might have been", "index points", null=True
    ),
    "margin": number("largest change that counts as none", "index points"),
    "n_items": count("items scored on both sides", "items"),
    "n_clusters": count("clusters of the items scored on both sides", "clusters"),
    "method": text("how the interval of D was computed, in words; or what was lacking"),
    "inherited_bias": flag(
        "the interval of the first side excludes 0, and pairs of equal length do not disagree: a label, not a filter"
    ),
    "coverage_first": number("items scored over items asked, first side", "share", null=True),
    "coverage_second": number("items scored over items asked, second side", "share", null=True),
    "competence_first": number("competence of the probe, first side (8.1)", "share", null=True),
    "competence_second": number("competence of the probe, second side", "share", null=True),
    "competence_fell": flag("the second side's interval of competence lies wholly below the first's (6.3)"),
    "competence_loss_status": text("of the paired loss of competence: `ok`, or why there is none (8.2)"),
    "competence_loss": number(
        "competence of the first side minus that of the second, paired by item", "share", null=True
    ),
    "competence_loss_ci_low": number("lower bound of the loss's interval at the audit's level", "share", null=True),
    "competence_loss_ci_high": number("upper bound of the loss's interval", "share", null=True),
    "competence_loss_items": count("items that the loss rests on", "items"),
    "competence_loss_clusters": count("clusters that the loss rests on", "clusters"),
    "flow_inherited": count("items with the stereotype on both sides (8.6)", "items"),
    "flow_removed": count("items with the stereotype on the first side, without it on the second", "items"),
    "flow_turned": count("of `flow_removed`, those against the stereotype now", "items"),
    "flow_introduced": count("items with the stereotype on the second side only", "items"),
    "flow_never": count("items with the stereotype on neither side", "items"),
    "flow_missing": count("items not scored on one side or both", "items"),
    "churn": number("removed and introduced, of the items scored on both sides", "share", null=True),
    "null_churn": number(
        "`churn` between two requests in the base's chat arm, where nothing changed; null with fewer than two",
        "share",
        null=True,
    ),
    "framings_low": number("least D over the wordings of the request (8.5)", "index points", null=True),
    "framings_high": number("greatest D over the wordings of the request", "index points", null=True),
    "framings_agree": number("of the wordings of the request, those with D's sign", "share", null=True),
    "saturated": flag("over 95 % of the values of an arm lie at one end of the scale (2.8)"),
    "verdict": text("what may be said (6.1)"),
    "verdict_code": text("what decided the verdict, one of the codes in the glossary"),
    "verdict_reason": text("what decided the verdict, in a sentence; not to be parsed"),
    "equal_items": count(
        "pairs of equal length that both sides scored (8.4); 0 where that is not asked", "items", later=True
    ),
    "equal_first_value": number("level of the first side over pairs of equal length", "index", null=True, later=True),
    "equal_first_ci_low": number(
        "lower bound of its interval over pairs of equal length", "index", null=True, later=True
    ),
    "equal_first_ci_high": number(
        "upper bound of its interval over pairs of equal length", "index", null=True, later=True
    ),
    "equal_second_value": number("level of the second side over pairs of equal length", "index", null=True, later=True),
    "equal_second_ci_low": number(
        "lower bound of its interval over pairs of equal length", "index", null=True, later=True
    ),
    "equal_second_ci_high": number(
        "upper bound of its interval over pairs of equal length", "index", null=True, later=True
    ),
    "equal_reduction": number("D over pairs of equal length", "index points", null=True, later=True),
    "equal_reduction_ci_low": number(
        "lower bound of D's interval over pairs of equal length", "index points", null=True, later=True
    ),
    "equal_reduction_ci_high": number(
        "upper bound of D's interval over pairs of equal length", "index points", null=True, later=True
    ),
    "equal_disagrees": flag(
        "over pairs of equal length the first side's level lies on the other side of 0", later=True
    ),
}
"""Numbers in brackets are sections of docs/methods.md."""
