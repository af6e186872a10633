"""What tuning broke beside the bias: licensed associations, the mass of their slot, and blunting, by contrast and cell.

Computed before the comparisons, whose verdicts are guarded by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import pandas as pd
import pandera.pandas as pa

from biasaudit.analysis.arms import ALL, CellItems, cell_items, features_of
from biasaudit.analysis.contrasts import checkpoints_before, side_values
from biasaudit.analysis.table import Given, Table
from biasaudit.kinds.association import ASSOCIATION
from biasaudit.kinds.pair import FIRST, SECOND
from biasaudit.record.columns import count, number, text
from biasaudit.record.tables import checked
from biasaudit.stats import blunting, licensed_drop
from biasaudit.stats.intervals import mean_estimate, point
from biasaudit.stats.verdict import COMPETENCE_CHANCE
from biasaudit.types import ClusterDesign, Contrast, Estimate, Role, Scored, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from biasaudit.analysis.asked_items import AskedItem
    from biasaudit.stats.clusters import Clustered

CONTROLS: Final = "negative controls"
"""What blunting is taken from, always."""

SCHEMA: Final = pa.DataFrameSchema(
    {
        "tuned": text("tuned checkpoint"),
        "contrast": text("which arms are compared (1.4)"),
        "probe": text("id of the probe"),
        "feature": text("sensitive feature; `all` pools a probe's features"),
        "licensed_status": text(
            "of the licensed associations (8.8): `ok`, or why there is no number; `not measured` where there are none"
        ),
        "licensed_first": number("mean probability of the right word of the two, first side", "share", null=True),
        "licensed_second": number("mean probability of the right word of the two, second side", "share", null=True),
        "licensed_drop": number("`licensed_first` less `licensed_second`, paired by item", "share", null=True),
        "licensed_drop_ci_low": number("lower bound of the drop's interval at the audit's level", "share", null=True),
        "licensed_drop_ci_high": number("upper bound of the drop's interval", "share", null=True),
        "licensed_items": count("licensed items scored on both sides", "items"),
        "licensed_clusters": count("clusters of the licensed items scored on both sides", "clusters"),
        "licensed_method": text("how the drop and its interval were computed, in words; or what was lacking"),
        "mass_first": number(
            "slot mass: probability that the two words of a licensed item have together, mean of the first side",
            "share",
            null=True,
        ),
        "mass_second": number("slot mass, mean of the second side", "share", null=True),
        "blunting_status": text("of blunting (8.9): `ok`, or why there is no number"),
        "blunting": number(
            "mean |d| of the second side over that of the first, on what was not trained: 1 is as before, below 1 less "
            "is told apart",
            "ratio",
            null=True,
        ),
        "blunting_ci_low": number("lower bound of Fieller's interval of blunting", "ratio", null=True),
        "blunting_ci_high": number("upper bound of Fieller's interval of blunting", "ratio", null=True),
        "blunting_items": count("items that blunting rests on", "items"),
        "blunting_clusters": count("clusters that blunting rests on", "clusters"),
        "blunting_of": text("what blunting was taken from: negative controls, and features that were not trained"),
        "blunting_method": text("how blunting and its interval were computed, in words; or what was lacking"),
    },
    strict=True,
    unique=["tuned", "contrast", "probe", "feature"],
)
"""One row per tuned checkpoint, contrast, probe and feature, of association probes and of others with licensed items.

