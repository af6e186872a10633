"""Paired comparisons of arms: one row per tuned checkpoint, contrast, probe, feature and metric."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from biasaudit.audits import tables
from biasaudit.audits.arms import ALL, CellItems, cell_items, features_of
from biasaudit.stats import (
    Change,
    Evidence,
    Ruling,
    competence_fell,
    holm,
    item_flows,
    mean_estimate,
    paired_change,
    rule,
)
from biasaudit.types import ClusterDesign, Contrast, Estimate, Role, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Arm = tuple[str, str]

METRICS: Final = ("graded", "sign")
_NOT_MEASURED: Final = Estimate(status=Status.NOT_MEASURED)


def contrast_arms(contrast: Contrast, tuned: str) -> tuple[Arm, Arm]:
    """Return the first and second arm; D is the first minus the second."""
    return {
        Contrast.WEIGHTS_PLAIN: (("base", "plain"), (tuned, "plain")),
        Contrast.WEIGHTS_CHAT: (("base", "chat"), (tuned, "chat")),
        Contrast.TEMPLATE_TUNED: ((tuned, "plain"), (tuned, "chat")),
        Contrast.TEMPLATE_BASE: (("base", "plain"), ("base", "chat")),
        Contrast.AS_DEPLOYED: (("base", "plain"), (tuned, "chat")),
    }[contrast]


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
    """

    designs: Mapping[str, ClusterDesign]
    margin: float
    level: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    tuned: str
    contrast: Contrast
    probe: str
    feature: str
    metric: str
    declared: bool
    items: CellItems
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    first_estimate: Estimate
    second_estimate: Estimate
    competence: tuple[Estimate, Estimate]
    change: Change
    framings: tuple[float, ...]


def comparisons_frame(scores: pd.DataFrame, *, tuned: Sequence[str], settings: Settings) -> pd.DataFrame:
    """Compare every tuned checkpoint with the base, in every contrast that the framings allow.

    Returns
    -------
    DataFrame
        See :data:`biasaudit.audits.tables.COMPARISONS`.
    """
    cells = [
        cell
        for probe in settings.designs
        for feature in features_of(scores, probe)
        for metric in METRICS
        for cell in _cells(scores, probe, feature, metric, tuned=tuned, settings=settings)
    ]
    adjusted = _holm_by_family(cells)
    rows = [_row(cell, adjusted[number], settings) for number, cell in enumerate(cells)]
    frame = pd.DataFrame(rows, columns=list(tables.COMPARISONS.columns))
    numbers = [name for name, column in tables.COMPARISONS.columns.items() if str(column.dtype) == "float64"]
    frame[numbers] = frame[numbers].astype(float)
    by = ["tuned", "contrast", "probe", "feature", "metric"]
    return tables.checked(frame.sort_values(by, ignore_index=True), tables.COMPARISONS)


def _cells(
    scores: pd.DataFrame, probe: str, feature: str, metric: str, *, tuned: Sequence[str], settings: Settings
) -> list[_Cell]:
    items = cell_items(scores, probe=probe, feature=feature, role=Role.BIAS, column=metric)
    competence = cell_items(scores, probe=probe, feature=ALL, role=Role.COMPETENCE, column="sign")
    design = settings.designs[probe]
    alone = feature != ALL
    found = []
    for checkpoint in tuned:
        for contrast in Contrast:
            values = _values(items, contrast, checkpoint)
            if values is None:
                continue
            first, second = values
            first_sample, second_sample = items.paired(first, second)
            rng = _rng(settings.seed, checkpoint, contrast.value, probe, feature, metric)
            found.append(
                _Cell(
                    tuned=checkpoint,
                    contrast=contrast,
                    probe=probe,
                    feature=feature,
                    metric=metric,
                    declared=alone,
                    items=items,
                    first=first,
                    second=second,
                    first_estimate=mean_estimate(first_sample, design, level=settings.level, unit=_unit(contrast)),
                    second_estimate=mean_estimate(second_sample, design, level=settings.level, unit=_unit(contrast)),
                    competence=_competence(competence, contrast, checkpoint, design, settings.level),
                    change=paired_change(first_sample, second_sample, design, rng=rng, level=settings.level),
                    framings=_by_framing(items, contrast, checkpoint),
                )
            )
    return found


def _unit(contrast: Contrast) -> str:
    return "index difference" if contrast is Contrast.INTERACTION else "index"


