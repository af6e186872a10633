"""What a lean of some size means, for each kind of item."""

from __future__ import annotations

import pytest

from biasaudit.report.words.lean_size import how_large


@pytest.mark.parametrize(
    ("kind", "lean", "expected"),
    [
        ("association", 0.0, "50 of 100 parts"),
        ("association", 0.507, "75 of 100 parts"),  # (1 + 0.507) / 2 = 0.7535
        ("association", -1.0, "0.0 of 100 parts"),
        ("association", 1.0, "100 of 100 parts"),
        ("choice", 0.25, "of 100 parts of the probability, 25 more go to the person whom the stereotype names"),
        ("choice", -0.25, "25 more go to the person whom it does not name"),
        ("decision", 0.034, "a yes is 3.4 of 100 parts likelier for the group that the stereotype expects to be f"),
        ("decision", -0.5, "50 of 100 parts likelier for the group that the stereotype expects to be passed over"),
    ],
)  # fmt: skip
def test_a_lean_is_said_as_what_its_kind_averages(kind: str, lean: float, expected: str) -> None:
    """Yule's Y is 2 p - 1 of the stereotyped pairing; choices and decisions are differences of two shares."""
    assert expected in how_large(kind, lean)


@pytest.mark.parametrize("kind", ["pair", "likelihood", "unheard-of"])
def test_no_share_is_claimed_of_what_is_none(kind: str) -> None:
    """A pair's tanh(d / 4) is a compressed ratio: half of it is no half of anything."""
    assert how_large(kind, 0.5) == ""
