"""The group of a row, wherever the table writes it beside its reference."""

from __future__ import annotations

import pytest

from biasaudit.record import tables
from biasaudit.record.pairs import JOINTS, group_and_reference


@pytest.mark.parametrize(
    ("statistic", "written", "reference", "group"),
    [
        ("difference", "woman - man", "man", "woman"),
        ("selection_rate_ratio", "woman / man", "man", "woman"),
        ("false_positive_rate_difference", "Black - white", "white", "Black"),
        ("true_positive_rate_difference", "Black - white", "white", "Black"),
        ("impact_ratio", "woman", "man", "woman"),
        ("by_group", "woman", "", "woman"),
        ("by_attribute", "nurse", "0.9", "nurse"),
        # Names may hold what joins two of them.
        ("difference", "18 - 30 - 31 - 60", "31 - 60", "18 - 30"),
        ("impact_ratio", "they / them", "them", "they / them"),
    ],
)
def test_the_group_is_read_without_its_reference(statistic: str, written: str, reference: str, group: str) -> None:
    row = {"statistic": statistic, "group": written, "reference": reference}
    assert group_and_reference(row) == (group, reference)


def test_every_statistic_with_a_pair_is_one_of_the_table() -> None:
    [check] = tables.DISPARITIES.columns["statistic"].checks
    assert set(JOINTS) < set(check.statistics["allowed_values"])
    assert {name for name in check.statistics["allowed_values"] if name.endswith(("difference", "_ratio"))} == {
        *JOINTS,
        "impact_ratio",
    }