def _values(items: CellItems, contrast: Contrast, tuned: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    if contrast is Contrast.INTERACTION:
        # How much more (or less) the weights reduce under the chat template than without it.
        chat = _values(items, Contrast.WEIGHTS_CHAT, tuned)
        plain = _values(items, Contrast.WEIGHTS_PLAIN, tuned)
        return None if chat is None or plain is None else (chat[0] - chat[1], plain[0] - plain[1])
    first, second = contrast_arms(contrast, tuned)
    if first not in items.values or second not in items.values:
        return None
    return items.values[first], items.values[second]


def _by_framing(items: CellItems, contrast: Contrast, tuned: str) -> tuple[float, ...]:
    """Return D under each wording of the request, where the contrast has any."""
    if contrast is Contrast.INTERACTION:
        return ()
    (first_checkpoint, first_framing), (second_checkpoint, second_framing) = contrast_arms(contrast, tuned)
    wordings = sorted(framing_id for checkpoint, framing_id in items.by_framing if checkpoint == second_checkpoint)
    chosen = [name for name in wordings if name.partition("-")[0] == second_framing]
    reductions = []
    for name in chosen:
        before = items.by_framing[first_checkpoint, name if first_framing == second_framing else first_framing]
        difference = before - items.by_framing[second_checkpoint, name]
        if not np.isnan(difference).all():
            reductions.append(float(np.nanmean(difference)))
    return tuple(reductions)


def _competence(
    items: CellItems, contrast: Contrast, tuned: str, design: ClusterDesign, level: float
) -> tuple[Estimate, Estimate]:
    if contrast is Contrast.INTERACTION:
        return _NOT_MEASURED, _NOT_MEASURED
    found = []
    for arm in contrast_arms(contrast, tuned):
        signs = items.values.get(arm)
        if signs is None:
            found.append(_NOT_MEASURED)
        else:
            found.append(mean_estimate(items.scored((signs + 1) / 2), design, level=level, unit="share"))
    return found[0], found[1]


def _holm_by_family(cells: Sequence[_Cell]) -> dict[int, float | None]:
    """Adjust p-values over probe x feature, within tuned checkpoint, contrast and metric.

    The rows that pool a probe's features repeat evidence of the declared cells: they are a family
    of their own.
    """
    families: dict[tuple[object, ...], list[int]] = {}
    adjusted: dict[int, float | None] = dict.fromkeys(range(len(cells)))
    for number, cell in enumerate(cells):
        if cell.change.test is not None:
            families.setdefault((cell.tuned, cell.contrast, cell.metric, cell.declared), []).append(number)
    for numbers in families.values():
        tests = [cells[number].change.test for number in numbers]
        p_values = holm([test.p_value for test in tests if test is not None])
        adjusted.update(zip(numbers, p_values, strict=True))
    return adjusted


def _row(cell: _Cell, p_holm: float | None, settings: Settings) -> dict[str, object]:
    change, flows = cell.change, item_flows(cell.first, cell.second)
    ruling = _ruling(cell, p_holm, settings)
    low_90, high_90 = change.reduction_90.ci_low, change.reduction_90.ci_high
    value = change.reduction.value
    interaction = cell.contrast is Contrast.INTERACTION
    return {
        "tuned": cell.tuned,
        "contrast": cell.contrast.value,
        "probe": cell.probe,
        "feature": cell.feature,
        "metric": cell.metric,
        "declared": cell.declared,
        "status": change.reduction.status.value,
        "reduction": value,
        "ci_low": change.reduction.ci_low,
        "ci_high": change.reduction.ci_high,
        "ci90_low": low_90,
        "ci90_high": high_90,
        "p_value": change.test.p_value if change.test else None,
        "p_holm": p_holm,
        "test": change.test.test if change.test else "none",
        **_bounds("first", cell.first_estimate),
        **_bounds("second", cell.second_estimate),
        "relative_status": (Status.NOT_ESTIMABLE if interaction else change.relative.status).value,
        "relative_reduction": None if interaction else change.relative.value,
        "relative_ci_low": None if interaction else change.relative.ci_low,
        "relative_ci_high": None if interaction else change.relative.ci_high,
        "smallest_detectable_change": change.smallest_detectable_change,
        "margin": settings.margin,
        "n_items": change.reduction.n_items,
        "n_clusters": change.reduction.n_clusters,
        "method": change.reduction.method,
        "inherited_bias": not interaction and _excludes_zero(cell.first_estimate),
        "coverage_first": _coverage(cell.first),
        "coverage_second": _coverage(cell.second),
        "competence_first": cell.competence[0].value,
        "competence_second": cell.competence[1].value,
        "competence_fell": competence_fell(*cell.competence),
        "flow_inherited": flows.inherited,
        "flow_removed": flows.removed,
        "flow_introduced": flows.introduced,
        "flow_never": flows.never,
        "flow_missing": flows.missing,
        "framings_low": min(cell.framings, default=None),
        "framings_high": max(cell.framings, default=None),
        "framings_agree": _agreement(cell.framings, value),
        "verdict": ruling.verdict.value,
        "verdict_reason": ruling.reason,
    }


def _ruling(cell: _Cell, p_holm: float | None, settings: Settings) -> Ruling:
    if cell.contrast is Contrast.INTERACTION:
        return Ruling(verdict=Verdict.INCONCLUSIVE, reason="an interaction is described, not judged")
    return rule(
        Evidence(
            change=cell.change,
            p_adjusted=p_holm,
            first=cell.first_estimate,
            second=cell.second_estimate,
            first_competence=cell.competence[0],
            second_competence=cell.competence[1],
            first_coverage=_coverage(cell.first) or 0.0,
            second_coverage=_coverage(cell.second) or 0.0,
            margin=settings.margin,
        )
    )


def _bounds(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {
        f"{name}_value": estimate.value,
        f"{name}_ci_low": estimate.ci_low,
        f"{name}_ci_high": estimate.ci_high,
    }


def _excludes_zero(estimate: Estimate) -> bool:
    if estimate.ci_low is None or estimate.ci_high is None:
        return False
    return estimate.ci_low > 0 or estimate.ci_high < 0


def _coverage(values: NDArray[np.float64]) -> float | None:
    return float((~np.isnan(values)).mean()) if len(values) else None


def _agreement(framings: Sequence[float], value: float | None) -> float | None:
    if not framings or value is None:
        return None
    return float(np.mean(np.sign(framings) == np.sign(value)))


def _rng(seed: int, *names: str) -> np.random.Generator:
    """Return a generator of this cell's own, so that adding a probe changes no other cell."""
    digest = hashlib.sha256("\x1f".join(names).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
