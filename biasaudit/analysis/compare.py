"""Paired comparisons of arms: one row per tuned checkpoint, contrast, probe, feature and metric."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from biasaudit.analysis import damage, lengths
from biasaudit.analysis.arms import ALL, CellItems, cell_items, features_of
from biasaudit.analysis.comparison_rows import ComparedCell, comparison_row
from biasaudit.analysis.contrasts import (
    SideValues,
    checkpoints_before,
    reductions_by_wording,
    side_values,
    values_by_wording,
)
from biasaudit.analysis.estimate import SATURATED
from biasaudit.analysis.table import Given, Table
from biasaudit.record import tables
from biasaudit.stats import (
    adjusted_by_benjamini_hochberg,
    adjusted_by_holm,
    chance_code,
    competence_loss,
    item_flows,
    mean_estimate,
    missing_bounds,
    null_churn,
    paired_change,
)
from biasaudit.types import Checkpoint, ClusterDesign, Contrast, Estimate, Role, Status
from biasaudit.types.competence import competence_level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from biasaudit.stats import ClaimPValues

METRICS: Final = ("graded", "sign")
AT_END: Final = 0.95
"""From where a value lies at an end of its scale."""
_NOT_MEASURED: Final = Estimate(status=Status.NOT_MEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the comparison was told beforehand.

    Attributes
    ----------
    designs : mapping
        Probe -> design of its clusters.
    margin : float
        Largest change that counts as none, in index points.
    level : float
    seed : int
    primary : Contrast
        The one contrast, named beforehand, whose verdicts are claims; the others are exploratory.
    """

    designs: Mapping[str, ClusterDesign]
    margin: float
    level: float
    seed: int
    primary: Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One probe, feature and metric, with its items in every arm."""

    probe: str
    feature: str
    metric: str
    design: ClusterDesign
    items: CellItems
    competence: CellItems
    null_churn: float | None


def comparisons_frame(
    scores: pd.DataFrame,
    *,
    tuned: Sequence[str],
    settings: Settings,
    damages: pd.DataFrame | None = None,
    siblings: bool = False,
) -> pd.DataFrame:
    """Compare every tuned checkpoint with the base, and, unless they are siblings, with the one before it.

    Every contrast that the framings allow is compared.

    Parameters
    ----------
    scores : DataFrame
        See :data:`biasaudit.record.tables.SCORES`.
    tuned : sequence of str
        Tuned checkpoints, in the order in which they were made.
    settings : Settings
    damages : DataFrame, optional
        See :data:`biasaudit.analysis.damage.SCHEMA`; None where damage was not measured.
    siblings : bool
        Whether each was made from the base and none from another.

    Returns
    -------
    DataFrame
        See :data:`biasaudit.record.tables.COMPARISONS`.
    """
    guards = {} if damages is None else damage.guards_of(damages)
    cells = [
        cell
        for subject in _subjects(scores, settings)
        for checkpoint, before in checkpoints_before(tuned, siblings=siblings).items()
        for cell in _cells(subject, checkpoint, before, settings, guards)
    ]
    adjusted = _adjusted_by_family(cells)
    rows = [
        comparison_row(cell, adjusted[number], margin=settings.margin, level=settings.level)
        for number, cell in enumerate(cells)
    ]
    columns = {name: one for name, one in tables.COMPARISONS.columns.items() if name not in lengths.COLUMNS}
    frame = pd.DataFrame(rows, columns=list(columns))
    numbers = [name for name, column in columns.items() if str(column.dtype) == "float64"]
    frame[numbers] = frame[numbers].astype(float)
    by = ["tuned", "contrast", "probe", "feature", "metric"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.COMPARISONS)


def _subjects(scores: pd.DataFrame, settings: Settings) -> Iterator[_Subject]:
    for probe, design in settings.designs.items():
        competence = cell_items(scores, probe=probe, feature=ALL, role=Role.COMPETENCE, column="sign")
        for feature in features_of(scores, probe):
            for metric in METRICS:
                items = cell_items(scores, probe=probe, feature=feature, role=Role.BIAS, column=metric)
                yield _Subject(
                    probe=probe,
                    feature=feature,
                    metric=metric,
                    design=design,
                    items=items,
                    competence=competence,
                    null_churn=null_churn(values_by_wording(items, Checkpoint.BASE.value, "chat")),
                )


def _cells(
    subject: _Subject,
    tuned: str,
    before: str | None,
    settings: Settings,
    guards: Mapping[damage.Cell, tuple[Estimate, Estimate]],
) -> Iterator[ComparedCell]:
    for contrast in Contrast:
        sides = side_values(subject.items, contrast, tuned, before)
        if sides is None:
            continue
        first, second = subject.items.paired(sides.first, sides.second)
        # An interaction compares differences, and is itself one of differences: it has no ends to speak of.
        of_levels = contrast is not Contrast.INTERACTION
        unit = "index" if of_levels else "index difference"
        rng = _rng(settings.seed, tuned, contrast.value, subject.probe, subject.feature, subject.metric)
        yield ComparedCell(
            tuned=tuned,
            contrast=contrast,
            probe=subject.probe,
            feature=subject.feature,
            metric=subject.metric,
            declared=subject.feature != ALL,
            exploratory=contrast is not settings.primary or subject.feature == ALL,
            saturated=is_saturated(sides.first) or is_saturated(sides.second),
            sides=sides,
            first=mean_estimate(first, subject.design, level=settings.level, unit=unit),
            second=mean_estimate(second, subject.design, level=settings.level, unit=unit),
            competence=_competence(
                subject, side_values(subject.competence, contrast, tuned, before), contrast, settings
            ),
            competence_loss=_competence_loss(
                subject, side_values(subject.competence, contrast, tuned, before), contrast, settings
            ),
            damage=guards.get((tuned, contrast.value, subject.probe, subject.feature), (_NOT_MEASURED, _NOT_MEASURED)),
            change=paired_change(
                first,
                second,
                subject.design,
                rng=rng,
                level=settings.level,
                margin=settings.margin,
                unit="index difference" if of_levels else "interaction",
            ),
            bounds=None
            if contrast is Contrast.INTERACTION
            else missing_bounds(
                sides.first,
                sides.second,
                subject.items.cluster_ids,
                subject.design,
                also=subject.items.also_ids,
                level=settings.level,
            ),
            wordings=reductions_by_wording(subject.items, contrast, tuned, before),
            flows=item_flows(sides.first, sides.second),
            null_churn=subject.null_churn,
        )


def _competence(
    subject: _Subject, sides: SideValues | None, contrast: Contrast, settings: Settings
) -> tuple[Estimate, Estimate]:
    """Return the share of sense over nonsense on either side."""
    if sides is None or contrast is Contrast.INTERACTION:
        return _NOT_MEASURED, _NOT_MEASURED
    level = competence_level(settings.level)
    first, second = (
        mean_estimate(subject.competence.scored((signs + 1) / 2), subject.design, level=level, unit="share")
        for signs in (sides.first, sides.second)
    )
    return first, second


def _competence_loss(subject: _Subject, sides: SideValues | None, contrast: Contrast, settings: Settings) -> Estimate:
    """Return how much of it was lost, paired by item."""
    if sides is None or contrast is Contrast.INTERACTION:
        return _NOT_MEASURED
    first, second = subject.competence.paired(sides.first, sides.second)
    return competence_loss(first, second, subject.design, level=settings.level)


def _adjusted_by_family(cells: Sequence[ComparedCell]) -> dict[int, ClaimPValues | None]:
    """Adjust p-values, each metric by itself.

    Holm for the declared cells of the primary contrast over all tuned checkpoints, because each verdict is a claim;
    a cell that competence bars can make none and takes no share of the level. The other contrasts, and the rows that
    pool a probe's features, are leads: Benjamini-Hochberg, the pooled rows in a family of their own.
    """
    families: dict[tuple[str, bool, bool], list[int]] = {}
    adjusted: dict[int, ClaimPValues | None] = dict.fromkeys(range(len(cells)))
    for number, cell in enumerate(cells):
        judged = cell.contrast is not Contrast.INTERACTION and chance_code(*cell.competence) is None
        if cell.change.p_values is not None and judged:
            families.setdefault((cell.metric, cell.exploratory, cell.declared), []).append(number)
    for (_, exploratory, _), numbers in families.items():
        adjust = adjusted_by_benjamini_hochberg if exploratory else adjusted_by_holm
        found = adjust([p_values for number in numbers if (p_values := cells[number].change.p_values) is not None])
        adjusted.update(zip(numbers, found, strict=True))
    return adjusted


def is_saturated(values: NDArray[np.float64]) -> bool:
    """Whether over 95 % of an arm's values lie within 0.05 of one end of the scale, where no change can be told.

    Examples
    --------
    >>> is_saturated(np.array([1.0] * 20)), is_saturated(np.array([0.9] * 20)), is_saturated(np.zeros(20))
    (True, False, False)
    """
    there = values[~np.isnan(values)]
    return len(there) > 0 and bool(max((there >= AT_END).mean(), (there <= -AT_END).mean()) > SATURATED)


def _rng(seed: int, *names: str) -> np.random.Generator:
    """Return a generator of this cell's own, so that adding a probe changes no other cell."""
    digest = hashlib.sha256("\x1f".join(names).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _computed(given: Given) -> pd.DataFrame:
    scores, analysis = given.tables["scores"], given.analysis
    settings = Settings(
        designs=analysis.designs,
        margin=analysis.margin,
        level=analysis.level,
        seed=analysis.seed,
        primary=analysis.primary,
    )
    return lengths.with_equal_lengths(
        comparisons_frame(
            scores,
            tuned=analysis.tuned,
            settings=settings,
            damages=given.tables["damage"],
            siblings=analysis.siblings,
        ),
        scores,
        given.tables["responses"],
        kinds=analysis.kinds,
        designs=analysis.designs,
        tuned=analysis.tuned,
        siblings=analysis.siblings,
        level=analysis.level,
    )


COMPARISONS: Final = Table(name="comparisons", schema=tables.COMPARISONS, computed=_computed)
