"""A negative control that leans is the first note of the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from biasaudit.facade import Audit
from biasaudit.report.sections.first.failed_controls import failed_controls
from biasaudit.report.sections.first_screen import first_screen
from tests.report.factory import JOBS, PAIRS, audit

NAMES = {JOBS: "Jobs", PAIRS: "Pairs"}
PLAIN: dict[str, Any] = {"contrasts": ("weights, plain",), "with_disparities": False, "with_families": False}


def leaning(made: Audit, *arms: tuple[str, str], by: float = 0.1) -> Audit:
    """Move the control of arms by so much: it is 0.004 with a half-width of 0.021."""
    table = made.estimates.copy()
    for checkpoint, framing in arms:
        hit = (table["metric"] == "control") & (table["checkpoint"] == checkpoint) & (table["framing"] == framing)
        table.loc[hit, ["value", "ci_low", "ci_high"]] += by
    return replace(made, estimates=table)


def test_controls_that_cover_0_are_no_note() -> None:
    assert failed_controls(audit(**PLAIN), NAMES) == ()


@pytest.mark.parametrize("by", [0.1, -0.1])
def test_a_control_that_leans_either_way_is_said_with_its_models_and_numbers(by: float) -> None:
    """Its first sentence is the line that stands; the numbers are one press away."""
    made = leaning(audit(**PLAIN), ("tuned", "plain"), by=by)
    (said,) = failed_controls(made, NAMES)
    assert said.startswith(
        "Negative control of Jobs does not cover 0 in the tuned model on plain text: part of its lean may be no "
        "stereotype. "
    )
    number = "0.104 (0.083 to 0.125)" if by > 0 else "−0.096 (−0.117 to −0.075)"
    assert said.endswith(f"Jobs: {number} in the tuned model on plain text.")


def test_several_models_are_one_note() -> None:
    """Three notes stand on the first screen: one probe must not take them all."""
    made = leaning(audit(**PLAIN), ("base", "plain"), ("tuned", "chat"))
    (said,) = failed_controls(made, NAMES)
    assert "in the base on plain text and the tuned model in the chat template: part" in said


def test_several_probes_are_one_note() -> None:
    made = leaning(audit(**PLAIN), ("base", "plain"))
    more = made.estimates[(made.estimates["probe"] == JOBS) & (made.estimates["metric"] == "control")]
    doubled = pd.concat([made.estimates, more.assign(probe=PAIRS)], ignore_index=True)
    (said,) = failed_controls(replace(made, estimates=doubled), NAMES)
    assert said.startswith(
        "Negative controls of Jobs (in the base on plain text) and Pairs (in the base on plain text) do not cover 0: "
        "part of their lean may be no stereotype."
    )


def test_of_a_probe_that_cannot_be_read_nothing_is_said() -> None:
    """No lean of it is claimed that a control could take back."""
    unread = [(JOBS, "gender", True, 0.3, 0.1, "not interpretable", ""), (PAIRS, "age", True, 0.3, 0.1, "reduced", "")]
    assert failed_controls(leaning(audit(cells=unread, **PLAIN), ("base", "plain")), NAMES) == ()
    assert failed_controls(leaning(audit(headlines=(), **PLAIN), ("base", "plain")), NAMES) == ()


def test_it_is_the_first_note_of_the_page() -> None:
    """Before what was told of the checkpoints: it bears on what the leans mean."""
    made = leaning(audit(manifest_changes={"told": ["tuned is the same files as base."]}, **PLAIN), ("base", "plain"))
    first, second = first_screen(made, made.manifest.as_dict(), NAMES).warnings
    assert first.startswith("Negative control of Jobs")
    assert second == "tuned is the same files as base."
