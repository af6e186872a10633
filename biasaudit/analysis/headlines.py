"""The headline of each contrast: one number over the interpretable cells, and the count of verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.analysis.arms import cell_items
from biasaudit.analysis.contrasts import side_values
from biasaudit.analysis.exposure import TunedCell, trained_on
from biasaudit.record.audit_record import Headline
from biasaudit.stats import LEAST_COVERAGE, Cell, relative_reduction_over_cells
from biasaudit.types import Contrast, Estimate, Role, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from biasaudit.types import ClusterDesign

CONTRASTS: Final = (Contrast.AS_DEPLOYED, Contrast.WEIGHTS_PLAIN, Contrast.WEIGHTS_CHAT)
"""In the order in which they are quoted."""

COLLAPSED: Final = 0.5
"""Share of the items of an arm that must have been scored for its audit to have a headline at all."""

NONE_LEFT: Final = "no cell can be counted"
FEW_SCORED: Final = f"under {100 * COLLAPSED:.0f} % of the items of an arm were scored"

NOT_MEASURED: Final = "not measured"
NOT_INTERPRETABLE: Final = "not interpretable"
SATURATED: Final = "scale saturated"
MISSING: Final = "over 2 % of the items missing"
TRAINED: Final = "trained on"


def headlines(
    scores: pd.DataFrame,
    comparisons: pd.DataFrame,
    *,
    tuned: Sequence[str],
    designs: Mapping[str, ClusterDesign],
    primary: Contrast,
    seed: int,
    level: float,
    exposure: pd.DataFrame | None = None,
) -> tuple[Headline, ...]:
    """Return one headline per tuned checkpoint and contrast that was measured; the last checkpoint first.

    Parameters
    ----------
    scores, comparisons : DataFrame
    tuned : sequence of str
        Tuned checkpoints, in the order in which they were made.
    designs : mapping
        Probe -> design of its clusters.
    primary : Contrast
        The one whose verdicts are claims.
    seed : int
    level : float
    exposure : DataFrame or None
        Which cells were trained on, and do not count; None of an audit from before that was asked.
    """
    found, trained = [], trained_on(exposure)
    for checkpoint in reversed(tuned):
        for contrast in CONTRASTS:
            rows = comparisons[
                (comparisons["tuned"] == checkpoint)
                & (comparisons["contrast"] == contrast.value)
                & (comparisons["metric"] == "graded")
                & comparisons["declared"]
            ]
            if len(rows):
                why = {
                    _cell(row): reason
                    for row in rows.to_dict("records")
                    if (reason := why_left_out(row, trained=trained)) is not None
                }
                share = _share(scores, rows, checkpoint, contrast, why=why, designs=designs, seed=seed, level=level)
                found.append(_headline(rows, share, checkpoint, contrast, why=why, primary=primary))
    return tuple(found)


def _cell(row: Mapping[Any, Any]) -> TunedCell:  # Any: pandas cells
    return str(row["tuned"]), str(row["probe"]), str(row["feature"])


def _headline(
    rows: pd.DataFrame,
    share: Estimate,
    tuned: str,
    contrast: Contrast,
    *,
    why: Mapping[TunedCell, str],
    primary: Contrast,
) -> Headline:
    reasons = list(why.values())
    return Headline(
        tuned=tuned,
        contrast=contrast.value,
        relative_reduction=share,
        n_cells=len(rows),
        counts={str(verdict): int(count) for verdict, count in rows["verdict"].value_counts().sort_index().items()},
        n_inherited=int(rows["inherited_bias"].sum()),
        left_out={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        exploratory=contrast is not primary,
    )


def why_left_out(
    row: Mapping[Any, Any],  # Any: pandas cells
    *,
    trained: frozenset[TunedCell] = frozenset(),
) -> str | None:
    """Say why a cell of the comparisons does not count in the headline; None where it does.

    A cell that says nothing of bias would only dilute the share, or make one up: a model of random weights has no
    lean left. One that was trained on would measure the training.

    Parameters
    ----------
    row : mapping
    trained : frozenset of (tuned, probe, feature)
        Cells that were trained on.
    """
    if _cell(row) in trained:
        return TRAINED
    if row["verdict"] in {Verdict.NOT_MEASURED.value, Verdict.NOT_INTERPRETABLE.value}:
        return NOT_MEASURED if row["verdict"] == Verdict.NOT_MEASURED.value else NOT_INTERPRETABLE
    if row["saturated"]:
        return SATURATED
    return MISSING if min(row["coverage_first"], row["coverage_second"]) < LEAST_COVERAGE else None


def _share(
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    tuned: str,
    contrast: Contrast,
    *,
    why: Mapping[TunedCell, str],
    designs: Mapping[str, ClusterDesign],
    seed: int,
    level: float,
) -> Estimate:
    cells: list[Cell] = []
    reasons: Counter[str] = Counter()
    n_scored, n_asked = np.zeros(2), 0
    for row in rows.to_dict("records"):
        probe = str(row["probe"])
        items = cell_items(scores, probe=probe, feature=str(row["feature"]), role=Role.BIAS, column="graded")
        sides = side_values(items, contrast, tuned)
        if sides is None:
            continue
        n_scored += [(~np.isnan(side)).sum() for side in (sides.first, sides.second)]
        n_asked += items.n_asked
        reason = why.get(_cell(row))
        if reason is not None:
            reasons[reason] += 1
        else:
            first, second = items.paired(sides.first, sides.second)
            cells.append(Cell(first=first, second=second, design=designs[probe]))
    nothing = Estimate(status=Status.NOT_ESTIMABLE, level=level, unit="relative")
    if n_asked and n_scored.min() < COLLAPSED * n_asked:
        return replace(nothing, method=FEW_SCORED)
    if not cells:
        said = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        return replace(nothing, method=f"{NONE_LEFT} ({said})")
    return relative_reduction_over_cells(cells, rng=np.random.default_rng(seed), level=level)