Nothing is measured of an interaction, nor of a cell without licensed items.
"""

_RIGHT: Final = "right"
_MASS: Final = "mass"
_SIZE: Final = "size"
_TYPES: Final[Mapping[str, type]] = {"float64": float, "int64": int}
_NOT_MEASURED: Final = Estimate(status=Status.NOT_MEASURED)

Cell: TypeAlias = tuple[str, str, str, str]
"""Tuned checkpoint, contrast, probe, feature."""

Trained: TypeAlias = Mapping[str, frozenset[str] | None]
"""Tuned checkpoint -> features that its training card names; None where there is no card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTrained:
    """Items of which nobody wanted the differences changed, with |d| in nats; and what they are, in words."""

    items: CellItems
    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The damage of one cell in one contrast; a mean is None where the drop has no number."""

    licensed: tuple[float | None, float | None]
    drop: Estimate
    mass: tuple[float | None, float | None]
    blunting: Estimate


NOTHING: Final = Found(licensed=(None, None), drop=_NOT_MEASURED, mass=(None, None), blunting=_NOT_MEASURED)


def damage_frame(
    scores: pd.DataFrame,
    asked: Iterable[AskedItem],
    *,
    kinds: Mapping[str, str],
    designs: Mapping[str, ClusterDesign],
    tuned: Sequence[str],
    trained: Trained,
    level: float,
    siblings: bool = False,
) -> pd.DataFrame:
    """Measure the damage of every cell in every contrast that the framings allow.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`.
    asked : iterable of AskedItem
    kinds, designs : mapping
        Probe -> kind, probe -> design of its clusters.
    tuned : sequence of str
        Tuned checkpoints, in the order in which they were made.
    trained : mapping
        Tuned checkpoint -> features that its training card names, or None.
    level : float
    siblings : bool
        Whether each tuned checkpoint was made from the base and none from another.

    Returns
    -------
    DataFrame
        See :data:`SCHEMA`.
    """
    measured = _with_values(scores, asked)
    associations = [probe for probe, kind in kinds.items() if kind == ASSOCIATION.name]
    rows = []
    for probe, design in designs.items():
        if probe not in associations and not _has_licensed(measured, probe):
            continue
        for feature in features_of(scores, probe):
            cell = {
                _SIZE: cell_items(measured, probe=probe, feature=feature, role=Role.BIAS, column=_SIZE),
                _RIGHT: cell_items(measured, probe=probe, feature=feature, role=Role.LICENSED, column=_RIGHT),
                _MASS: cell_items(measured, probe=probe, feature=feature, role=Role.LICENSED, column=_MASS),
            }
            for checkpoint, before in checkpoints_before(tuned, siblings=siblings).items():
                others = not_trained(
                    measured,
                    probe=probe,
                    feature=feature,
                    associations=associations,
                    trained_features=trained[checkpoint],
                )
                names = {"tuned": checkpoint, "probe": probe, "feature": feature}
                rows += [
                    {**names, **row} for row in _rows(cell, others, (checkpoint, before), design=design, level=level)
                ]
    frame = pd.DataFrame(rows, columns=list(SCHEMA.columns))
    # Without a row no column has a type of its own.
    frame = frame.astype({name: _TYPES.get(str(column.dtype), str) for name, column in SCHEMA.columns.items()})
    return checked(frame.sort_values(["tuned", "contrast", "probe", "feature"], ignore_index=True), SCHEMA)


def not_trained(
    scores: pd.DataFrame,
    *,
    probe: str,
    feature: str,
    associations: Sequence[str],
    trained_features: frozenset[str] | None,
) -> NotTrained:
    """Return the items of which nobody wanted the differences changed.

    The negative controls of the probe, always. Where it is known what was trained, also the bias items of all other
    features of the audit's association probes; of the cell's own feature never, whose change is what is in question.

    Parameters
    ----------
    scores : DataFrame
        With |d| in nats in the column ``size``.
    probe, feature : str
        The cell.
    associations : sequence of str
        The association probes of the audit.
    trained_features : frozenset of str or None
        Features that were trained; None where there is no training card, so that nobody knows.
    """
    chosen = scores[(scores["probe"] == probe) & (scores["role"] == Role.CONTROL.value)]
    of = [CONTROLS] if len(chosen) else []
    if trained_features is not None:
        own = {feature} if feature != ALL else set(features_of(scores, probe))
        further = scores[
            scores["probe"].isin(associations)
            & (scores["role"] == Role.BIAS.value)
            & ~scores["feature"].isin(trained_features | own)
        ]
        of += sorted(further["feature"].unique())
        chosen = pd.concat([chosen, further])
    names = chosen["probe"].astype(str) + "\x1f"
    # Of one probe in name, since items and clusters are gathered by it.
    pooled = chosen.assign(
        probe=probe,
        role=Role.CONTROL.value,
        item_id=names + chosen["item_id"],
        cluster_id=names + chosen["cluster_id"],
    )
    return NotTrained(
        items=cell_items(pooled, probe=probe, feature=ALL, role=Role.CONTROL, column=_SIZE), of=", ".join(of)
    )


def _with_values(scores: pd.DataFrame, asked: Iterable[AskedItem]) -> pd.DataFrame:
    """Return the scores with what damage is measured on: per wording, since |d| and p are no means of d."""
    masses = {
        (one.checkpoint, one.framing_id, one.probe, one.item_id): math.exp(first.logprob_nats)
        + math.exp(second.logprob_nats)
        for one in asked
        if one.role is Role.LICENSED
        and isinstance(first := one.responses.get(FIRST), Scored)
        and isinstance(second := one.responses.get(SECOND), Scored)
    }
    keys = scores[["checkpoint", "framing_id", "probe", "item_id"]].itertuples(index=False, name=None)
    d, mass = scores["d_nats"].to_numpy(dtype=float), np.array([masses.get(key, math.nan) for key in keys], dtype=float)
    right = np.where(np.isnan(mass), math.nan, (1 + np.tanh(d / 2)) / 2)
    return scores.assign(**{_RIGHT: right, _SIZE: np.abs(d), _MASS: mass})


def _has_licensed(scores: pd.DataFrame, probe: str) -> bool:
    return bool(((scores["probe"] == probe) & (scores["role"] == Role.LICENSED.value)).any())


def _rows(
    cell: Mapping[str, CellItems],
    others: NotTrained,
    arms: tuple[str, str | None],
    *,
    design: ClusterDesign,
    level: float,
) -> Iterator[dict[str, object]]:
    for contrast in Contrast:
        if side_values(cell[_SIZE], contrast, *arms) is None:
            continue
        if contrast is Contrast.INTERACTION or not cell[_RIGHT].n_asked:
            yield {"contrast": contrast.value, **_row(NOTHING, "")}
            continue
        found = Found(
            drop=_between(cell[_RIGHT], contrast, arms, known_drop, design=design, level=level),
            licensed=_means(cell[_RIGHT], contrast, arms, design=design),
            mass=_means(cell[_MASS], contrast, arms, design=design),
            blunting=_between(others.items, contrast, arms, blunting, design=design, level=level),
        )
        yield {"contrast": contrast.value, **_row(found, others.of)}


def _between(
    items: CellItems,
    contrast: Contrast,
    arms: tuple[str, str | None],
    quantity: Callable[..., Estimate],
    *,
    design: ClusterDesign,
    level: float,
) -> Estimate:
    sides = side_values(items, contrast, *arms)
    return _NOT_MEASURED if sides is None else quantity(*items.paired(sides.first, sides.second), design, level=level)


def known_drop(first: Clustered, second: Clustered, design: ClusterDesign, *, level: float) -> Estimate:
    """Return the drop, unless the first side does not know what is licensed: what is at chance cannot fall."""
    found = licensed_drop(first, second, design, level=level)
    before = mean_estimate(first, design, level=level, unit="share")
    if found.status is not Status.OK or before.ci_low is None or before.ci_low > COMPETENCE_CHANCE:
        return found
    return Estimate(
        status=Status.NOT_ESTIMABLE,
        n_items=found.n_items,
        n_clusters=found.n_clusters,
        level=found.level,
        unit=found.unit,
        method="the first side is not shown to know them better than by chance, so that it could not lose them",
    )


def _means(
    items: CellItems, contrast: Contrast, arms: tuple[str, str | None], *, design: ClusterDesign
) -> tuple[float | None, float | None]:
    """Return the mean of either side over what both scored; None where nothing was."""
    sides = side_values(items, contrast, *arms)
    if sides is None:
        return None, None
    first, second = (side for side in items.paired(sides.first, sides.second))
    return (point(first, design), point(second, design)) if first.n_items else (None, None)


def _row(found: Found, of: str) -> dict[str, object]:
    drop, ratio = found.drop, found.blunting
    first, second = found.licensed if drop.status is Status.OK else (None, None)
    mass_first, mass_second = found.mass if drop.status is Status.OK else (None, None)
    return {
        "licensed_status": drop.status.value,
        "licensed_first": first,
        "licensed_second": second,
        "licensed_drop": drop.value,
        "licensed_drop_ci_low": drop.ci_low,
        "licensed_drop_ci_high": drop.ci_high,
        "licensed_items": drop.n_items,
        "licensed_clusters": drop.n_clusters,
        "licensed_method": drop.method,
        "mass_first": mass_first,
        "mass_second": mass_second,
        "blunting_status": ratio.status.value,
        "blunting": ratio.value,
        "blunting_ci_low": ratio.ci_low,
        "blunting_ci_high": ratio.ci_high,
        "blunting_items": ratio.n_items,
        "blunting_clusters": ratio.n_clusters,
        "blunting_of": of if ratio.n_items else "",
        "blunting_method": ratio.method,
    }


def guards_of(damage: pd.DataFrame) -> dict[Cell, tuple[Estimate, Estimate]]:
    """Return the drop of licensed associations and the blunting of every cell, by checkpoint, contrast, probe, feature.

    Parameters
    ----------
    damage : DataFrame
        See :data:`SCHEMA`.
    """
    return {
        (row["tuned"], row["contrast"], row["probe"], row["feature"]): (
            _estimate(row, "licensed_status", "licensed_drop"),
            _estimate(row, "blunting_status", "blunting"),
        )
        for row in damage.to_dict("records")
    }


def _estimate(row: Mapping[Hashable, object], status: str, value: str) -> Estimate:
    if row[status] != Status.OK.value:
        return Estimate(status=Status(str(row[status])))
    low, high = (float(str(row[f"{value}_ci_{end}"])) for end in ("low", "high"))
    return Estimate(status=Status.OK, value=float(str(row[value])), ci_low=low, ci_high=high)


def trained_features(given: Given) -> Trained:
    """Return, for each tuned checkpoint, the features that its training card says were trained; None without a card."""
    return {tuned: given.analysis.trained_features.get(tuned) for tuned in given.analysis.tuned}


def _computed(given: Given) -> pd.DataFrame:
    analysis = given.analysis
    return damage_frame(
        given.tables["scores"],
        given.asked,
        kinds=analysis.kinds,
        designs=analysis.designs,
        tuned=analysis.tuned,
        trained=trained_features(given),
        level=analysis.level,
        siblings=analysis.siblings,
    )


DAMAGE: Final = Table(name="damage", schema=SCHEMA, computed=_computed)
