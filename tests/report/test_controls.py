"""A negative control is told where its interval leaves out 0, and only there."""

from __future__ import annotations

from typing import Any

from biasaudit.record import tables
from biasaudit.report.words.controls import failed_controls
from tests.report.factory import JOBS, PAIRS, estimate_columns, frame


def control(checkpoint: str, framing: str, value: float | None, *, probe: str = JOBS, metric: str = "control") -> Any:
    """Return a row; half-width of the interval 0.05."""
    return {
        "checkpoint": checkpoint, "framing": framing, "probe": probe, "feature": "all", "metric": metric,
        **estimate_columns(value, 0.05, unit="index"), "n_asked": 40, "saturated": False,
    }  # fmt: skip


def test_every_model_and_way_of_asking_that_fails_is_named_in_order() -> None:
    """Plain text first, the base first; either side of 0 counts."""
    rows = [control("base", "chat", 0.2), control("2-dpo", "plain", -0.06), control("base", "plain", 0.06)]
    assert failed_controls(frame(rows, tables.ESTIMATES)) == {
        JOBS: "The negative control does not hold: where no stereotype is, there is a lean, too, in base, plain, "
        "2-dpo, plain and base, chat"
    }


def test_what_holds_or_was_not_measured_or_is_no_control_is_not_told() -> None:
    rows = [
        control("base", "plain", 0.04),
        control("tuned", "plain", None),
        control("base", "plain", 0.9, probe=PAIRS, metric="graded"),
    ]
    assert failed_controls(frame(rows, tables.ESTIMATES)) == {}
    assert failed_controls(frame([], tables.ESTIMATES)) == {}
