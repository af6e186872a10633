"""Whether a reduction survives the perturbations: one row per tuned checkpoint, probe and feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandera.pandas as pa

from biasaudit.analysis.arms import ALL
from biasaudit.analysis.perturbed.cells import CellUnder, cells_under
from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.analysis.table import Given, Table
from biasaudit.record.columns import count, flag, number, text
from biasaudit.types import Robustness, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SCHEMA: Final = pa.DataFrameSchema(
    {
        "tuned": text("tuned checkpoint"),
        "contrast": text("which arms are compared (1.4)"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "declared": flag("a cell of its own; false for the row that pools a probe's features"),
        "verdict_plain": text("what may be said of the probe as it is, in this contrast"),
        "verdict": text(
            "`survives`, `broken`, `not interpretable`, `inconclusive`, `no reduction` or `not measured` (14.1)",
            check=pa.Check.isin([one.value for one in Robustness]),
        ),
        "reason": text("what decided it, in words"),
        "broken_by": text("perturbations that break it, between commas"),
        "unread": text("perturbations of which nothing is claimed, between commas"),
        "n_perturbations": count("perturbations of the set", "perturbations"),
        "n_read": count("perturbations of which something is claimed", "perturbations"),
        "n_items": count("items that were scored without and under every perturbation", "items"),
        "n_clusters": count("clusters that all of it rests on", "clusters"),
        "survives_p": number("the largest of the one-sided p-values (14.2)", "p", null=True),
        "worst": text("perturbation that leaves least of the reduction; empty where none was measured"),
        "worst_status": text("of the least reduction: `ok`, or why there is no number"),
        "worst_reduction": number(
            "least reduction, chosen on one half of the clusters and measured on the other (14.4)",
            "index points",
            null=True,
        ),
        "worst_ci_low": number("lower bound of its interval", "index points", null=True),
        "worst_ci_high": number("upper bound of its interval", "index points", null=True),
        "worst_low": number("simultaneous lower bound of the least reduction (14.4)", "index points", null=True),
        "worst_index": number(
            "largest size of the second side's index, chosen on one half and measured on the other", "index", null=True
        ),
        "worst_index_ci_low": number("lower bound of its interval", "index", null=True),
        "worst_index_ci_high": number("upper bound of its interval", "index", null=True),
        "worst_index_high": number(
            "simultaneous upper bound of the largest size of the second side's index (14.4)", "index", null=True
        ),
        "typical": number("mean of D over the perturbations", "index points", null=True),
        "typical_ci_low": number("lower bound of its interval", "index points", null=True),
        "typical_ci_high": number("upper bound of its interval", "index points", null=True),
        "spread": number("standard deviation of D over the perturbations", "index points", null=True),
    },
    strict=True,
    unique=["tuned", "probe", "feature"],
)
"""One row per tuned checkpoint, probe and feature of the probes that were perturbed."""


def _computed(given: Given) -> pd.DataFrame:
    rows = [_row(cell) for cell in cells_under(given)]
    return framed(rows, SCHEMA, by=["tuned", "probe", "feature"])


def _row(cell: CellUnder) -> dict[str, object]:
    found = cell.survival
    unread = [one.name for one in found.each if cell.why_not.get(one.name) or one.status is not Status.OK]
    return {
        "tuned": cell.tuned,
        "contrast": cell.contrast,
        "probe": cell.probe,
        "feature": cell.feature,
        "declared": cell.feature != ALL,
        "verdict_plain": cell.verdict,
        "verdict": found.verdict.value,
        "reason": _reason(cell, unread),
        "broken_by": ", ".join(found.broken_by),
        "unread": ", ".join(unread),
        "n_perturbations": len(found.each),
        "n_read": len(found.each) - len(unread),
        "n_items": found.typical.n_items,
        "n_clusters": found.typical.n_clusters,
        "survives_p": found.survives_p,
        "worst": found.worst or "",
        "worst_status": found.worst_reduction.status.value,
        **three("worst_reduction", "worst_", found.worst_reduction),
        "worst_low": found.worst_reduction_low,
        **three("worst_index", "worst_index_", found.worst_index),
        "worst_index_high": found.worst_index_high,
        **three("typical", "typical_", found.typical),
        "spread": found.spread,
    }


def _reason(cell: CellUnder, unread: Sequence[str]) -> str:
    found = cell.survival
    undecided = [one.name for one in found.each if one.name not in unread and not one.holds]
    return {
        Robustness.NO_REDUCTION: f"the probe as it is shows none: {cell.verdict}",
        Robustness.BROKEN: "less is reduced under it than without, and no reduction is shown under it",
        Robustness.NOT_INTERPRETABLE: "nothing can be read under "
        + "; ".join(f"{name}: {cell.why_not.get(name) or 'no number'}" for name in unread),
        Robustness.SURVIVES: "a reduction is shown under every perturbation",
        Robustness.INCONCLUSIVE: f"neither a reduction nor its loss is shown under {', '.join(undecided)}",
        Robustness.NOT_MEASURED: "too few clusters, or nothing was scored",
    }[found.verdict]


ROBUSTNESS: Final = Table(name="robustness", schema=SCHEMA, computed=_computed, of_perturbed=True)
