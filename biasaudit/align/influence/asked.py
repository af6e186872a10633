"""An index as a weighted sum of tables, cut into parts of whole clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from biasaudit.analysis.arms import ALL
from biasaudit.audits.asked import requests_of
from biasaudit.errors import TrainingDataError
from biasaudit.kinds.association import PARTS
from biasaudit.models.text.encoding import Encoded, encode_all
from biasaudit.types import AssociationTexts, ClusterDesign, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from biasaudit.framing import ChatFrame, Framing
    from biasaudit.models import LoadedModel
    from biasaudit.probes import Probe
    from biasaudit.types import ProbeItem, Request

MOST_PARTS: Final = 8
"""Parts into which the clusters of a feature go: each is a gradient that is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The four cells of an item in one wording, in the order of the kind's parts.

    Attributes
    ----------
    item : int
        Place among the items that are asked.
    cells : tuple of Encoded
    """

    item: int
    cells: tuple[Encoded, Encoded, Encoded, Encoded]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureParts:
    """The index of one feature as a sum over parts of its items.

    Attributes
    ----------
    feature : str
    weights : array of float, shape (n_items,)
        Of every item that is asked, in the feature's mean; they sum to 1.
    part : array of int, shape (n_items,)
        Part of every item; -1 where it is of another feature.
    n_clusters : int
    """

    feature: str
    weights: NDArray[np.float64]
    part: NDArray[np.intp]
    n_clusters: int

    @property
    def n_items(self) -> int:
        """Items of the feature."""
        return int((self.part >= 0).sum())

    @property
    def n_parts(self) -> int:
        """Parts of the items."""
        return int(self.part.max()) + 1

    @property
    def shares(self) -> NDArray[np.float64]:
        """Weight of each part, shape (n_parts,)."""
        inside = self.part >= 0
        return np.bincount(self.part[inside], self.weights[inside], minlength=self.n_parts).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedIndex:
    """What is asked of every checkpoint.

    Attributes
    ----------
    cells : tuple of Cells
    n_wordings : int
    features : tuple of FeatureParts
    n_left_out : int
        Items of which some wording has no tokens of its own.
    """

    cells: tuple[Cells, ...]
    n_wordings: int
    features: tuple[FeatureParts, ...]
    n_left_out: int


def asked_index(
    loaded: LoadedModel, probe: Probe, framings: Sequence[Framing], chat: ChatFrame | None, *, seed: int
) -> AskedIndex:
    """Return the bias items of a probe as tokens, with what each weighs in the index of each feature.

    Parameters
    ----------
    loaded : LoadedModel
    probe : Probe
        Of associations.
    framings : sequence of Framing
        The wordings of one framing, over which an item's values are averaged.
    chat : ChatFrame or None
    seed : int
        By which clusters are dealt to parts.

    Raises
    ------
    TrainingDataError
        If the items are no associations, or none can be read.
    """
    bias = [item for item in probe.items if item.role is Role.BIAS]
    if any(not isinstance(item.texts, AssociationTexts) for item in bias):
        raise TrainingDataError(
            f"the index of probe {probe.card.id!r} is no mean of associations: no gradient is taken of it.",
            fix="Ask with a probe of associations, such as occupations.",
        )
    requests = [one for one in requests_of(probe, framings, chat) if one.item_id in {item.item_id for item in bias}]
    by_item = _encoded(loaded, requests)
    kept = [item for item in bias if len(by_item.get(item.item_id, ())) == len(framings)]
    if not kept:
        raise TrainingDataError(f"no item of probe {probe.card.id!r} can be read by this model.")
    features = sorted({item.feature for item in kept})
    names = [ALL, *features] if len(features) > 1 else features
    rng = np.random.default_rng([seed, 15, 4])
    return AskedIndex(
        cells=tuple(
            Cells(item=number, cells=cells) for number, item in enumerate(kept) for cells in by_item[item.item_id]
        ),
        n_wordings=len(framings),
        features=tuple(_parts(kept, name, probe.card.clusters, rng) for name in names),
        n_left_out=len(bias) - len(kept),
    )


def _encoded(
    loaded: LoadedModel, requests: Sequence[Request]
) -> Mapping[str, list[tuple[Encoded, Encoded, Encoded, Encoded]]]:
    """Return the cells of each item, wording by wording; without those of which one cannot be read."""
    distinct = list({request.key: request for request in requests}.values())
    encoded = encode_all(loaded.tokenizer, distinct, beginning=loaded.beginning)
    wordings: dict[tuple[str, str], dict[str, Encoded]] = defaultdict(dict)
    for request in requests:
        found = encoded[request.key]
        if isinstance(found, Encoded):
            wordings[request.item_id, request.framing_id][request.part] = found
    cells: dict[str, list[tuple[Encoded, Encoded, Encoded, Encoded]]] = defaultdict(list)
    for (item_id, _), parts in wordings.items():
        if set(PARTS) <= parts.keys():
            first, second, third, fourth = (parts[one] for one in PARTS)
            cells[item_id].append((first, second, third, fourth))
    return cells


def _parts(items: Sequence[ProbeItem], feature: str, design: ClusterDesign, rng: np.random.Generator) -> FeatureParts:
    mine = np.array([feature in (ALL, item.feature) for item in items])
    clusters = np.array([item.cluster_id for item in items])
    names, index = np.unique(clusters[mine], return_inverse=True)
    sizes = np.bincount(index)
    weights, part = np.zeros(len(items)), np.full(len(items), -1, dtype=np.intp)
    weights[mine] = 1 / (len(names) * sizes[index]) if design is ClusterDesign.DESIGNED else 1 / len(index)
    part[mine] = (rng.permutation(len(names)) % min(MOST_PARTS, len(names)))[index]
    return FeatureParts(feature=feature, weights=weights, part=part, n_clusters=len(names))
