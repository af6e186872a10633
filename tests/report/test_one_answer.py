"""The note on a checkpoint that gives one answer to every case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biasaudit.report.sections.first.one_answer import one_answer
from tests.report.by_group import HIRING, disparities, rows
from tests.report.factory import audit

if TYPE_CHECKING:
    import pandas as pd

POSTS = "posts"
NAMES = {HIRING: "Hiring", POSTS: "Posts"}
CARDS = {POSTS: {"format": "comments"}}


def notes(table: pd.DataFrame, *, cards: dict[str, Any] | None = None) -> tuple[str, ...]:
    made = audit(cells=(), contrasts=(), with_disparities=False, with_estimates=False, with_families=False)
    return one_answer(replace(made, disparities=table), {"probes": cards or {}}, NAMES)


def rates(base: tuple[float | None, ...], tuned: tuple[float | None, ...], **settings: Any) -> list[dict[str, Any]]:
    groups = ("man", "woman", "other")
    table = [("selection_rate", *row) for row in zip(groups, ("",) * 3, base, tuned, strict=False)]
    return rows(table, **{"framings": ("plain",), **settings})


def test_refusing_everyone_is_said_with_the_rates_of_the_base_and_their_intervals() -> None:
    """Half-width 0.05: the base grants 0.4 to 0.8; 0 has an interval up to 0.05."""
    (said,) = notes(disparities(rates((0.8, 0.4), (0.0, 0.0))))
    assert said.startswith("The tuned model refuses every case in Hiring, whatever the group.")
    assert "Share granted by the base, lowest and highest group: 0.40 (0.35 to 0.45) and 0.80 (0.75 to 0.85)." in said
    assert "After tuning: 0 in every group, with intervals up to 0.05." in said
    assert said.endswith("that alone is not fairness.")


def test_letting_everything_pass_names_the_toxic_comments() -> None:
    """Only where none of them was caught; and the two answers are two notes."""
    caught = rows([("true_positive_rate", "man", "", 0.6, 0.0)], probe=POSTS, framings=("plain",))
    passed = rates((0.4, 0.4), (1.0, 1.0), probe=POSTS)
    refused = rates((0.8, 0.4), (0.0, 0.0))
    first, second = notes(disparities(refused, passed, caught), cards=CARDS)
    assert first.startswith("The tuned model refuses every case in Hiring")
    assert second.startswith("The tuned model lets every comment pass, the toxic ones too, in Posts")
    assert "Share let pass by the base, lowest and highest group: 0.40 (0.35 to 0.45). After" in second
    assert "After tuning: 1 in every group, with intervals down to 0.95." in second
    assert "the toxic ones too" not in notes(disparities(passed), cards=CARDS)[0]
    assert "grants every case in Posts" in notes(disparities(passed))[0]
    blocked = notes(disparities(rates((0.4, 0.4), (0.0, 0.0), probe=POSTS)), cards=CARDS)
    assert blocked[0].startswith("The tuned model calls every comment toxic in Posts")


def test_framings_and_probes_of_one_answer_share_a_note() -> None:
    """The rates of the base are given by framing."""
    table = disparities(
        rates((0.8, 0.4), (0.0, 0.0), framings=("plain", "chat")), rates((0.6, 0.5), (0.0, 0.0), probe=POSTS)
    )
    (said,) = notes(table)
    assert "in Hiring and Posts, whatever the group" in said
    assert said.count("Hiring, plain: ") == said.count("Hiring, chat: ") == said.count("Posts, plain: ") == 1


def test_one_granted_case_one_measured_group_or_no_base_is_no_such_answer() -> None:
    """A group that was not measured is not a group that was refused."""
    assert notes(disparities(rates((0.8, 0.4), (0.0, 0.1)))) == ()
    assert notes(disparities(rates((0.8, 0.4), (0.0, None)))) == ()
    assert notes(disparities(rates((None, None), (0.0, 0.0)))) == ()
    assert notes(disparities(rates((0.0, 0.0), (0.5, 0.5)))) == ()
    assert notes(disparities()) == ()
