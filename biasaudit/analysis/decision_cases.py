"""How every case is decided, by group: the evidence of selection rates and of error rates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pandas as pd

from biasaudit.kinds.decision import FAVOURED, OTHER, decided
from biasaudit.stats import GroupOutcomes, group_outcomes
from biasaudit.types import Response, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from biasaudit.analysis.asked_items import AskedItem
    from biasaudit.framing import Framing

CASE_COLUMNS: Final = (
    "checkpoint",
    "framing",
    "probe",
    "feature",
    "framing_id",
    "cluster_id",
    "family",
    "group",
    "reference",
    "truth",
    "probability",
)

_DENIED_RIGHTLY: Final = {"yes": 0, "no": 1}
"""Truth of a case -> whether it is rightly denied, which is fairlearn's positive class."""

_DENIED_FROM: Final = math.nextafter(0.5, 1)
"""A tie is granted, as it is in the sign of a decision."""


def decision_cases(asked: Iterable[AskedItem], framings: Sequence[Framing]) -> pd.DataFrame:
    """Return how the cases of decisions are decided whose items name two groups.

    One row per checkpoint, request, case and group; a case that several items share, as that of the reference
    group, is one. Columns: checkpoint, framing, probe, feature, framing_id, cluster_id, family, group, reference,
    truth (``yes``: rightly granted, ``no``: rightly denied, or empty), probability (of yes; NaN where it was not
    scored).

    Parameters
    ----------
    asked : iterable of AskedItem
    framings : sequence of Framing
    """
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    rows = []
    for one in asked:
        # Items of one's own may name no groups.
        if one.kind is None or one.kind.disparity != "decisions" or one.role is not Role.BIAS or len(one.groups) != 2:
            continue
        for case, group in zip((FAVOURED, OTHER), one.groups, strict=True):
            rows.append(
                {
                    "checkpoint": one.checkpoint,
                    "framing": framing_of[one.framing_id],
                    "framing_id": one.framing_id,
                    **{name: getattr(one, name) for name in ("probe", "feature", "cluster_id", "family")},
                    "truth": str(one.tags.get("truth", "")),
                    "group": group,
                    "reference": one.groups[0],
                    **_decision(one.responses, case),
                }
            )
    frame = pd.DataFrame(rows, columns=[*CASE_COLUMNS, "keys"])
    alike = [name for name in frame.columns if name not in {"reference", "truth", "probability"}]
    # Of a case that several items share, the one whose truth is known.
    with_truth_first = frame.loc[frame["truth"].eq("").sort_values(kind="stable").index]
    return with_truth_first.drop_duplicates(alike).sort_index()[list(CASE_COLUMNS)].reset_index(drop=True)


def with_truth(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`decision_cases` of which it is known whether they are rightly granted."""
    return cases[cases["truth"].isin(_DENIED_RIGHTLY)]


def granted_by_group(cases: pd.DataFrame) -> GroupOutcomes:
    """Return rows of :func:`decision_cases` as outcomes by group; selected is what is granted."""
    scored = _scored(cases)
    return group_outcomes(
        scored["probability"].to_numpy(dtype=float),
        sensitive_features={"group": scored["group"].to_numpy(dtype=str)},
        clusters=scored["cluster_id"].to_numpy(dtype=str),
        declared={"group": sorted(set(cases["group"]))},
    )


def denied_by_group(cases: pd.DataFrame) -> GroupOutcomes:
    """Return rows of :func:`with_truth` as outcomes by group; positive is a denial."""
    scored = _scored(cases)
    return group_outcomes(
        1 - scored["probability"].to_numpy(dtype=float),
        sensitive_features={"group": scored["group"].to_numpy(dtype=str)},
        clusters=scored["cluster_id"].to_numpy(dtype=str),
        y_true=[_DENIED_RIGHTLY[str(truth)] for truth in scored["truth"]],
        declared={"group": sorted(set(cases["group"]))},
        selected_from=_DENIED_FROM,
    )


def _scored(cases: pd.DataFrame) -> pd.DataFrame:
    return cases[cases["probability"].notna()]


def _decision(parts: Mapping[str, Response], case: str) -> dict[str, object]:
    found = decided(parts, parts, case)
    keys = sorted(response.key for part, response in parts.items() if part.startswith(case))
    return {"probability": math.nan if found is None else found.share_yes, "keys": " ".join(keys)}
