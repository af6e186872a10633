"""Rows of an audit's tables, as few columns as a policy looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from biasaudit import gate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Row = dict[str, object]

LEVEL = 0.95
"""Of the intervals."""


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
    """A reduction of the graded index as deployed, of a base that leans all the way: |B| rises by -D."""
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
        "total": 2.0,
        "total_ci_low": 2.0,
        "total_ci_high": 2.0,
        "missing_low": None,
        "missing_high": None,
        "total_missing_low": None,
        "total_missing_high": None,
        "n_items": 90,
        "n_clusters": 10,
        "coverage_first": 1.0,
        "coverage_second": 1.0,
        "competence_first": 0.93,
        "competence_second": 0.93,
        "competence_loss_status": "ok",
        "competence_loss": 0.0,
        "competence_loss_ci_low": -0.02,
        "competence_loss_ci_high": 0.02,
        "competence_loss_items": 40,
        "competence_loss_clusters": 10,
        "verdict": "unchanged",
        "verdict_reason": "",
    }
    return {**row, **changes}


def lean(base: float, tuned: float, half: float = 0.05, **changes: object) -> Row:
    """What a lean from `base` to `tuned` gives: D and S, each with an interval of `half` to either side."""
    total = base + tuned
    found = {"total": total, "total_ci_low": total - half, "total_ci_high": total + half, **changes}
    return change(base - tuned - half, base - tuned + half, **found)


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


def damage(low: float | None = 0.0, high: float | None = 0.04, **changes: object) -> Row:
    """What was lost of the licensed associations, as deployed."""
    row: Row = {
        "tuned": "tuned",
        "contrast": "as deployed",
        "probe": "occupations",
        "feature": "gender",
        "licensed_status": "ok",
        "licensed_drop": None if low is None or high is None else (low + high) / 2,
        "licensed_drop_ci_low": low,
        "licensed_drop_ci_high": high,
        "licensed_items": 24,
        "licensed_clusters": 6,
    }
    return {**row, **changes}


_BASELINE = (
    *("tuned", "probe", "feature", "status", "reduction", "ci_low", "ci_high"),
    *("total", "total_ci_low", "total_ci_high", "n_items", "n_clusters"),
)


def baseline_row(low: float | None = -0.01, high: float | None = 0.01, **changes: object) -> Row:
    """A reduction of the tuned checkpoint's graded index since an earlier audit."""
    row = change(low, high)
    return {**{key: row[key] for key in _BASELINE}, "framing": "chat", **changes}


def able(rows: Sequence[Row]) -> list[Row]:
    """Competence above chance for every arm of `rows` that has none of its own."""
    arms = {
        (row.get("checkpoint", row.get("tuned")), row["framing"], row["probe"]): None
        for row in rows
        if row.get("metric") != "competence"
    }
    own = [(row["checkpoint"], row["framing"], row["probe"]) for row in rows if row.get("metric") == "competence"]
    return [
        competence(checkpoint=checkpoint, framing=framing, probe=probe)
        for checkpoint, framing, probe in arms
        if (checkpoint, framing, probe) not in own
    ]


def judged(
    rules: Sequence[Row],
    *,
    levels: Sequence[Row] = (),
    changes: Sequence[Row] = (),
    ratios: Sequence[Row] = (),
    damages: Sequence[Row] = (),
    baseline: Sequence[Row] | None = None,
    policy: Row | None = None,
    today: date | None = None,
    warnings_as_errors: bool = False,
    competent: bool = True,
) -> gate.GateDecision:
    """Judge rows by rules; `policy` holds further keys of the policy. Every arm reads, unless a row says otherwise."""
    beside = able([*levels, *ratios, *(baseline or ())]) if competent else []
    return gate.decide(
        gate.Policy.model_validate({"version": 1, "rules": list(rules), **(policy or {})}),
        estimates=pd.DataFrame([*levels, *beside], columns=list(level())),
        comparisons=pd.DataFrame(changes, columns=list(change())),
        disparities=pd.DataFrame(ratios, columns=list(ratio())),
        damage=pd.DataFrame(damages, columns=list(damage())),
        baseline=None if baseline is None else pd.DataFrame(baseline, columns=list(baseline_row())),
        level=LEVEL,
        today=today,
        warnings_as_errors=warnings_as_errors,
    )
