"""Outcomes by group: what group disparity is measured on, and fairlearn's MetricFrame of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from biasaudit.stats.groups.brought import binary, labels, numbers, same_rows
from biasaudit.types import ClusterDesign
from biasaudit.visible import in_short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlearn.metrics import MetricFrame
    from numpy.typing import NDArray

    Column = Sequence[object] | NDArray[Any]  # Any: labels of whatever kind become text

Group = tuple[str, ...]
"""One label for each feature, in the order of the features."""

SELECTED_FROM: Final = 0.5
"""Outcome from which a case counts as selected."""

# Columns of fairlearn's own frame, which a feature of that name would overwrite.
_RESERVED: Final = ("y_true", "y_pred", "outcomes", "clusters")


class GroupMetric(StrEnum):
    """What is measured for each group, in fairlearn's words."""

    MEAN = "mean_prediction"
    SELECTION_RATE = "selection_rate"
    FALSE_POSITIVE_RATE = "false_positive_rate"
    TRUE_POSITIVE_RATE = "true_positive_rate"


_TRUTH: Final = {GroupMetric.FALSE_POSITIVE_RATE: 0, GroupMetric.TRUE_POSITIVE_RATE: 1}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupOutcomes:
    """Outcomes of cases, each with its groups and its cluster. Made by :func:`group_outcomes`.

    Attributes
    ----------
    outcomes : array of float, shape (n_items,)
        In [0, 1]: a probability, a score, or 0 and 1.
    clusters : array of str, shape (n_items,)
    sensitive_features : mapping of str to array of str
        One or several; groups are the intersections of all of them.
    control_features : mapping of str to array of str
        Groups are compared only within a level of these.
    y_true : array of int, shape (n_items,), or None
        0 or 1; needed for false and true positive rates only.
    declared : mapping of str to tuple of str
        Labels of a sensitive feature that may have no item.
    selected_from : float
        Outcomes from here up count as selected.
    design : ClusterDesign
        ``designed``: clusters weigh equally. Otherwise items weigh equally.
    """

    outcomes: NDArray[np.float64]
    clusters: NDArray[np.str_]
    sensitive_features: Mapping[str, NDArray[np.str_]]
    control_features: Mapping[str, NDArray[np.str_]]
    y_true: NDArray[np.int_] | None
    declared: Mapping[str, tuple[str, ...]]
    selected_from: float
    design: ClusterDesign

    def __repr__(self) -> str:
        """Return how many cases of which features there are; `frame_of` shows each."""
        features = in_short(f"{name} of {len(np.unique(found)):,}" for name, found in self.sensitive_features.items())
        truth = "" if self.y_true is None else ", truth known"
        n_clusters = len(np.unique(self.clusters))
        return f"GroupOutcomes({self.n_items:,} items in {n_clusters:,} clusters; groups: {features}{truth})"

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.outcomes)

    @property
    def selected(self) -> NDArray[np.float64]:
        """1 where the outcome counts as selected, else 0; shape (n_items,)."""
        return (self.outcomes >= self.selected_from).astype(np.float64)

    def over(self, *features: str) -> GroupOutcomes:
        """Return the same cases with groups by these sensitive features only.

        Raises
        ------
        ValueError
            If there is no such feature.
        """
        unknown = [name for name in features if name not in self.sensitive_features]
        if unknown or not features:
            msg = f"no sensitive features {unknown or list(features)}; there are: {', '.join(self.sensitive_features)}"
            raise ValueError(msg)
        return replace(self, sensitive_features={name: self.sensitive_features[name] for name in features})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stratum:
    """The evidence of one metric within one level of the control features.

    Attributes
    ----------
    control : tuple of str
        Empty where there are no control features.
    groups : tuple of tuple of str
        Every intersection, those without items included.
    values : array of float, shape (n_evidence,)
    clusters, group_index : array of int, shape (n_evidence,)
    design : ClusterDesign
    """

    control: Group
    groups: tuple[Group, ...]
    values: NDArray[np.float64]
    clusters: NDArray[np.intp]
    group_index: NDArray[np.intp]
    design: ClusterDesign


