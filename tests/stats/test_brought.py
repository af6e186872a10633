"""Columns that people bring: Series in another order, labels that are missing, a truth of 0.6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import stats
from biasaudit.stats.groups.brought import binary, labels, numbers, same_rows
from biasaudit.types import ClusterDesign

BROUGHT: Any = stats
"""As a notebook calls it: with Series, whatever the annotations say."""

# Women are granted 0.1 in four clusters, men 0.9.
FRAME = pd.DataFrame(
    {
        "granted": [0.1, 0.9] * 4,
        "gender": ["woman", "man"] * 4,
        "cluster": [f"c{number // 2}" for number in range(8)],
        "truth": [0, 1] * 4,
        "level": ["weak", "strong"] * 4,
    },
    index=[f"case {number}" for number in range(8)],
)


def difference(cases: stats.GroupOutcomes) -> float:
    """Mean of the women less that of the men, by hand."""
    gender = cases.sensitive_features["gender"]
    return float(cases.outcomes[gender == "woman"].mean() - cases.outcomes[gender == "man"].mean())


def of(frame: pd.DataFrame, **other: Any) -> stats.GroupOutcomes:
    columns: dict[str, Any] = {
        "outcomes": frame["granted"],
        "sensitive_features": {"gender": frame["gender"]},
        "clusters": frame["cluster"],
        "y_true": frame["truth"],
        "control_features": {"level": frame["level"]},
        **other,
    }
    cases: stats.GroupOutcomes = BROUGHT.group_outcomes(columns.pop("outcomes"), **columns)
    return cases


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(range(8)), which=st.sampled_from(["gender", "clusters", "y_true", "level", "outcomes"]))
def test_a_series_in_another_order_is_aligned_by_its_index(order: list[int], which: str) -> None:
    """Taken by position, a difference of -0.80 became +0.33."""
    turned = FRAME.iloc[order]
    changes: dict[str, dict[str, Any]] = {
        "gender": {"sensitive_features": {"gender": turned["gender"]}},
        "clusters": {"clusters": turned["cluster"]},
        "y_true": {"y_true": turned["truth"]},
        "level": {"control_features": {"level": turned["level"]}},
        "outcomes": {"outcomes": turned["granted"]},
    }
    other = changes[which]
    cases = of(FRAME, **other)
    assert difference(cases) == pytest.approx(-0.8)
    assert cases.y_true is not None
    cells = sorted(zip(cases.outcomes, cases.clusters, cases.y_true, cases.control_features["level"], strict=True))
    right = sorted(zip(*(FRAME[name] for name in ("granted", "cluster", "truth", "level")), strict=True))
    assert cells == right


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda s: s.iloc[:-1], "outcomes has 8 rows, and gender 7", id="fewer"),
        pytest.param(lambda s: s.rename({"case 3": "x"}), "other rows than outcomes: 1 of its labels", id="other"),
        pytest.param(lambda s: s.reset_index(drop=True), "other rows than outcomes: 8", id="numbered"),
        pytest.param(lambda s: s.rename({"case 3": "case 2"}), "the index repeats labels", id="repeated"),
    ],
)
def test_series_with_other_rows_are_refused(change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        of(FRAME, sensitive_features={"gender": change(FRAME["gender"])})


def test_columns_without_an_index_go_by_position_if_no_series_is_turned() -> None:
    as_lists = of(FRAME, clusters=FRAME["cluster"].tolist(), sensitive_features={"gender": FRAME["gender"].to_numpy()})
    assert difference(as_lists) == pytest.approx(-0.8)
    repeated = FRAME.set_axis([0, 0, 1, 1, 2, 2, 3, 3])
    assert difference(of(repeated)) == pytest.approx(-0.8), "equal indexes need not be unique"
    with pytest.raises(ValueError, match="clusters has no index to tell"):
        of(FRAME, clusters=FRAME["cluster"].tolist(), sensitive_features={"gender": FRAME["gender"].iloc[::-1]})


MISSING: list[object] = [None, float("nan"), np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), np.float32("nan")]


@pytest.mark.parametrize("nothing", MISSING, ids=repr)
@pytest.mark.parametrize("which", ["gender", "clusters", "level"])
def test_a_missing_label_is_refused_with_how_many_and_where(nothing: object, which: str) -> None:
    """As text it became a group `nan` or `None`."""
    column = ["woman", nothing, "woman", "man", nothing, "man", "woman", "man"]
    changes: dict[str, dict[str, Any]] = {
        "gender": {"sensitive_features": {"gender": column}},
        "clusters": {"clusters": column},
        "level": {"control_features": {"level": column}},
    }
    other = changes[which]
    with pytest.raises(ValueError, match=f"{which}: 2 of 8 labels are missing, the first at position 1"):
        of(FRAME, **other)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None], dtype="string"),
        pd.Series(["a", None], dtype="category"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1.0, None]),
        pd.Series([pd.Timestamp("2020-01-01"), pd.NaT]),
        np.ma.masked_array(["a", "b"], mask=[False, True]),
        np.array([1.0, np.nan]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_label_that_a_library_hides_is_missing(column: Any) -> None:
    with pytest.raises(ValueError, match="1 of 2 labels are missing, the first at position 1"):
        labels("gender", column)


def test_labels_of_whatever_kind_become_text() -> None:
    assert labels("x", [1, "a", True, 2.5]).tolist() == ["1", "a", "True", "2.5"]
    categories: Any = pd.Series(["a", "b"], dtype="category")
    assert labels("x", categories).tolist() == ["a", "b"]
    assert labels("x", ["nan", "None", ""]).tolist() == ["nan", "None", ""], "these are words, not gaps"
    with pytest.raises(ValueError, match="is one text"):
        labels("x", "abc")
    with pytest.raises(ValueError, match="2 dimensions"):
        labels("x", np.array([["a"], ["b"]]))


@pytest.mark.parametrize("value", [0.6, -1, 2, "1", "yes", None, float("nan"), pd.NA, 1 + 0j, 0.9999999])
def test_a_truth_that_is_not_0_or_1_is_refused_before_it_is_converted(value: object) -> None:
    """0.6 became 0."""
    with pytest.raises(ValueError, match=r"y_true must be 0 or 1, and at position 2 it is"):
        of(FRAME, y_true=[0, 1, value, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    "column",
    [
        [0, 1],
        [False, True],
        [0.0, 1.0],
        np.array([False, True]),
        np.array([0, 1], dtype=np.uint8),
        pd.Series([0, 1], dtype="Int64"),
        pd.Series([0, 1], dtype="boolean"),
    ],
    ids=repr,
)
def test_a_truth_may_be_written_in_several_ways(column: Any) -> None:
    found = binary("y_true", column)
    assert found.tolist() == [0, 1]
    assert found.dtype == np.int_


@pytest.mark.parametrize("value", ["0.5", b"1", 1j, [0.5]])
def test_text_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="outcomes must be numbers, and at position 1 it is"):
        of(FRAME, outcomes=[0.1, value, *[0.5] * 6])


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, 1.5, -0.1])
def test_an_outcome_that_is_absent_or_no_share_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        of(FRAME, outcomes=[0.1, value, *[0.5] * 6])


def test_numbers_keep_what_is_not_scored_as_nan() -> None:
    gap: Any = [1, None, 0.5]
    assert np.array_equal(numbers("x", gap), [1.0, np.nan, 0.5], equal_nan=True)
    whole = np.array([1.0, 2.0])
    assert numbers("x", whole) is whole


def test_the_friends_of_group_outcomes_align_too() -> None:
    """Every public function that takes columns: a turned Series gives what the straight one gives, or is refused."""
    values = pd.Series([0.0, 0.25, 0.5, 0.75, 1.0, 0.5], index=list("abcdef"))
    of_cluster = pd.Series(["x", "x", "y", "y", "z", "z"], index=list("abcdef"))
    straight, turned = (BROUGHT.clustered(values, one) for one in (of_cluster, of_cluster.iloc[::-1]))
    assert turned.means.tolist() == straight.means.tolist() == [0.125, 0.625, 0.75]

    first = pd.Series([1.0, 1.0, -1.0, 0.0], index=list("abcd"))
    second = pd.Series([1.0, -1.0, 1.0, 0.0], index=list("abcd"))
    assert BROUGHT.item_flows(first, second.iloc[::-1]) == BROUGHT.item_flows(first.to_numpy(), second.to_numpy())
    assert BROUGHT.null_churn([first, second.iloc[::-1]]) == 0.5  # 1 of 2 removed, 1 introduced

    six = pd.Series([0.5] * 6, index=list("abcdef"))
    later = pd.Series([0.0, 0.1, 0.2, 0.3, 0.4, np.nan], index=list("abcdef"))
    names = pd.Series(list("uvwxyz"), index=list("abcdef"))
    bounds = [
        BROUGHT.missing_bounds(six, one, other, ClusterDesign.DESIGNED)
        for one, other in ((later, names), (later.iloc[::-1], names.iloc[[2, 0, 1, 5, 4, 3]]))
    ]
    assert bounds[0] == bounds[1]

    texts = pd.Series([f"word{number % 2} other" for number in range(24)])
    groups = pd.Series([("woman", "man")[number % 2] for number in range(24)])
    clusters = pd.Series([f"c{number // 4}" for number in range(24)])
    found = [
        BROUGHT.two_sample_test(texts, one, clusters, rng=np.random.default_rng(0), n_permutations=20)
        for one in (groups, groups.iloc[::-1])
    ]
    assert found[0] == found[1]
    assert found[0].auc == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: BROUGHT.clustered([1.0, 2.0], ["a", None]),
        lambda: BROUGHT.missing_bounds(np.zeros(2), np.zeros(2), ["a", float("nan")], ClusterDesign.DESIGNED),
        lambda: BROUGHT.two_sample_test(["a", "b"], ["x", pd.NA], ["c", "d"], rng=np.random.default_rng(0)),
        lambda: BROUGHT.two_sample_test(["a", "b"], ["x", "y"], ["c", None], rng=np.random.default_rng(0)),
        lambda: BROUGHT.two_sample_test(["a", None], ["x", "y"], ["c", "d"], rng=np.random.default_rng(0)),
    ],
)
def test_the_friends_of_group_outcomes_refuse_missing_labels(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="1 of 2 labels are missing, the first at position 1"):
        call()


def test_values_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 values before and 2 after"):
        BROUGHT.item_flows(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="3 values before and 2 after"):
        BROUGHT.missing_bounds(np.zeros(3), np.zeros(2), ["a"] * 3, ClusterDesign.DESIGNED)


def test_what_was_not_given_is_left_out() -> None:
    assert same_rows({"a": [1], "b": None}) == {"a": [1]}
