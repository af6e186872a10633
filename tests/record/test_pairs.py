"""A group and the one that it is set against: written in one place, read in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit.record import tables
from biasaudit.record.pairs import JOINTS, group_and_reference, in_pair, pair_of

NAME = st.sampled_from(["woman", "man", "non - binary", "woman / man", "a - b - a", "man - man", "", " - ", " / "])


@given(group=NAME, reference=NAME, statistic=st.sampled_from(sorted(JOINTS)))
def test_what_was_written_is_read_again(group: str, reference: str, statistic: str) -> None:
    """Whatever stands in the names: a joint in them must not cut them."""
    text = pair_of(group, reference, statistic=statistic)
    assert in_pair(text, reference=reference, statistic=statistic) == (group, reference)
    row = {"statistic": statistic, "group": text, "reference": reference}
    assert group_and_reference(row) == (group, reference)


def test_a_group_that_ends_like_a_ratio_is_not_cut_twice() -> None:
    """The difference of the group 'x / man' from 'man' is not that of 'x'."""
    row = {"statistic": "difference", "group": "x / man - man", "reference": "man"}
    assert group_and_reference(row) == ("x / man", "man")


@pytest.mark.parametrize("statistic", ["by_group", "impact_ratio", "by_attribute"])
def test_a_group_that_stands_alone_is_not_cut(statistic: str) -> None:
    row = {"statistic": statistic, "group": "so - called - man", "reference": "man"}
    assert group_and_reference(row) == ("so - called - man", "man")


def test_a_pair_of_another_reference_stays_as_it_is() -> None:
    """In a table from elsewhere: no group is made up."""
    assert in_pair("woman - man", reference="boy") == ("woman - man", "boy")


def test_every_statistic_with_a_pair_is_one_of_the_table() -> None:
    [check] = tables.DISPARITIES.columns["statistic"].checks
    assert set(JOINTS) < set(check.statistics["allowed_values"])
    assert {name for name in check.statistics["allowed_values"] if name.endswith(("difference", "_ratio"))} == {
        *JOINTS,
        "impact_ratio",
    }