def group_outcomes(
    outcomes: Sequence[float] | NDArray[np.float64],
    *,
    sensitive_features: Mapping[str, Column],
    clusters: Column,
    y_true: Column | None = None,
    control_features: Mapping[str, Column] | None = None,
    declared: Mapping[str, Sequence[str]] | None = None,
    selected_from: float = SELECTED_FROM,
    design: ClusterDesign = ClusterDesign.DESIGNED,
) -> GroupOutcomes:
    """Check and return outcomes by group.

    Parameters
    ----------
    outcomes : sequence of float, length n_items
        In [0, 1]. Leave unscored items out, and count them. Series of pandas, here and below, are aligned by index.
    sensitive_features : mapping of str to sequence, each of length n_items
    clusters : sequence, length n_items
        Items of one cluster share a template or a source, and are resampled together.
    y_true : sequence of int, length n_items, optional
        The truth, 0 or 1.
    control_features : mapping of str to sequence, optional
    declared : mapping of str to sequence of str, optional
        Labels that the card declares; one without items is then reported as not measured.
    selected_from : float
    design : ClusterDesign

    Raises
    ------
    ValueError
        If lengths differ, Series have other rows, a label is missing, an outcome or a truth is out of range, or a
        feature's name cannot be used.

    Examples
    --------
    >>> cases = group_outcomes([0.2, 0.8], sensitive_features={"gender": ["man", "woman"]}, clusters=["a", "a"])
    >>> cases.selected.tolist()
    [0.0, 1.0]
    """
    control_features = control_features or {}
    _check_names([*sensitive_features, *control_features], dict(declared or {}), sensitive_features)
    features = {**sensitive_features, **control_features}
    rows = same_rows({"outcomes": outcomes, "clusters": clusters, "y_true": y_true, **features})
    found = numbers("outcomes", rows["outcomes"])
    if not ((found >= 0) & (found <= 1)).all():
        msg = "outcomes must lie in [0, 1]; leave unscored items out and count them"
        raise ValueError(msg)
    cases = GroupOutcomes(
        outcomes=found,
        clusters=labels("clusters", rows["clusters"]),
        sensitive_features={name: labels(name, rows[name]) for name in sensitive_features},
        control_features={name: labels(name, rows[name]) for name in control_features},
        y_true=None if y_true is None else binary("y_true", rows["y_true"]),
        declared={name: tuple(levels) for name, levels in (declared or {}).items()},
        selected_from=selected_from,
        design=design,
    )
    _check_lengths(cases)
    return cases


def metric_frame(cases: GroupOutcomes, *, metrics: Sequence[GroupMetric] | None = None) -> MetricFrame:
    """Return fairlearn's MetricFrame of the cases: point values, without intervals.

    Where clusters are designed, items are weighted so that every cluster weighs the same within
    its group. A rate without a single case that it could be taken of is NaN; fairlearn's own is 0.

    Parameters
    ----------
    cases : GroupOutcomes
    metrics : sequence of GroupMetric, optional
        All that the cases allow, unless said otherwise. ``count`` comes with them.

    Returns
    -------
    fairlearn.metrics.MetricFrame

    Raises
    ------
    ValueError
        If there are no cases, or a rate needs a truth that was not given.
    """
    import pandas as pd  # noqa: PLC0415  # slow to import
    from fairlearn.metrics import MetricFrame, count  # noqa: PLC0415  # slow to import

    if cases.n_items == 0:
        msg = "there are no cases to make a MetricFrame of; check what was scored"
        raise ValueError(msg)
    chosen = (
        list(metrics)
        if metrics is not None
        else [m for m in GroupMetric if cases.y_true is not None or m not in _TRUTH]
    )
    functions: dict[str, Callable[..., float]] = {
        metric.value: _function(metric, cases.selected_from) for metric in chosen
    }
    control = pd.DataFrame(dict(cases.control_features)) if cases.control_features else None
    return MetricFrame(
        metrics={**functions, "count": count},
        y_true=np.zeros(cases.n_items) if cases.y_true is None else cases.y_true,
        y_pred=cases.outcomes,
        sensitive_features=pd.DataFrame(dict(cases.sensitive_features)),
        control_features=control,
        sample_params={metric.value: {"sample_weight": _item_weights(cases, metric)} for metric in chosen},
    )


