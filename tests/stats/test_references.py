"""The reference of groups: of one feature a label, of several one label of each; and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biasaudit import stats
from tests.examples import example


def two() -> stats.GroupOutcomes:
    """Twenty cases by gender and age, in ten clusters of two."""
    return stats.group_outcomes(
        [0.2, 0.4] * 10,
        sensitive_features={"gender": ["man", "woman"] * 10, "age": ["old", "young", "young", "old"] * 5},
        clusters=list("aabbccddeeffgghhiijj"),
    )


def test_a_reference_is_one_label_of_each_feature_in_their_order() -> None:
    """By hand: men have 0.2 and women 0.4, whatever their age."""
    found = {row.group: row.estimate.value for row in stats.difference_to_reference(two(), ("man", "old"))}
    expected = {("man", "young"): 0.0, ("woman", "old"): 0.2, ("woman", "young"): 0.2}
    assert found == pytest.approx(expected)


def test_a_single_label_is_told_what_a_reference_is_and_how_to_take_its_feature_alone() -> None:
    """What the message says works: of gender alone, women have 0.2 more."""
    with pytest.raises(ValueError, match="no group 'man'") as caught:
        stats.difference_to_reference(two(), "man")
    assert str(caught.value) == (
        "no group 'man': these cases have 2 sensitive features, and their groups are the intersections, so that a "
        "reference is one label of each, in this order, such as ('man', 'old'). Labels of gender: man, woman; age: "
        "old, young. For the groups of one feature alone: cases.over('gender')"
    )
    [row] = stats.difference_to_reference(two().over("gender"), "man")
    assert row.group == ("woman",)
    assert row.estimate.value == pytest.approx(0.2)
    with pytest.raises(ValueError, match=r"cases\.over\('age'\)"):
        stats.difference_to_reference(two(), "young")


@pytest.mark.parametrize("wrong", ["nobody", ("old", "man"), ("man", "middle-aged"), ("man", "old", "x"), ()])
def test_labels_that_are_not_there_or_in_another_order_are_told_the_same(wrong: str | tuple[str, ...]) -> None:
    """Also of ratios."""
    with pytest.raises(ValueError, match="one label of each, in this order"):
        stats.difference_to_reference(two(), wrong)
    with pytest.raises(ValueError, match="one label of each, in this order"):
        stats.ratio_to_reference(two(), wrong, rng=np.random.default_rng(0))


@pytest.mark.parametrize("wrong", ["nobody", ("man", "old")])
def test_of_one_feature_the_labels_are_told(wrong: str | tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a reference is one label of gender; there are: man; woman"):
        stats.difference_to_reference(two().over("gender"), wrong)


def test_a_declared_label_without_items_is_a_reference_without_a_number() -> None:
    """It is a group of the card: not measured, and no error."""
    cases = stats.group_outcomes(
        [0.2] * 10, sensitive_features={"x": ["a"] * 10}, clusters=list("aabbccddee"), declared={"x": ["a", "b"]}
    )
    [row] = stats.difference_to_reference(cases, "b")
    assert row.estimate.value is None


def test_the_example_of_the_page_on_probes_has_these_differences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: men have 0.8 and 0.7, women 0.6 and 0.7, in each of five scenarios: a tenth less in the mean."""
    module = example("probes.md", "answers.py", tmp_path, monkeypatch)
    [row] = module.found
    assert row.estimate.value == pytest.approx(-0.1)
    values = {row.group: row.estimate.value for row in stats.difference_to_reference(module.both, ("man", "young"))}
    assert values[("woman", "young")] == pytest.approx(-0.2)
