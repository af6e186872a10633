"""Pictures over the layers, to look at and not to conclude from: a lens, and a linear probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandera.pandas as pa

from biasaudit.analysis.perturbed.rows import framed, three
from biasaudit.errors import PartsError
from biasaudit.explanations.associations import (
    NO_ASSOCIATIONS,
    association_items,
    empty,
    exchanged_words,
    n_associations,
    second_of,
    tables,
    texts_of,
)
from biasaudit.explanations.linear_probe import held_out_accuracy
from biasaudit.explanations.words import counted
from biasaudit.record.columns import count, number, text, with_bounds
from biasaudit.stats import clustered, mean_estimate
from biasaudit.types import Estimate, Status
from biasaudit.types.progress import Progress, Silence

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from biasaudit.explanations.asked import Asked
    from biasaudit.framing import ChatFrame
    from biasaudit.types import ProbeItem, Request
    from biasaudit.types.insides import LayerStates

MOST_APART: Final = 1e-4
"""By so many nats what a head makes of the last layer may differ from what its model says."""
N_ITEMS: Final = 240


LAYERS: Final = pa.DataFrameSchema(
    {
        "feature": text("sensitive feature"),
        "checkpoint": text("`base` or the name of the tuned checkpoint"),
        "number": count("place of the layer, from 0, the embeddings", ""),
        "layer": text("`embeddings`, `block 0`, ...: after it ran"),
        **with_bounds(
            "lens_d",
            "d of the first token in which the continuations differ, by the base's final norm and head",
            "nats",
        ),
        **with_bounds("own_d", "d of that token by the checkpoint's own final norm and head", "nats"),
        **with_bounds(
            "decodable",
            "share of contexts whose side a linear probe tells, of words and wordings that it has "
            "not seen; one half is chance",
            "share",
        ),
        "control": number("the same of random labels of the words, averaged over labellings", "share", null=True),
        **with_bounds("selectivity", "`decodable` less `control`", "share"),
        "n_items": count("items of the lens", "items"),
        "n_contexts": count("different pairs of contexts that the probe was asked of", "pairs"),
    },
    strict=True,
    unique=["feature", "checkpoint", "number"],
)
"""One row per feature, checkpoint and layer."""


class ReadsLayers(Protocol):
    """A checkpoint whose layers can be read."""

    def layers(self, tables: Sequence[Sequence[Request]]) -> LayerStates:
        """Return states where continuations part; see :mod:`biasaudit.models.insides.states`."""
        ...

    def lens(self, states: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what its own final norm and head make of states."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLayers:
    """What the layers look like.

    Attributes
    ----------
    table : pandas.DataFrame
        See :data:`LAYERS`; no row where the status is another than ``ok``.
    facts : mapping
        JSON-ready: ``status``, ``n_items`` of ``n_there``, ``left_out`` by reason, and by checkpoint the status of its
        ``head`` and how far this is from what the model says, ``apart_nats``.
    """

    table: pd.DataFrame
    facts: Mapping[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One checkpoint: its states, and their log odds by both heads, shape (n_layers, 2, n_read); None without them."""

    states: LayerStates
    base: NDArray[np.float64] | None
    own: NDArray[np.float64] | None


def layers(
    asked: Asked,
    opened: Callable[[str], AbstractContextManager[ReadsLayers]],
    *,
    chat: ChatFrame | None = None,
    n_items: int = N_ITEMS,
    progress: Progress | None = None,
) -> FoundLayers:
    """Read the layers of base and tuned checkpoint where the continuations of each item part.

    Parameters
    ----------
    asked : Asked
        Of its framing, the first wording is read.
    opened : callable
        From ``base`` and the name of the tuned checkpoint to a context in which it is read, one at a time.
    chat : ChatFrame, optional
    n_items : int
        So many at most, balanced over wordings and words.
    progress : Progress, optional
    """
    told = progress or Silence()
    items = association_items(asked, n_items=n_items)
    if not items:
        return _nothing(NO_ASSOCIATIONS)
    cells = tables(asked, items, chat)
    told.begin("reading the layers of both checkpoints", 2)
    heads: dict[str, dict[str, Any]] = {}  # Any: JSON values
    try:
        with opened(asked.tuned) as door:
            of_tuned = door.layers(cells)
            tuned_own, heads[asked.tuned] = _own(door, of_tuned)
        told.advance(1, 0)
        with opened("base") as door:
            of_base = door.layers(cells)
            base_own, heads["base"] = _own(door, of_base)
            tuned_by_base = None if base_own is None else door.lens(of_tuned.states, of_tuned.targets)
        told.advance(1, 0)
    except PartsError as exc:
        return _nothing(f"not measured: {exc.message}")
    read = {
        "base": _Read(states=of_base, base=base_own, own=base_own),
        asked.tuned: _Read(states=of_tuned, base=tuned_by_base, own=tuned_own),
    }
    rows = [row for name, one in read.items() for row in _rows(asked, items, name, one)]
    facts = {
        "status": "ok",
        "n_items": len(items),
        "n_there": n_associations(asked),
        "left_out": {name: counted(one.states.left_out) for name, one in read.items()},
        "heads": heads,
    }
    return FoundLayers(table=framed(rows, LAYERS, by=("feature", "checkpoint", "number")), facts=facts)