def strata(cases: GroupOutcomes, metric: GroupMetric) -> tuple[Stratum, ...]:
    """Return the evidence of one metric, one part for each level of the control features.

    Raises
    ------
    ValueError
        If the metric needs a truth that was not given.
    """
    evidence = _evidence(cases, metric)
    values = cases.outcomes if metric is GroupMetric.MEAN else cases.selected
    _, clusters = np.unique(cases.clusters, return_inverse=True)
    groups, group_index = _crossed(cases.sensitive_features, cases.declared, cases.n_items)
    controls, control_index = _crossed(cases.control_features, {}, cases.n_items)
    parts = []
    for number, control in enumerate(controls):
        rows = np.flatnonzero(evidence & (control_index == number))
        parts.append(
            Stratum(
                control=control,
                groups=groups,
                values=values[rows],
                clusters=clusters[rows],
                group_index=group_index[rows],
                design=cases.design,
            )
        )
    return tuple(parts)


def _check_names(names: list[str], declared: Mapping[str, Any], sensitive: Mapping[str, Any]) -> None:  # Any: unread
    if not sensitive:
        msg = "there is no sensitive feature; give at least one"
        raise ValueError(msg)
    doubled = sorted({name for name in names if names.count(name) > 1 or name in _RESERVED})
    if doubled:
        msg = f"feature names {doubled} are doubled or reserved ({', '.join(_RESERVED)}); rename them"
        raise ValueError(msg)
    unknown = sorted(set(declared) - set(sensitive))
    if unknown:
        msg = f"labels are declared for {unknown}, which are no sensitive features: {sorted(sensitive)}"
        raise ValueError(msg)


def _check_lengths(cases: GroupOutcomes) -> None:
    columns = {"clusters": cases.clusters, **cases.sensitive_features, **cases.control_features}
    lengths = {name: len(column) for name, column in columns.items()}
    if cases.y_true is not None:
        lengths["y_true"] = len(cases.y_true)
    wrong = {name: length for name, length in lengths.items() if length != cases.n_items}
    if wrong:
        msg = f"{cases.n_items} outcomes, but {wrong}; give one label for each outcome"
        raise ValueError(msg)


def _evidence(cases: GroupOutcomes, metric: GroupMetric) -> NDArray[np.bool_]:
    """Return which cases the metric is taken over."""
    if metric not in _TRUTH:
        return np.ones(cases.n_items, dtype=np.bool_)
    if cases.y_true is None:
        msg = f"{metric.value} needs the truth; give y_true"
        raise ValueError(msg)
    return np.asarray(cases.y_true == _TRUTH[metric])


def _crossed(
    features: Mapping[str, NDArray[np.str_]], declared: Mapping[str, tuple[str, ...]], n_items: int
) -> tuple[tuple[Group, ...], NDArray[np.intp]]:
    """Return every combination of labels, and which of them each item has."""
    levels = [sorted({*np.unique(column).tolist(), *declared.get(name, ())}) for name, column in features.items()]
    index = np.zeros(n_items, dtype=np.intp)
    for own, column in zip(levels, features.values(), strict=True):
        index = index * len(own) + np.searchsorted(np.asarray(own, dtype=str), column)
    return tuple(product(*levels)), index


def _item_weights(cases: GroupOutcomes, metric: GroupMetric) -> NDArray[np.float64]:
    """Return 1 over the evidence that an item shares its cluster, group and level with; or 1."""
    weights = np.ones(cases.n_items)
    evidence = _evidence(cases, metric)
    if cases.design is not ClusterDesign.DESIGNED:
        return weights
    names, clusters = np.unique(cases.clusters, return_inverse=True)
    _, cell = _crossed({**cases.sensitive_features, **cases.control_features}, {}, cases.n_items)
    _, cell = np.unique(cell * len(names) + clusters, return_inverse=True)
    sizes = np.bincount(cell[evidence], minlength=int(cell.max()) + 1)
    weights[evidence] = 1 / sizes[cell[evidence]]
    return weights


def _function(metric: GroupMetric, selected_from: float) -> Callable[..., float]:
    """Return fairlearn's metric as a function of the outcomes; NaN where it has no evidence."""
    import fairlearn.metrics as fairlearn  # noqa: PLC0415  # slow to import

    original: Callable[..., float] = getattr(fairlearn, metric.value)

    def measured(y_true: NDArray[Any], y_pred: NDArray[Any], sample_weight: NDArray[Any]) -> float:  # Any: fairlearn's
        if metric in _TRUTH and not (y_true == _TRUTH[metric]).any():
            return float("nan")
        predictions = y_pred if metric is GroupMetric.MEAN else (y_pred >= selected_from).astype(int)
        return float(original(y_true, predictions, sample_weight=sample_weight))

    return measured
