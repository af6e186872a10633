"""Rows of an audit's tables, as few columns as a policy looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from biasaudit import gate

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def judged(rules: Sequence[Row], *, levels: Sequence[Row] = (), changes: Sequence[Row] = ()) -> gate.GateDecision:
    return gate.decide(
        gate.Policy.model_validate({"version": 1, "rules": list(rules)}),
        estimates=pd.DataFrame(levels, columns=list(level())),
        comparisons=pd.DataFrame(changes, columns=list(change())),
    )
