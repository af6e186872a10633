"""Item values by arm: one array per checkpoint and framing, over the same items in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.stats import Clustered, clustered
from biasaudit.types import Role

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

ALL: Final = "all"
"""Name of the row that pools a probe's features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellItems:
    """The items of one probe, feature and role, with their values in every arm.

    Attributes
    ----------
    cluster_ids : array of str, shape (n_items,)
    values : dict
        (checkpoint, framing) -> array, shape (n_items,): the mean over the framing's wordings;
        NaN where one of them could not be scored.
    by_framing : dict
        (checkpoint, framing_id) -> array, shape (n_items,).
    """

    cluster_ids: NDArray[np.object_]
    values: dict[tuple[str, str], NDArray[np.float64]]
    by_framing: dict[tuple[str, str], NDArray[np.float64]]

    @property
    def n_asked(self) -> int:
        """Items asked for."""
        return len(self.cluster_ids)

    def scored(self, values: NDArray[np.float64]) -> Clustered:
        """Return the values that are there, with their clusters."""
        there = ~np.isnan(values)
        return clustered(values[there], self.cluster_ids[there])

    def paired(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[Clustered, Clustered]:
        """Return both arms over the items that both scored."""
        there = ~(np.isnan(first) | np.isnan(second))
        sample = clustered(first[there], self.cluster_ids[there])
        return sample, sample.with_values(second[there])


def cell_items(scores: pd.DataFrame, *, probe: str, feature: str, role: Role, column: str) -> CellItems:
    """Gather one cell from the score rows.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.audits.tables.SCORES`.
    probe, feature : str
        Feature ``all`` takes every feature.
    role : Role
    column : str
        ``graded``, ``sign``, ``d_nats`` or ``d_per_token_nats``.
    """
    chosen = scores[(scores["probe"] == probe) & (scores["role"] == role.value)]
    if feature != ALL:
        chosen = chosen[chosen["feature"] == feature]
    wide = chosen.pivot(index=["item_id", "cluster_id"], columns=["checkpoint", "framing", "framing_id"], values=column)
    values: dict[tuple[str, str], NDArray[np.float64]] = {}
    by_framing: dict[tuple[str, str], NDArray[np.float64]] = {}
    for column_id in wide.columns.to_flat_index():
        checkpoint, framing, framing_id = (str(part) for part in tuple(column_id))
        array = wide[checkpoint, framing, framing_id].to_numpy(dtype=float)
        by_framing[checkpoint, framing_id] = array
        earlier = values.get((checkpoint, framing))
        values[checkpoint, framing] = array if earlier is None else np.vstack([earlier, array])
    # A wording that failed leaves the item unscored in that arm: the mean must be over the same wordings.
    means = {arm: array.mean(axis=0) if array.ndim == 2 else array for arm, array in values.items()}
    return CellItems(
        cluster_ids=wide.index.get_level_values("cluster_id").to_numpy(dtype=object),
        values=means,
        by_framing=by_framing,
    )


def features_of(scores: pd.DataFrame, probe: str) -> list[str]:
    """Return the features of a probe, and ``all`` first where there is more than one."""
    chosen = scores[(scores["probe"] == probe) & (scores["role"] == Role.BIAS.value)]
    features = sorted(chosen["feature"].unique())
    return [ALL, *features] if len(features) > 1 else features
