"""Disparities of a decision probe and of associations, with numbers set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from biasaudit.record import tables
from tests.report.factory import JOBS, estimate_columns, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

HIRING = "hiring"

QUIET: Final[Mapping[str, Any]] = {
    "contrasts": ("template, tuned",),
    "with_disparities": False,
    "with_families": False,
    "with_estimates": False,
}
"""Of :func:`tests.report.factory.audit`: one without the tables that a claim is not about."""

DECISIONS = (
    # statistic, group, reference, base, tuned; half-width of the interval 0.05
    ("by_group", "man", "", 0.7, 0.7),
    ("by_group", "woman", "", 0.5, 0.68),
    ("by_group", "other", "", 0.72, None),
    ("difference", "woman - man", "man", -0.2, -0.02),
    ("difference", "other - man", "man", 0.02, None),
    ("selection_rate", "man", "", 0.8, 0.8),
    ("selection_rate", "woman", "", 0.4, 0.8),
    ("selection_rate", "other", "", 0.8, None),
    ("selection_rate_ratio", "woman / man", "man", 0.5, 1.0),
    ("selection_rate_ratio", "other / man", "man", None, None),
    ("impact_ratio", "man", "man", 0.95, 0.95),
    ("impact_ratio", "woman", "man", 0.5, 0.95),
    ("impact_ratio", "other", "man", None, None),
)
ERRORS = (
    ("false_positive_rate", "man", "", 0.1, 0.1),
    ("false_positive_rate", "woman", "", 0.3, 0.12),
    ("false_positive_rate", "other", "", 0.1, 0.1),
    ("false_positive_rate_difference", "woman - man", "man", 0.2, 0.02),
    ("false_positive_rate_difference", "other - man", "man", 0.0, 0.0),
    ("true_positive_rate", "man", "", 0.9, 0.9),
    ("true_positive_rate", "woman", "", 0.9, 0.9),
    ("true_positive_rate", "other", "", 0.9, 0.9),
    ("true_positive_rate_difference", "woman - man", "man", 0.0, 0.0),
    ("true_positive_rate_difference", "other - man", "man", 0.0, 0.0),
)


def rows(
    table: Sequence[tuple[str, str, str, float | None, float | None]],
    *,
    probe: str = HIRING,
    feature: str = "gender",
    framings: Sequence[str] = ("plain", "chat"),
    p_bh: float | None = None,
    n_items: int = 40,
) -> list[dict[str, Any]]:
    """Return rows for base and tuned."""
    return [
        {
            "checkpoint": checkpoint,
            "framing": framing,
            "probe": probe,
            "feature": feature,
            "statistic": statistic,
            "group": group,
            "reference": reference,
            **estimate_columns(value, 0.05, unit="share"),
            "n_items": n_items,
            "p_value": p_bh if statistic == "difference" and value is not None else None,
            "p_bh": p_bh if statistic == "difference" and value is not None else None,
        }
        for framing in framings
        for statistic, group, reference, *values in table
        for checkpoint, value in zip(("base", "tuned"), values, strict=True)
    ]


def association(group: str, reference: str, base: float | None, tuned: float | None, **settings: Any) -> Any:
    """Return the difference of two groups in the probe of occupations."""
    return rows([("difference", f"{group} - {reference}", reference, base, tuned)], probe=JOBS, **settings)


def disparities(*parts: list[dict[str, Any]]) -> pd.DataFrame:
    """Return parts as the table of the contract."""
    return frame([row for part in parts for row in part], tables.DISPARITIES)
