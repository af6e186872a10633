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
    also_ids : array of str, shape (n_items,), or None
        Second cluster of each item, where the probe declares a second factor.
    """

    cluster_ids: NDArray[np.object_]
    values: dict[tuple[str, str], NDArray[np.float64]]
    by_framing: dict[tuple[str, str], NDArray[np.float64]]
    also_ids: NDArray[np.object_] | None = None

    @property
    def n_asked(self) -> int:
        """Items asked for."""
        return len(self.cluster_ids)

    def scored(self, values: NDArray[np.float64]) -> Clustered:
        """Return the values that are there, with their clusters."""
        there = ~np.isnan(values)
        return clustered(values[there], self.cluster_ids[there], self._also(there))

    def paired(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[Clustered, Clustered]:
        """Return both arms over the items that both scored."""
        there = ~(np.isnan(first) | np.isnan(second))
        sample = clustered(first[there], self.cluster_ids[there], self._also(there))
        return sample, sample.with_values(second[there])

    def _also(self, there: NDArray[np.bool_]) -> NDArray[np.object_] | None:
        return None if self.also_ids is None else self.also_ids[there]


def cell_items(scores: pd.DataFrame, *, probe: str, feature: str, role: Role, column: str) -> CellItems:
    """Gather one cell from the score rows.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`.
    probe, feature : str
        Feature ``all`` takes every feature.
    role : Role
    column : str
        ``graded``, ``sign``, ``d_nats`` or ``d_per_token_nats``.
    """
    chosen = scores[(scores["probe"] == probe) & (scores["role"] == role.value)]
    if feature != ALL:
        chosen = chosen[chosen["feature"] == feature]
    (cluster_ids, also_ids), wide = _wide(chosen, column)
    values: dict[tuple[str, str], NDArray[np.float64]] = {}
    by_framing: dict[tuple[str, str], NDArray[np.float64]] = {}
    for (checkpoint, framing, framing_id), array in wide.items():
        by_framing[checkpoint, framing_id] = array
        earlier = values.get((checkpoint, framing))
        values[checkpoint, framing] = array if earlier is None else np.vstack([earlier, array])
    # A wording that failed leaves the item unscored in that arm: the mean must be over the same wordings.
    means = {arm: array.mean(axis=0) if array.ndim == 2 else array for arm, array in values.items()}
    return CellItems(cluster_ids=cluster_ids, values=means, by_framing=by_framing, also_ids=also_ids)


def _wide(
    chosen: pd.DataFrame, column: str
) -> tuple[tuple[NDArray[np.object_], NDArray[np.object_] | None], dict[tuple[str, str, str], NDArray[np.float64]]]:
    """Return the clusters of each item, and its values by checkpoint, framing and wording, both in sorted order.

    What pandas' pivot gives, in a third of the time: a large audit asks a thousand times.
    """
    if not len(chosen):
        return (np.empty(0, dtype=object), None), {}
    item, items = chosen["item_id"].factorize(sort=True)
    coded = [chosen[name].factorize(sort=True) for name in ("checkpoint", "framing", "framing_id")]
    sizes = [len(labels) for _, labels in coded]
    arms, arm = np.unique(np.ravel_multi_index([codes for codes, _ in coded], sizes), return_inverse=True)
    places = item * len(arms) + arm
    if len(np.unique(places)) < len(places):
        msg = "an item has two scores in one wording"
        raise ValueError(msg)
    found = np.full((len(items), len(arms)), np.nan)
    found[item, arm] = chosen[column].to_numpy(dtype=float)

    def labels_of(column: str) -> NDArray[np.object_]:
        labels = np.empty(len(items), dtype=object)
        labels[item] = chosen[column].to_numpy(dtype=object)
        return labels

    also = labels_of("also_cluster_id")
    clusters = (labels_of("cluster_id"), also if (also != "").all() else None)
    names = zip(
        *(labels[codes] for (_, labels), codes in zip(coded, np.unravel_index(arms, sizes), strict=True)), strict=True
    )
    return clusters, {
        (str(checkpoint), str(framing), str(framing_id)): found[:, number]
        for number, (checkpoint, framing, framing_id) in enumerate(names)
    }


def features_of(scores: pd.DataFrame, probe: str) -> list[str]:
    """Return the features of a probe, and ``all`` first where there is more than one."""
    chosen = scores[(scores["probe"] == probe) & (scores["role"] == Role.BIAS.value)]
    features = sorted(chosen["feature"].unique())
    return [ALL, *features] if len(features) > 1 else features
