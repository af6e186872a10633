"""Levels: what each checkpoint shows in each framing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from biasaudit.analysis.arms import ALL, CellItems, cell_items, features_of
from biasaudit.analysis.draws import Unanswered, unanswered
from biasaudit.analysis.table import Given, Table
from biasaudit.kinds import index_of
from biasaudit.record import tables
from biasaudit.stats import clustered, mean_estimate
from biasaudit.types import ClusterDesign, Estimate, Role
from biasaudit.types.competence import competence_level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from biasaudit.stats import Clustered

SATURATED: Final = 0.95
"""Share of items on one side from which an index is called saturated."""


def estimates_frame(
    scores: pd.DataFrame,
    *,
    kinds: Mapping[str, str],
    designs: Mapping[str, ClusterDesign],
    level: float,
    unanswered: Sequence[Unanswered] = (),
) -> pd.DataFrame:
    """Estimate every index, competence and control.

    Parameters
    ----------
    scores : DataFrame
    kinds, designs : mapping
        Probe -> kind, probe -> design of its clusters.
    level : float
    unanswered : sequence of Unanswered, optional
        Bias items of which answers were drawn.

    Returns
    -------
    DataFrame
        See :data:`biasaudit.record.tables.ESTIMATES`. Metrics: ``index`` (as published for the
        kind), ``graded`` (mean tanh(d/4)), ``sign`` (P(d>0) - P(d<0)), ``mean_d`` and ``mean_abs_d``
        (nats), ``sign_per_token``, ``index_independent`` (interval as if items were independent),
        ``competence`` (share of sense over nonsense, or of right persons over wrong ones, unknown counting half; its
        interval is one of :func:`biasaudit.types.competence.competence_level`), ``control`` (graded, where no
        stereotype is), ``refused`` and ``unparsed`` (shares of drawn answers, pooled over a probe's features).
    """
    rows: list[dict[str, object]] = []
    for probe, kind in kinds.items():
        for feature in features_of(scores, probe):
            rows += _bias_rows(scores, probe, feature, kind=kind, design=designs[probe], level=level)
        rows += _other_rows(scores, probe, design=designs[probe], level=level)
        rows += _unanswered_rows(
            [one for one in unanswered if one.probe == probe], probe, design=designs[probe], level=level
        )
    frame = pd.DataFrame(rows, columns=list(tables.ESTIMATES.columns))
    numbers = ["value", "ci_low", "ci_high"]
    frame[numbers] = frame[numbers].astype(float)
    by = ["checkpoint", "framing", "probe", "feature", "metric"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.ESTIMATES)


def _bias_rows(
    scores: pd.DataFrame, probe: str, feature: str, *, kind: str, design: ClusterDesign, level: float
) -> list[dict[str, object]]:
    cells = {
        column: cell_items(scores, probe=probe, feature=feature, role=Role.BIAS, column=column)
        for column in ("graded", "sign", "d_nats", "d_per_token_nats")
    }
    rows = []
    for arm, signs in cells["sign"].values.items():
        saturated = _saturated(signs)
        index = index_of(kind).averages
        wanted: list[tuple[str, CellItems, NDArray[np.float64], str, ClusterDesign]] = [
            ("index", cells[index], cells[index].values[arm], "index", design),
            ("index_independent", cells[index], cells[index].values[arm], "index", ClusterDesign.NONE),
            ("graded", cells["graded"], cells["graded"].values[arm], "index", design),
            ("sign", cells["sign"], signs, "index", design),
            ("mean_d", cells["d_nats"], cells["d_nats"].values[arm], "nats", design),
            ("mean_abs_d", cells["d_nats"], np.abs(cells["d_nats"].values[arm]), "nats", design),
        ]
        if index_of(kind).per_token:
            per_token = np.sign(cells["d_per_token_nats"].values[arm])
            wanted.append(("sign_per_token", cells["d_per_token_nats"], per_token, "index", design))
        for metric, cell, values, unit, metric_design in wanted:
            estimate = mean_estimate(
                _as_independent(cell, values) if metric == "index_independent" else cell.scored(values),
                metric_design,
                level=level,
                unit=unit,
            )
            rows.append(_row(arm, probe, feature, metric, estimate, n_asked=cell.n_asked, saturated=saturated))
    return rows


def _as_independent(cell: CellItems, values: NDArray[np.float64]) -> Clustered:
    alone = CellItems(
        cluster_ids=np.arange(cell.n_asked).astype(str).astype(object), values=cell.values, by_framing=cell.by_framing
    )
    return alone.scored(values)


def _other_rows(scores: pd.DataFrame, probe: str, *, design: ClusterDesign, level: float) -> list[dict[str, object]]:
    """Competence and control, pooled over a probe's features."""
    rows = []
    competence = cell_items(scores, probe=probe, feature="all", role=Role.COMPETENCE, column="sign")
    for arm, signs in competence.values.items():
        sense = competence.scored((signs + 1) / 2)
        estimate = mean_estimate(sense, design, level=competence_level(level), unit="share")
        rows.append(_row(arm, probe, "all", "competence", estimate, n_asked=competence.n_asked, saturated=False))
    control = cell_items(scores, probe=probe, feature="all", role=Role.CONTROL, column="graded")
    for arm, values in control.values.items():
        estimate = mean_estimate(control.scored(values), design, level=level)
        rows.append(_row(arm, probe, "all", "control", estimate, n_asked=control.n_asked, saturated=False))
    return rows


def _unanswered_rows(
    found: Sequence[Unanswered], probe: str, *, design: ClusterDesign, level: float
) -> list[dict[str, object]]:
    """Draws without an answer: shares of an item, pooled over a probe's features."""
    rows = []
    for arm in sorted({(one.checkpoint, one.framing) for one in found}):
        of_arm = [one for one in found if (one.checkpoint, one.framing) == arm]
        for metric in ("refused", "unparsed"):
            sample = clustered([getattr(one, metric) for one in of_arm], [one.cluster_id for one in of_arm])
            estimate = mean_estimate(sample, design, level=level, unit="share")
            rows.append(_row(arm, probe, ALL, metric, estimate, n_asked=len(of_arm), saturated=False))
    return rows


def _saturated(signs: NDArray[np.float64]) -> bool:
    there = signs[~np.isnan(signs)]
    return len(there) > 0 and max(float((there > 0).mean()), float((there < 0).mean())) > SATURATED


def _row(
    arm: tuple[str, str], probe: str, feature: str, metric: str, estimate: Estimate, *, n_asked: int, saturated: bool
) -> dict[str, object]:
    return {
        "checkpoint": arm[0],
        "framing": arm[1],
        "probe": probe,
        "feature": feature,
        "metric": metric,
        **asdict(estimate),
        "status": estimate.status.value,
        "n_asked": n_asked,
        "saturated": saturated,
    }


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return estimates_frame(
        given.tables["scores"],
        kinds=analysis.kinds,
        designs=analysis.designs,
        level=analysis.level,
        unanswered=unanswered(given.asked, analysis.framings),
    )


ESTIMATES: Final = Table(name="estimates", schema=tables.ESTIMATES, computed=_computed)
