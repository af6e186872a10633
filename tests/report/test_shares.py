"""The headline says one thing with one name, wherever it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from biasaudit.analysis.headlines import FEW_SCORED, NONE_LEFT
from biasaudit.report.words.shares import beside, beside_of, best_estimate, brief, brief_of, left_out, rounded, sentence
from biasaudit.stats.headline import WEAK
from biasaudit.types import Estimate, Status
from tests.report.factory import HEADLINE

NOTHING = "no overall change is shown: the tuned model"
DEPLOYED = replace(HEADLINE, contrast="as deployed")


def share(low: float, value: float, high: float) -> Estimate:
    return Estimate(status=Status.OK, value=value, ci_low=low, ci_high=high, unit="relative")


def said(estimate: Estimate, *, related: bool = True, **changes: object) -> str:
    """Return the sentence as deployed, with plain spaces."""
    headline = replace(DEPLOYED, relative_reduction=estimate, **changes)  # type: ignore[arg-type]  # fields by name
    return sentence(headline, related=related).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (0.05, 0.123, 0.196, "the tuned model leans 12 % less than the base (between 5 % and 20 % less)."),
        (-0.189, -0.117, -0.06, "the tuned model leans 12 % more than the base (between 6 % and 19 % more)."),
        (-0.223, -0.07, 0.039, f"{NOTHING} leans between 4 % less and 22 % more than the base."),
        (-0.08, 0.1, 0.28, f"{NOTHING} leans between 28 % less and 8 % more than the base."),
        (1.0, 1.0, 1.0, "the tuned model no longer leans."),
        (
            1.01, 1.02, 1.4,
            "the tuned model leans the other way, with 2 % of the size of the base's lean (between 1 % and 40 %).",
        ),
        (
            0.9, 0.95, 1.0,
            (
                "the tuned model leans 95 % less than the base (between 90 % and 100 % less); to which side the rest "
                "leans is not clear everywhere."
            ),
        ),
    ],
)  # fmt: skip
def test_each_case_is_one_sentence_that_names_its_direction(
    low: float, value: float, high: float, expected: str
) -> None:
    """Reduced, grew, nothing shown, turned, rest of unclear side: no minus sign, and no growth by "more to less"."""
    assert said(share(low, value, high)) == f"As deployed, {expected}"


def test_only_where_every_cell_that_can_be_read_is_unchanged_it_leans_as_much_as_the_base() -> None:
    """That no change is shown is no equality: one inconclusive cell, and the sentence claims less."""
    alike = {"unchanged": 4, "not interpretable": 3}
    assert said(share(-0.03, -0.01, 0.02), counts=alike) == (
        "As deployed, the tuned model leans as much as the base, to within the margin in each of 4 comparisons "
        "(in sum, between 2 % less and 3 % more)."
    )
    assert "in the one comparison" in said(share(-0.03, -0.01, 0.02), counts={"unchanged": 1})
    assert "no overall change is shown" in said(share(-0.03, -0.01, 0.02), counts={**alike, "inconclusive": 1})
    assert "no overall change is shown" in said(share(-0.03, -0.01, 0.02), counts={"not interpretable": 3})
    assert "leans 4 % less" in said(share(0.01, 0.04, 0.07), counts=alike)


@pytest.mark.parametrize("related", [True, False])
def test_a_lean_on_the_other_side_is_never_called_less(*, related: bool) -> None:
    """102 % of an inherited lean cannot be removed: 2 % of its size leans the other way."""
    assert " less" not in said(share(1.01, 1.02, 1.4), related=related)
    assert brief(share(1.01, 1.02, 1.4)).replace("\u00a0", " ") == (
        "the other way, with 2 % of the size of the base's lean (between 1 % and 40 %)"
    )


def test_a_model_of_another_lineage_is_not_called_tuned() -> None:
    assert said(share(0.05, 0.1, 0.2), related=False).startswith("As deployed, the second model leans 10 % less")


def test_a_checkpoint_that_was_named_is_named() -> None:
    """Of several, the answer is about one; a long name is cut."""
    assert said(share(0.05, 0.1, 0.2), tuned="dpo").startswith("As deployed, the tuned model, dpo, leans 10 % less")
    assert f"{'x' * 40}… (60 more characters)" in said(share(0.05, 0.1, 0.2), tuned="x" * 100)


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (0.001, 0.004, 0.006, "leans 0.4 % less than the base (between 0.1 % and 0.6 % less)"),
        (0.002, 0.1, 0.2, "leans 10 % less than the base (between 0.2 % and 20 % less)"),
        (0.0001, 0.1, 0.2, "(between under 0.1 % and 20 % less)"),
        (-0.003, 0.1, 0.2, "leans between 20 % less and 0.3 % more than the base"),
        (0.98, 0.996, 0.999, "leans 99.6 % less than the base (between 98.0 % and 99.9 % less)"),
    ],
)
def test_a_bound_that_is_not_0_is_not_rounded_to_0(low: float, value: float, high: float, expected: str) -> None:
    """Whole percents from an interval of two on; "between 0 % and 20 %" would take back that something is shown."""
    assert expected in said(share(low, value, high))


def test_nothing_and_all_are_said_as_they_are() -> None:
    assert [rounded(value) for value in (0.0, 1.0)] == ["0\u00a0%", "100\u00a0%"]


@pytest.mark.parametrize(
    ("status", "method", "left", "expected"),
    [
        (Status.NOT_ESTIMABLE, WEAK, {}, "Not estimable as deployed: the base leans too little for a share"),
        (
            Status.NOT_ESTIMABLE, f"{NONE_LEFT} (3 not interpretable)", {"not interpretable": 3},
            "Not estimable as deployed: no comparison can be read (3 not interpretable). No number is given.",
        ),
        (
            Status.NOT_ESTIMABLE, f"{NONE_LEFT} (1 scale saturated)", {"scale saturated": 1},
            "Not estimable as deployed: no comparison counts towards a share (1 scale saturated).",
        ),
        (Status.NOT_ESTIMABLE, FEW_SCORED, {}, "Not estimable as deployed: under half of what one of the models was"),
        (Status.NOT_MEASURED, "", {}, "Not measured as deployed: there is no estimate. No number is given."),
        (Status.NOT_ESTIMABLE, "another reason", {}, "Not estimable as deployed: another reason. No number is given."),
    ],
)  # fmt: skip
def test_what_has_no_estimate_has_its_reason_and_no_number(
    status: Status, method: str, left: dict[str, int], expected: str
) -> None:
    """In words that the first screen has, without a word of the tables."""
    nothing = Estimate(status=status, method=method, unit="relative")
    assert said(nothing, left_out=left).startswith(expected)
    assert best_estimate(nothing) == ""


def test_the_short_form_has_status_and_reason() -> None:
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method="no cell is interpretable", unit="relative")
    assert brief(nothing) == "not estimable: no cell is interpretable"


def test_a_row_of_a_headline_says_what_it_leaves_out_or_why_there_is_no_number_in_the_words_of_the_page() -> None:
    """The reason as it was recorded speaks of cells."""
    two = replace(HEADLINE, left_out={"not interpretable": 2})
    assert brief_of(two).replace("\u00a0", " ") == (
        "12 % less (between 5 % and 20 % less); 2 of 5 comparisons are left out of the share (2 not interpretable)."
    )
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method="no cell can be counted (1 …)", unit="relative")
    none = replace(HEADLINE, relative_reduction=nothing, left_out={"not interpretable": 1})
    assert brief_of(none) == "not estimable: no comparison can be read (1 not interpretable)"


def test_the_best_estimate_stands_by_itself() -> None:
    """The sentence of "no change is shown" has none: a number in it would be read as one."""
    assert best_estimate(share(-0.223, -0.07, 0.039)) == "Best estimate: 7\u00a0% more lean"
    assert best_estimate(share(1.0, 1.0, 1.0)) == "Best estimate: no lean left"
    assert brief(share(1.0, 1.0, 1.0)) == "no lean left"
    assert best_estimate(share(1.01, 1.02, 1.4)) == "Best estimate: the other way, 2\u00a0% of its size"


def test_the_next_contrast_of_the_same_checkpoint_stands_beside_the_answer() -> None:
    earlier = replace(HEADLINE, tuned="sft", contrast="weights, chat")
    assert beside(DEPLOYED, [DEPLOYED, earlier, HEADLINE], related=True).startswith(
        "On plain text, the tuned model leans 12"
    )
    assert beside_of(DEPLOYED, [DEPLOYED, earlier, HEADLINE]) == "The weights alone"
    assert beside(DEPLOYED, [DEPLOYED, earlier], related=True) == ""
    other = replace(HEADLINE, contrast="some <other>")
    assert beside(DEPLOYED, [DEPLOYED, other], related=True).startswith("In “some <other>”, the tuned model leans")
    assert beside_of(DEPLOYED, [DEPLOYED, other]) == beside_of(DEPLOYED, [DEPLOYED]) == ""


def test_cells_that_are_left_out_are_counted_by_reason() -> None:
    assert left_out(HEADLINE) == ""
    two = replace(HEADLINE, left_out={"not interpretable": 1, "scale saturated": 1})
    assert left_out(two) == "2 of 5 comparisons are left out of the share (1 not interpretable, 1 scale saturated)."
    assert left_out(replace(HEADLINE, left_out={"not measured": 1})).startswith("1 of 5 comparisons is left out")


def test_where_a_neutral_base_became_a_leaning_model_the_sentence_says_it() -> None:
    """There is no share of nothing, and ten cells increased."""
    nothing = Estimate(status=Status.NOT_ESTIMABLE, method=WEAK, unit="relative")
    assert said(nothing, counts={"increased": 10}, n_cells=12).endswith(
        "10 of 12 comparisons increased. No number is given."
    )
