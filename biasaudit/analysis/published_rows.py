"""The published scores of an audit: one row per arm, wording, subset and score."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from biasaudit.analysis.scoring import parts_by_item
from biasaudit.published import SCORERS, Answered, PublishedScore, Settings
from biasaudit.record import tables
from biasaudit.types import Response, Role

if TYPE_CHECKING:
    from biasaudit.framing import Framing

_ARM = ("checkpoint", "framing_id", "probe")


def published_frame(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    framings: Sequence[Framing],
    *,
    formats: Mapping[str, str],
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Compute the published scores of every probe that has them.

    Parameters
    ----------
    responses, items : DataFrame
    framings : sequence of Framing
    formats : mapping
        Probe -> format of its data, as its card names it.
    level : float
    seed : int

    Returns
    -------
    DataFrame
        See :data:`biasaudit.record.tables.PUBLISHED`.
    """
    framing_of = {framing.framing_id: framing.framing for framing in framings}
    rows: list[dict[str, object]] = []
    for (checkpoint, framing_id, probe), answered in _answered(responses, items, formats):
        # Seeded by arm, so that a score does not depend on which probes stand beside it.
        settings = Settings(rng=np.random.default_rng(seed), level=level)
        arm = {"checkpoint": checkpoint, "framing": framing_of[framing_id], "framing_id": framing_id, "probe": probe}
        rows += [{**arm, **score_row(found)} for found in SCORERS[formats[probe]](answered, settings)]
    frame = pd.DataFrame(rows, columns=list(tables.PUBLISHED.columns))
    numbers = ["value", "ci_low", "ci_high", "level", "parity", "point"]
    frame[numbers] = frame[numbers].astype(float)
    frame[["n_items", "n_clusters", "n_asked"]] = frame[["n_items", "n_clusters", "n_asked"]].astype(int)
    texts = [name for name in frame.columns if name not in {*numbers, "n_items", "n_clusters", "n_asked"}]
    frame[texts] = frame[texts].astype(str)
    by = [*_ARM, "subset", "score"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.PUBLISHED)


def score_row(found: PublishedScore) -> dict[str, Any]:
    """Return a published score as columns."""
    return {
        "subset": found.subset,
        "score": found.name,
        **asdict(found.estimate),
        "status": found.estimate.status.value,
        "parity": found.parity,
        "n_asked": found.n_asked,
        "point": found.point,
    }


def _answered(
    responses: pd.DataFrame, items: pd.DataFrame, formats: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str, str], list[Answered]]]:
    """Yield (checkpoint, framing_id, probe) and its items, in their order."""
    wanted = [name for name, data_format in formats.items() if data_format in SCORERS]
    facts = items[items["probe"].isin(wanted)]
    columns = ["probe", "item_id", "cluster_id", "feature", "family", "role", "tags"]
    rows = list(facts[columns].itertuples(index=False, name=None))
    tags = [json.loads(row[-1]) for row in rows]
    found: dict[tuple[str, ...], dict[str, Response]] = parts_by_item(
        responses[responses["probe"].isin(wanted)], [*_ARM, "item_id"]
    )
    for arm in sorted({key[:3] for key in found}):
        checkpoint, framing_id, probe = arm
        yield (
            (checkpoint, framing_id, probe),
            [
                Answered(
                    item_id=item_id,
                    cluster_id=cluster_id,
                    feature=feature,
                    family=family,
                    role=Role(role),
                    tags=of_item,
                    responses=found.get((*arm, item_id), {}),
                )
                for (of_probe, item_id, cluster_id, feature, family, role, _), of_item in zip(rows, tags, strict=True)
                if of_probe == probe
            ],
        )