def _nothing(status: str) -> FoundLayers:
    return FoundLayers(table=empty(LAYERS), facts={"status": status})


def _own(door: ReadsLayers, read: LayerStates) -> tuple[NDArray[np.float64] | None, dict[str, Any]]:  # Any: JSON values
    """Return what a model's head makes of its layers, if of the last one it is what the model says."""
    try:
        found = door.lens(read.states, read.targets)
    except PartsError as exc:
        return None, {"status": f"not measured: {exc.message}", "apart_nats": None}
    apart = float(np.abs(found[-1] - read.log_odds).max(initial=0.0))
    if not apart <= MOST_APART:
        why = f"of the last layer the head gives other log odds than the model, by up to {apart:.3g} nats"
        return None, {
            "status": f"not measured: {why}; the model changes its logits after the head",
            "apart_nats": apart,
        }
    return found, {"status": "ok", "apart_nats": apart}


def _rows(
    asked: Asked, items: Sequence[ProbeItem], name: str, read: _Read
) -> Iterator[dict[str, Any]]:  # Any: cells of a table
    there = [items[place] for place in read.states.read]
    for feature in sorted({item.feature for item in there}):
        chosen = [at for at, item in enumerate(there) if item.feature == feature]
        of_feature = [there[at] for at in chosen]
        apart = list({texts_of(item).contexts: at for at, item in reversed(list(enumerate(of_feature)))}.values())[::-1]
        for place, layer in enumerate(read.states.names):
            lens, own = (
                _d(asked, of_feature, None if odds is None else odds[place][:, chosen])
                for odds in (read.base, read.own)
            )
            states = read.states.states[place][:, [chosen[at] for at in apart]].astype(np.float64)
            yield {
                "feature": feature,
                "checkpoint": name,
                "number": place,
                "layer": layer,
                **three("lens_d", "lens_d_", lens),
                **three("own_d", "own_d_", own),
                **_probe(asked, [of_feature[at] for at in apart], states),
                "n_items": len(of_feature),
            }


def _d(asked: Asked, items: Sequence[ProbeItem], odds: NDArray[np.float64] | None) -> Estimate:
    if odds is None:
        return Estimate(status=Status.NOT_MEASURED, unit="nats")
    seconds = [second_of(asked, item) for item in items]
    sample = clustered(odds[0] - odds[1], [item.cluster_id for item in items], seconds if all(seconds) else None)
    return mean_estimate(sample, asked.probe.card.clusters, level=asked.analysis.level, unit="nats")


def _probe(
    asked: Asked, items: Sequence[ProbeItem], states: NDArray[np.float64]
) -> dict[str, Any]:  # Any: cells of a table
    """Return what a linear probe tells of one layer; the same folds and controls in every layer and checkpoint."""
    words = [" / ".join(exchanged_words(texts_of(item))) for item in items]
    wordings = [item.cluster_id for item in items]
    side, control = (np.full(len(items), np.nan) for _ in range(2))
    # What tells the side is another thing where contexts name groups than where they name what is said of them.
    for order in (False, True):
        of_order = [at for at, item in enumerate(items) if texts_of(item).group_in_context is order]
        if of_order:
            side[of_order], control[of_order] = held_out_accuracy(
                states[:, of_order],
                [words[at] for at in of_order],
                [wordings[at] for at in of_order],
                rng=np.random.default_rng([asked.analysis.seed, 16]),
            )
    told = ~np.isnan(side)
    also = [word for word, one in zip(words, told, strict=True) if one] if _crossed(asked) else None
    sample = clustered(side[told], [wording for wording, one in zip(wordings, told, strict=True) if one], also)
    design, level = asked.probe.card.clusters, asked.analysis.level
    decodable = mean_estimate(sample, design, level=level, unit="share")
    beyond = mean_estimate(sample.with_values((side - control)[told]), design, level=level, unit="share difference")
    chance = mean_estimate(sample.with_values(control[told]), design, level=level, unit="share")
    return {
        **three("decodable", "decodable_", decodable),
        "control": three("control", "control_", chance)["control"],
        **three("selectivity", "selectivity_", beyond),
        "n_contexts": int(told.sum()),
    }


def _crossed(asked: Asked) -> bool:
    return asked.probe.card.id in asked.analysis.also
