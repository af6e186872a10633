from __future__ import annotations

from pathlib import Path

import pytest

from biasaudit import gate
from biasaudit.errors import PolicyError
from biasaudit.gate.ready import READY, policy_path
from tests.gate.rows import Row, change, impact_ratio, judged, level, ratio


def rules(name: str) -> list[Row]:
    """The rules of a ready policy as they would stand in another."""
    policy = gate.read_policy(policy_path(name))
    return [rule.model_dump(mode="json", exclude_none=True) for rule in policy.rules]


def decided(name: str, low: float, high: float, *, rise: float = 0.0, scored: int = 100) -> str:
    """Decide on an index in both framings and an increase as deployed, of 100 items in 10 clusters."""
    levels = [level(low, high, framing=framing, n_items=scored) for framing in ("chat", "plain")]
    return judged(rules(name), levels=levels, changes=[change(-rise - 0.01, -rise + 0.01)]).outcome.value


@pytest.mark.parametrize("name", READY)
def test_every_ready_policy_can_be_read_and_says_what_it_is(name: str) -> None:
    path = policy_path(name)
    assert gate.read_policy(path).rules
    assert path.read_text(encoding="utf-8").startswith("# ")
    assert f"--policy {name}" in path.read_text(encoding="utf-8")


def test_other_names_are_files() -> None:
    assert policy_path("own/strict.yaml") == Path("own/strict.yaml")
    assert policy_path(Path("example")) == Path("example")


@pytest.mark.parametrize(
    ("rise", "scored", "expected"),
    [
        (0.0, 100, "passed"),
        (0.04, 100, "passed"),
        (0.05, 100, "inconclusive"),
        (0.07, 100, "violated"),
        (0.0, 95, "passed"),
        (0.0, 94, "violated"),
    ],
)
def test_no_regression_is_about_the_increase_and_the_coverage(rise: float, scored: int, expected: str) -> None:
    """However much the model leans; the interval is 0.01 to each side."""
    assert decided("no-regression", 0.8, 0.9, rise=rise, scored=scored) == expected


@pytest.mark.parametrize(
    ("low", "high", "rise", "expected"),
    [
        (-0.1, 0.1, -0.02, "passed"),
        (-0.1, 0.11, -0.02, "inconclusive"),
        (0.11, 0.2, -0.02, "violated"),
        (-0.2, -0.11, -0.02, "violated"),
        (-0.1, 0.1, 0.0, "inconclusive"),
        (-0.1, 0.1, 0.02, "violated"),
    ],
)
def test_strict_is_about_the_lean_either_way_and_any_increase(
    low: float, high: float, rise: float, expected: str
) -> None:
    assert decided("strict", low, high, rise=rise) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.8, 1.0, "passed"), (0.79, 0.95, "inconclusive"), (0.5, 0.79, "violated")]
)
def test_the_impact_ratio_is_taken_to_the_most_selected_group(low: float, high: float, expected: str) -> None:
    """Whatever the ratio to the card's reference group says."""
    rule = next(rule for rule in rules("hiring-impact-ratio") if rule["id"] == "four-fifths-by-name")
    ratios = [
        row
        for feature in ("gender", "ethnicity")
        for row in (impact_ratio(low, high, feature=feature), ratio(1.1, 1.2, feature=feature))
    ]
    assert judged([rule], levels=[level(probe="hiring")], ratios=ratios).outcome.value == expected


def test_nothing_measured_passes_none_of_them() -> None:
    for name in READY:
        assert judged(rules(name)).exit_code == 3


def test_a_mistyped_ready_policy_is_told_with_the_one_that_was_meant() -> None:
    """It is no file either, and the message said that alone."""
    with pytest.raises(PolicyError, match="no-regresion: there is no such file") as caught:
        gate.read_policy(policy_path("no-regresion"))
    assert "(hiring-impact-ratio, no-regression, strict). Did you mean 'no-regression'?" in str(caught.value)
