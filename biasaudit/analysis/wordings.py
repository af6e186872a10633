"""The index by wording family: how much of it hangs on one way of putting the question."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from biasaudit.analysis.arms import ALL, cell_items, features_of
from biasaudit.analysis.table import Given, Table
from biasaudit.kinds import index_of
from biasaudit.record import tables
from biasaudit.stats import MIN_CLUSTERS, mean_estimate
from biasaudit.types import ClusterDesign, Estimate, Role, Status
from biasaudit.types.competence import competence_level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GIVEN: Final = "given this wording"
"""In the method of an estimate whose interval says nothing on other wordings."""

_CELL: Final = ["checkpoint", "framing", "probe", "feature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """What is averaged over the items of a family."""

    metric: str
    role: Role
    column: str
    unit: str


def families_frame(
    scores: pd.DataFrame, *, kinds: Mapping[str, str], designs: Mapping[str, ClusterDesign], level: float
) -> pd.DataFrame:
    """Estimate the index, and the competence, of every wording family.

    A family of 5 clusters or more is estimated as its probe is. One of fewer is a wording itself, such
    as a template: its interval is given this wording, over what is said in it. The unit is then the
    content, which is an item's id without the family, the cluster, the feature, and the last part, the
    group; or the item, where that leaves fewer than 5 contents.

    Parameters
    ----------
    scores : DataFrame
    kinds, designs : mapping
        Probe -> kind, probe -> design of its clusters. Only designed clusters can be wordings: others
        keep their clusters, and have no number if they are few.
    level : float

    Returns
    -------
    DataFrame
        See :data:`biasaudit.record.tables.FAMILIES`. Metric ``index`` is as published for the kind;
        ``competence`` is the share of sense over nonsense, over the probe's features, with its own level.
    """
    rows: list[dict[str, object]] = []
    for probe, kind in kinds.items():
        own = scores[scores["probe"] == probe]
        for feature in features_of(own, probe):
            index = _Measure(metric="index", role=Role.BIAS, column=index_of(kind).averages, unit="index")
            rows += _rows(own, index, probe=probe, feature=feature, design=designs[probe], level=level)
        competence = _Measure(metric="competence", role=Role.COMPETENCE, column="sign", unit="share")
        rows += _rows(own, competence, probe=probe, feature=ALL, design=designs[probe], level=level)
    frame = pd.DataFrame(rows, columns=list(tables.FAMILIES.columns))
    numbers, counts = ["value", "ci_low", "ci_high", "level"], ["n_items", "n_clusters", "n_asked"]
    frame[numbers] = frame[numbers].astype(float)
    frame[counts] = frame[counts].astype(int)
    texts = [name for name in frame.columns if name not in {*numbers, *counts}]
    frame[texts] = frame[texts].astype(str)
    return tables.checked(frame.sort_values([*_CELL, "metric", "family"], ignore_index=True), tables.FAMILIES)


def _rows(
    scores: pd.DataFrame, measure: _Measure, *, probe: str, feature: str, design: ClusterDesign, level: float
) -> Iterator[dict[str, object]]:
    chosen = scores[scores["role"] == measure.role.value]
    if feature != ALL:
        chosen = chosen[chosen["feature"] == feature]
    for family, own in chosen.groupby("family", sort=True):
        given = design is ClusterDesign.DESIGNED and own["cluster_id"].nunique() < MIN_CLUSTERS
        in_units = own.assign(cluster_id=_contents(own), also_cluster_id="") if given else own
        by_item = given and in_units["cluster_id"].nunique() < MIN_CLUSTERS
        cell = cell_items(
            own.assign(cluster_id=own["item_id"], also_cluster_id="") if by_item else in_units,
            probe=probe,
            feature=ALL,
            role=measure.role,
            column=measure.column,
        )
        for (checkpoint, framing), values in cell.values.items():
            shown = (values + 1) / 2 if measure.unit == "share" else values
            reach = competence_level(level) if measure.unit == "share" else level
            estimate = mean_estimate(cell.scored(shown), design, level=reach, unit=measure.unit)
            if given:
                unit = "items" if by_item else "contents"
                estimate = replace(estimate, method=f"{estimate.method}, {GIVEN}: its clusters are {unit}")
            yield {
                "checkpoint": checkpoint,
                "framing": framing,
                "probe": probe,
                "feature": feature,
                "metric": measure.metric,
                "family": family,
                **_columns(estimate),
                "n_asked": cell.n_asked,
            }


def is_given_wording(row: Mapping[str, Any]) -> bool:  # Any: cells of a pandas row
    """Whether the interval of a row of families says nothing on other wordings.

    Examples
    --------
    >>> is_given_wording({"method": "t interval, given this wording: its clusters are items"})
    True
    """
    return GIVEN in str(row["method"])


def _columns(estimate: Estimate) -> dict[str, object]:
    return {**asdict(estimate), "status": estimate.status.value}


def _contents(rows: pd.DataFrame) -> list[str]:
    asked = zip(rows["item_id"], rows["family"], rows["cluster_id"], rows["feature"], strict=True)
    return [
        _content(str(item_id), {*str(family).split("/"), *str(cluster).split("/"), str(feature)})
        for item_id, family, cluster, feature in asked
    ]


def _content(item_id: str, elsewhere: set[str]) -> str:
    """Return what an item says of every group alike, from its id.

    Examples
    --------
    >>> _content("plainly/stole/gender/woman", {"plainly", "gender"})
    'stole'
    >>> _content("works-as/nurse-pilot", {"works-as", "gender"})
    ''
    """
    return "/".join(part for part in item_id.split("/")[:-1] if part not in elsewhere)


def wordings_frame(families: pd.DataFrame) -> pd.DataFrame:
    """Sum up how far the index differs between the wording families of a cell.

    Parameters
    ----------
    families : DataFrame
        See :data:`biasaudit.record.tables.FAMILIES`.

    Returns
    -------
    DataFrame
        See :data:`biasaudit.record.tables.WORDINGS`: one row per checkpoint, framing, probe and
        feature. Fewer than two families with a number leave the spread ``not estimable``, none at all
        ``not measured``. The standard deviation is that of the values: it holds the noise of each.
    """
    index = families[families["metric"] == "index"]
    rows = [{**dict(zip(_CELL, cell, strict=True)), **_spread(own)} for cell, own in index.groupby(_CELL, sort=True)]
    frame = pd.DataFrame(rows, columns=list(tables.WORDINGS.columns))
    numbers, counts = ["wording_sd", "lowest", "highest"], ["n_families", "n_measured", "n_with", "n_against"]
    frame[numbers] = frame[numbers].astype(float)
    frame[counts] = frame[counts].astype(int)
    frame[[*_CELL, "status"]] = frame[[*_CELL, "status"]].astype(str)
    return tables.checked(frame, tables.WORDINGS)


def _spread(families: pd.DataFrame) -> dict[str, object]:
    measured = families[families["status"] == Status.OK.value]
    status = (Status.NOT_MEASURED, Status.NOT_ESTIMABLE)[len(measured)] if len(measured) < 2 else Status.OK
    known = status is Status.OK
    return {
        "status": status.value,
        "wording_sd": float(measured["value"].std(ddof=1)) if known else None,
        "lowest": float(measured["value"].min()) if known else None,
        "highest": float(measured["value"].max()) if known else None,
        "n_families": len(families),
        "n_measured": len(measured),
        "n_with": int((measured["ci_low"] > 0).sum()),
        "n_against": int((measured["ci_high"] < 0).sum()),
    }


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return families_frame(given.tables["scores"], kinds=analysis.kinds, designs=analysis.designs, level=analysis.level)


FAMILIES: Final = Table(name="families", schema=tables.FAMILIES, computed=_computed)
