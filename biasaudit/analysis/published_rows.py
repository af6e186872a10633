"""The published scores of an audit: one row per arm, wording, subset and score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from biasaudit.analysis.table import Given, Table
from biasaudit.benchmarks import SCORERS, BenchmarkScore, Settings
from biasaudit.record import tables

if TYPE_CHECKING:
    from biasaudit.analysis.asked_items import AskedItem
    from biasaudit.framing import Framing

_ARM = ("checkpoint", "framing_id", "probe")


def published_frame(
    asked: Iterable[AskedItem],
    framings: Sequence[Framing],
    *,
    formats: Mapping[str, str],
    level: float,
    seed: int,
) -> pd.DataFrame:
    """Compute the published scores of every probe that has them.

    Parameters
    ----------
    asked : iterable of AskedItem
        As :func:`biasaudit.analysis.asked_items.asked_items` returns them.
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
    wanted = (one for one in asked if formats.get(one.probe) in SCORERS)
    for (checkpoint, framing_id, probe), of_arm in groupby(wanted, key=_arm_of):
        # Seeded by arm, so that a score does not depend on which probes stand beside it.
        settings = Settings(rng=np.random.default_rng(seed), level=level)
        arm = {"checkpoint": checkpoint, "framing": framing_of[framing_id], "framing_id": framing_id, "probe": probe}
        rows += [{**arm, **score_row(found)} for found in SCORERS[formats[probe]](tuple(of_arm), settings)]
    frame = pd.DataFrame(rows, columns=list(tables.PUBLISHED.columns))
    numbers = ["value", "ci_low", "ci_high", "level", "parity", "point"]
    frame[numbers] = frame[numbers].astype(float)
    frame[["n_items", "n_clusters", "n_asked"]] = frame[["n_items", "n_clusters", "n_asked"]].astype(int)
    texts = [name for name in frame.columns if name not in {*numbers, "n_items", "n_clusters", "n_asked"}]
    frame[texts] = frame[texts].astype(str)
    by = [*_ARM, "subset", "score"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.PUBLISHED)


def score_row(found: BenchmarkScore) -> dict[str, Any]:
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


def _arm_of(one: AskedItem) -> tuple[str, str, str]:
    return one.checkpoint, one.framing_id, one.probe


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return published_frame(
        given.asked, analysis.framings, formats=analysis.formats, level=analysis.level, seed=analysis.seed
    )


PUBLISHED: Final = Table(name="published", schema=tables.PUBLISHED, computed=_computed)
