"""The headline of each contrast: one number over the declared cells, and the count of verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.audits.arms import cell_items
from biasaudit.audits.contrasts import side_values
from biasaudit.audits.result import Headline
from biasaudit.stats import Cell, relative_reduction_over_cells
from biasaudit.types import Contrast, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

CONTRASTS: Final = (Contrast.WEIGHTS_PLAIN, Contrast.AS_DEPLOYED, Contrast.WEIGHTS_CHAT)
"""In the order in which they are quoted."""


def headlines(
    scores: pd.DataFrame, comparisons: pd.DataFrame, *, tuned: Sequence[str], seed: int, level: float
) -> tuple[Headline, ...]:
    """Return one headline per tuned checkpoint and contrast that was measured."""
    found = []
    for checkpoint in tuned:
        for contrast in CONTRASTS:
            rows = comparisons[
                (comparisons["tuned"] == checkpoint)
                & (comparisons["contrast"] == contrast.value)
                & (comparisons["metric"] == "graded")
                & comparisons["declared"]
            ]
            if len(rows):
                found.append(_headline(scores, rows, checkpoint, contrast, seed=seed, level=level))
    return tuple(found)


def _headline(
    scores: pd.DataFrame, rows: pd.DataFrame, tuned: str, contrast: Contrast, *, seed: int, level: float
) -> Headline:
    cells = []
    for row in rows.itertuples():
        items = cell_items(scores, probe=str(row.probe), feature=str(row.feature), role=Role.BIAS, column="graded")
        sides = side_values(items, contrast, tuned)
        if sides is None:
            continue
        first, second = items.paired(sides.first, sides.second)
        cells.append(Cell(first=first.means, second=second.means, n_items=first.n_items))
    return Headline(
        tuned=tuned,
        contrast=contrast.value,
        relative_reduction=relative_reduction_over_cells(cells, rng=np.random.default_rng(seed), level=level),
        n_cells=len(rows),
        counts={str(verdict): int(count) for verdict, count in rows["verdict"].value_counts().sort_index().items()},
        n_inherited=int(rows["inherited_bias"].sum()),
    )
