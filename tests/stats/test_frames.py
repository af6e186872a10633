"""Results as tables: every number in a column of its own, and what is not there as NaN beside its reason."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from biasaudit import stats
from biasaudit.stats import GroupEstimate, GroupMetric, Quantity, frame_of
from biasaudit.types import ClusterDesign, Estimate, Status, Verdict, VerdictCode

OK = Estimate(status=Status.OK, value=0.25, ci_low=0.125, ci_high=0.5, n_items=40, n_clusters=8, method="t")
NONE = Estimate(status=Status.TOO_FEW_CLUSTERS, n_items=3, n_clusters=2, method="fewer than 5 clusters")
OF_ESTIMATE = ["status", "value", "ci_low", "ci_high", "level", "n_items", "n_clusters", "method", "unit"]


def group(name: tuple[str, ...], estimate: Estimate, *, p_value: float | None = None) -> GroupEstimate:
    return GroupEstimate(
        quantity=Quantity.BY_GROUP,
        metric=GroupMetric.MEAN,
        control=(),
        group=name,
        reference=None,
        estimate=estimate,
        descriptive=0.25,
        small=False,
        p_value=p_value,
    )


def cases() -> stats.GroupOutcomes:
    return stats.group_outcomes(
        [0.2, 0.4] * 5, sensitive_features={"gender": ["man", "woman"] * 5}, clusters=list("aabbccddee")
    )


def test_estimates_are_rows_and_what_is_not_there_is_nan_beside_its_reason() -> None:
    """Also where none of them has a number: the column stays one of numbers."""
    found = frame_of([OK, NONE])
    assert found.columns.tolist() == OF_ESTIMATE
    assert found["status"].tolist() == ["ok", "too few clusters"]
    assert found["value"].iloc[0] == 0.25
    assert math.isnan(found["ci_low"].iloc[1])
    assert frame_of(NONE)["value"].dtype == np.float64
    assert frame_of(OK).shape == (1, 9)


def test_groups_are_text_and_their_estimate_has_no_name_before_it() -> None:
    """An intersection is its labels in the order of the features."""
    found = frame_of([group(("woman", "old"), OK, p_value=0.5), group((), NONE)])
    assert found["group"].tolist() == ["woman, old", ""]
    assert found["value"].iloc[0] == 0.25
    assert found["p_value"].iloc[0] == 0.5
    assert math.isnan(found["p_value"].iloc[1])
    assert found[["quantity", "metric"]].iloc[0].tolist() == ["by group", "mean_prediction"]
    assert found["reference"].iloc[0] is None


def test_what_groups_are_returned_as_is_a_table() -> None:
    """By hand: 0.2 and 0.4 in five clusters each, no spread; their difference is 0.2."""
    assert frame_of(stats.by_group(cases()))["value"].tolist() == pytest.approx([0.2, 0.4])
    [row] = frame_of(stats.difference_to_reference(cases(), "man")).to_dict("records")
    assert (row["group"], row["reference"], row["value"]) == ("woman", "man", pytest.approx(0.2))


def test_a_change_has_each_number_under_the_name_of_what_it_is_of() -> None:
    """By hand: the first arm is 0.5 more in each of six clusters, up to a tenth; D is 0.5, S 0.7."""
    noise = np.array([0.1, -0.1, 0.05, -0.05, 0.02, -0.02])
    second = np.full(6, 0.1)
    first, later = (stats.clustered(values, list("abcdef")) for values in (second + 0.5 + noise, second))
    change = stats.paired_change(first, later, ClusterDesign.DESIGNED, rng=np.random.default_rng(0))
    [row] = frame_of(change).to_dict("records")
    assert row["reduction_value"] == pytest.approx(0.5)
    assert row["total_value"] == pytest.approx(0.7)
    assert row["reduction_90_level"] == 0.9
    assert change.test is not None
    assert (row["p_value"], row["test"]) == (change.test.p_value, change.test.test)
    assert {"total_p_value", "first_p_value", "second_p_value", "equivalence_p_value", "relative_status"} <= set(row)


def test_a_test_that_was_not_made_has_no_p_value() -> None:
    """Two clusters: nothing is tested."""
    one = stats.clustered([0.1, 0.2], ["a", "b"])
    [row] = frame_of(stats.paired_change(one, one, ClusterDesign.DESIGNED, rng=np.random.default_rng(0))).to_dict(
        "records"
    )
    assert row["reduction_status"] == "too few clusters"
    assert math.isnan(row["p_value"])
    assert row["test"] is None


def test_bounds_have_both_ends_of_either_arm() -> None:
    """By hand: one of six values of the first arm is missing; at -1 it is least, at +1 greatest."""
    first = np.array([0.5, 0.5, 0.5, 0.5, 0.5, np.nan])
    bounds = stats.missing_bounds(first, np.zeros(6), list("abcdef"), ClusterDesign.DESIGNED)
    [row] = frame_of(bounds).to_dict("records")
    assert row["first_lowest_value"] == pytest.approx(1.5 / 6)
    assert row["first_highest_value"] == pytest.approx(3.5 / 6)
    assert row["lowest_value"] == pytest.approx(1.5 / 6)


def test_flows_are_one_row_for_each_state_before_and_after() -> None:
    """By hand: one item kept, one removed, one never; sixteen rows, which add up to the items."""
    flows = stats.item_flows(np.array([1.0, 1.0, -1.0]), np.array([1.0, 0.0, -1.0]))
    found = frame_of(flows)
    assert len(found) == 16
    assert found["n_items"].sum() == 3
    rows = found[found["n_items"] > 0].values.tolist()
    assert rows == [["stereotype", "stereotype", 1], ["stereotype", "neutral", 1], ["counter", "counter", 1]]


def test_arrays_are_one_row_an_item() -> None:
    assert frame_of(stats.clustered([0.5, 1.5], ["b", "a"])).to_dict("list") == {"value": [0.5, 1.5], "cluster": [1, 0]}
    crossed = replace(stats.clustered([0.5, 1.5], ["b", "a"]), also=np.array([0, 1]))
    assert frame_of(crossed)["also"].tolist() == [0, 1]
    found = frame_of(cases())
    assert found.columns.tolist() == ["gender", "clusters", "outcomes"]
    assert found["outcomes"].tolist() == [0.2, 0.4] * 5
    told = stats.group_outcomes([0.2, 0.8], sensitive_features={"x": ["a", "b"]}, clusters=[1, 2], y_true=[0, 1])
    assert frame_of(told)["y_true"].tolist() == [0, 1]


def test_every_other_result_is_a_row() -> None:
    """Those of a power plan, a test, a verdict, a spread, three claims, a classifier, and a range of groups."""
    prospect = stats.Prospect(n_items=10, n_clusters=2, smallest_detectable_change=None, power_unchanged=0.5)
    assert math.isnan(frame_of(prospect)["smallest_detectable_change"].iloc[0])
    assert frame_of(stats.TestResult(p_value=0.25, test="t")).to_dict("list") == {"p_value": [0.25], "test": ["t"]}
    ruling = stats.Ruling(verdict=Verdict.REDUCED, code=VerdictCode.SMALLER, reason="so")
    assert frame_of([ruling]).values.tolist() == [["reduced", "smaller", "so"]]
    assert frame_of(stats.Spread(error=0.5, freedom=4.0, method="t"))["error"].tolist() == [0.5]
    assert frame_of(stats.ClaimPValues(size=0.5, moved=0.25, sides=1.0)).values.tolist() == [[0.5, 0.25, 1.0]]
    assert frame_of(stats.TwoSampleResult(status=Status.NOT_MEASURED))["status"].tolist() == ["not measured"]
    between = stats.between_groups(cases(), rng=np.random.default_rng(0))
    [row] = frame_of(between).to_dict("records")
    assert row["left_out"] == "man; woman", "both have five items, fewer than 30"
    assert (row["groups"], row["difference_status"]) == ("", between[0].difference.status.value)


@pytest.mark.parametrize("wrong", [3, "reduced", [3], [OK, group(("a",), OK)], pd.DataFrame()])
def test_what_is_no_result_or_several_kinds_is_told(wrong: object) -> None:
    with pytest.raises(TypeError, match="cannot be one table; give a result, or several of one kind, of: Estimate, "):
        frame_of(wrong)  # type: ignore[arg-type]  # on purpose


def test_nothing_is_no_table() -> None:
    """It would have no columns, and fail where it is used."""
    with pytest.raises(ValueError, match="there are no results"):
        frame_of([])


def test_pandas_is_imported_when_a_table_is_made() -> None:
    """`import biasaudit.stats` serves those who never make one."""
    code = "import sys, biasaudit.stats\nprint('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_arrays_are_printed_by_how_many_there_are() -> None:
    """A thousand numbers are a wall of text; each of them is a row of the table."""
    sample = stats.clustered(np.zeros(2000), np.arange(2000) % 50)
    assert repr(sample) == "Clustered(2,000 items in 50 clusters)"
    crossed = replace(stats.clustered([0.5, 1.5], ["b", "a"]), also=np.array([0, 1]))
    assert repr(crossed) == "Clustered(2 items in 2 clusters, crossed with 2 others)"
    assert repr(cases()) == "GroupOutcomes(10 items in 5 clusters; groups: gender of 2)"
    told = stats.group_outcomes([0.2, 0.8], sensitive_features={"x": ["a", "b"]}, clusters=[1, 2], y_true=[0, 1])
    assert repr(told).endswith("x of 2, truth known)")
