"""Rows of an audit's tables, as few columns as a policy looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from biasaudit import gate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Row = dict[str, object]


def level(low: float | None = -0.1, high: float | None = 0.1, **changes: object) -> Row:
    """An index of the tuned checkpoint in chat framing, 90 of 100 items scored."""
    row: Row = {
        "checkpoint": "tuned",
        "framing": "chat",
        "probe": "occupations",
        "feature": "gender",
        "metric": "index",
        "status": "ok",
        "value": None if low is None or high is None else (low + high) / 2,
        "ci_low": low,
        "ci_high": high,
        "n_items": 90,
        "n_clusters": 10,
        "n_asked": 100,
    }
    return {**row, **changes}


def change(low: float | None = -0.1, high: float | None = 0.1, **changes: object) -> Row:
    """A reduction of the graded index as deployed."""
    row: Row = {
        "tuned": "tuned",
        "contrast": "as deployed",
        "probe": "occupations",
        "feature": "gender",
        "metric": "graded",
        "status": "ok",
        "reduction": None if low is None or high is None else (low + high) / 2,
        "ci_low": low,
        "ci_high": high,
        "n_items": 90,
        "n_clusters": 10,
    }
    return {**row, **changes}


def ratio(low: float | None = 0.85, high: float | None = 1.1, **changes: object) -> Row:
    """A group's selection rate over the reference group's, in chat framing."""
    row: Row = {
        "checkpoint": "tuned",
        "framing": "chat",
        "probe": "hiring",
        "feature": "gender",
        "statistic": "selection_rate_ratio",
        "group": "woman / man",
        "reference": "man",
        "status": "ok",
        "value": None if low is None or high is None else (low + high) / 2,
        "ci_low": low,
        "ci_high": high,
        "n_items": 90,
        "n_clusters": 10,
    }
    return {**row, **changes}


def impact_ratio(low: float | None = 0.85, high: float | None = 1.0, **changes: object) -> Row:
    """A group's selection rate over the most selected group's, in chat framing."""
    return ratio(low, high, **{"statistic": "impact_ratio", "group": "woman", **changes})


def competence(low: float | None = 0.9, high: float | None = 0.96, **changes: object) -> Row:
    """The share of sense over nonsense of one checkpoint, over a probe's features."""
    return level(low, high, **{"metric": "competence", "feature": "all", **changes})


def baseline_row(low: float | None = -0.01, high: float | None = 0.01, **changes: object) -> Row:
    """A reduction of the tuned checkpoint's graded index since an earlier audit."""
    row = {**change(low, high), "framing": "chat"}
    return {**{key: value for key, value in row.items() if key not in {"contrast", "metric"}}, **changes}


def judged(
    rules: Sequence[Row],
    *,
    levels: Sequence[Row] = (),
    changes: Sequence[Row] = (),
    ratios: Sequence[Row] = (),
    baseline: Sequence[Row] | None = None,
    policy: Row | None = None,
    today: date | None = None,
    warnings_as_errors: bool = False,
) -> gate.GateDecision:
    """Judge rows by rules; `policy` holds further keys of the policy."""
    return gate.decide(
        gate.Policy.model_validate({"version": 1, "rules": list(rules), **(policy or {})}),
        estimates=pd.DataFrame(levels, columns=list(level())),
        comparisons=pd.DataFrame(changes, columns=list(change())),
        disparities=pd.DataFrame(ratios, columns=list(ratio())),
        baseline=None if baseline is None else pd.DataFrame(baseline, columns=list(baseline_row())),
        today=today,
        warnings_as_errors=warnings_as_errors,
    )
