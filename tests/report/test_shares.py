"""The headline says one thing with one name, wherever it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from biasaudit.report.words.shares import beside, brief, left_out, sentence
from biasaudit.types import Estimate, Status
from tests.report.factory import HEADLINE


def share(low: float, value: float, high: float) -> Estimate:
    return Estimate(status=Status.OK, value=value, ci_low=low, ci_high=high, unit="relative")


@pytest.mark.parametrize("related", [True, False])
def test_a_lean_on_the_other_side_is_never_called_removed(*, related: bool) -> None:
    """102 % of an inherited lean cannot be removed: 2 % of its size leans the other way."""
    said = sentence(replace(HEADLINE, relative_reduction=share(1.01, 1.02, 1.4)), related=related)
    assert "removed" not in said
    assert "lacks" not in said
    assert "goes the other way, with 2.0\u00a0% (95\u00a0% interval 1.0\u00a0% to 40.0\u00a0%)" in said
    assert brief(share(1.01, 1.02, 1.4)) == (
        "leans the other way, with 2.0\u00a0% (1.0\u00a0% to 40.0\u00a0%) of its size"
    )


def test_the_next_contrast_of_the_same_checkpoint_stands_beside_the_answer() -> None:
    deployed = replace(HEADLINE, contrast="as deployed")
    earlier = replace(HEADLINE, tuned="sft", contrast="weights, chat")
    assert beside(deployed, [deployed, earlier, HEADLINE], related=True).startswith(
        "The weights alone, on plain text: "
    )
    assert beside(deployed, [deployed, earlier], related=True) == ""


def test_cells_that_are_left_out_are_counted_by_reason() -> None:
    assert left_out(HEADLINE) == ""
    two = replace(HEADLINE, left_out={"not interpretable": 1, "scale saturated": 1})
    assert left_out(two) == "2 of 5 cells are left out of the share (1 not interpretable, 1 scale saturated)."
    assert left_out(replace(HEADLINE, left_out={"not measured": 1})).startswith("1 of 5 cells is left out")


def test_what_is_not_estimable_has_its_reason_and_no_number() -> None:
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method="no cell is interpretable", unit="relative")
    said = sentence(replace(HEADLINE, relative_reduction=nothing), related=True)
    assert said == (
        "The weights alone, on plain text: not estimable, no cell is interpretable. "
        "No number is given for the share of the inherited lean that is gone."
    )
    assert brief(nothing) == "not estimable: no cell is interpretable"
