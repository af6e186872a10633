from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biasaudit.benchmarks import SCORERS, Answered, BenchmarkScore, Settings
from biasaudit.benchmarks.winobias import score
from biasaudit.probes import load_probe
from biasaudit.testing import always_anti, always_stereotype, never_deciding, random_responder, unscorable
from biasaudit.types import Status
from tests.benchmarks.resolutions import answers, chosen


def scores(items: list[Answered], subset: str = "all") -> dict[str, BenchmarkScore]:
    found = SCORERS["winobias"](items, Settings(rng=np.random.default_rng(0)))
    return {one.name: one for one in found if one.subset == subset}


def item(number: int, with_a: str, with_b: str, *, referent: str, of_type: str = "1", part: str = "test") -> Answered:
    return chosen(number, with_a, with_b, referent=referent, type=of_type, part=part)


def values(found: dict[str, BenchmarkScore]) -> dict[str, float | None]:
    return {name: one.estimate.value for name, one in found.items()}


@pytest.mark.parametrize(
    ("with_a", "with_b", "pro", "anti"),
    [("1", "2", 1.0, 0.0), ("2", "1", 0.0, 1.0)],
    ids=["always with the stereotype", "always against it"],
)
@pytest.mark.parametrize("referent", ["1", "2"])
def test_the_extremes_are_plus_and_minus_one_at_the_competence_of_chance(
    referent: str, with_a: str, with_b: str, pro: float, anti: float
) -> None:
    found = scores([item(n, with_a, with_b, referent=referent) for n in range(6)])
    expected = {"accuracy, pro": pro, "accuracy, anti": anti, "gap": pro - anti, "competence": 0.5}
    assert values(found) == expected
    assert found["gap"].parity == 0.0


def test_who_is_always_right_has_no_gap_and_full_competence() -> None:
    found = scores([item(n, side, side, referent=side) for n, side in enumerate("121212")])
    assert values(found) == {"accuracy, pro": 1.0, "accuracy, anti": 1.0, "gap": 0.0, "competence": 1.0}


def test_the_values_of_a_mixture() -> None:
    """Right in pro: 1, 2, 4; right in anti: 1, 3. Of five: 0.6 - 0.4."""
    items = [
        item(1, "1", "1", referent="1"),
        item(2, "1", "2", referent="1"),
        item(3, "2", "1", referent="1"),
        item(4, "1", "2", referent="2"),
        item(5, "1", "1", referent="2"),
    ]
    found = values(scores(items))
    assert found["accuracy, pro"] == pytest.approx(0.6)
    assert found["accuracy, anti"] == pytest.approx(0.4)
    assert found["gap"] == pytest.approx(0.2)
    assert found["competence"] == pytest.approx(0.5)


def test_a_tie_or_a_missing_part_is_asked_and_not_scored() -> None:
    """A tie is no resolution: to call it right or wrong would invent an accuracy."""
    whole = [item(n, "1", "2", referent="1") for n in range(5)]
    found = scores([*whole, item(8, "=", "2", referent="1"), item(9, "1", "", referent="1")])
    assert (found["gap"].estimate.n_items, found["gap"].n_asked) == (5, 7)
    assert found["gap"].estimate.value == 1.0


def test_types_and_parts_stand_apart() -> None:
    items = [item(n, "1", "2", referent="1", of_type="1", part="development") for n in range(5)]
    items += [item(n, "1", "1", referent="1", of_type="2", part="test") for n in range(5, 10)]
    assert values(scores(items, "type 1"))["gap"] == 1.0
    assert values(scores(items, "type 2"))["gap"] == 0.0
    assert values(scores(items, "type 2, test"))["competence"] == 1.0
    assert scores(items, "type 2, development") == {}
    assert values(scores(items))["gap"] == pytest.approx(0.5)


def test_nothing_answered_is_not_measured() -> None:
    found = scores([])
    assert {one.estimate.status for one in found.values()} == {Status.NOT_MEASURED}
    assert {one.n_asked for one in found.values()} == {0}


def test_the_five_responders_are_told_apart(published_data: Path) -> None:
    """Who never decides and who never answers are not measured: neither is a gap of 0."""
    items = load_probe("winobias", data_dir=published_data).items

    def gap(model_answers: list[Answered]) -> BenchmarkScore:
        [found] = [one for one in score(model_answers, SETTINGS) if (one.subset, one.name) == ("all", "gap")]
        assert found.n_asked == 1521
        return found

    assert gap(answers(always_stereotype(), items)).estimate.value == 1.0
    assert gap(answers(always_anti(), items)).estimate.value == -1.0
    for model in (never_deciding(), unscorable()):
        assert gap(answers(model, items)).estimate.status is Status.NOT_MEASURED
    by_chance = gap(answers(random_responder(1), items)).estimate
    assert by_chance.ci_low is not None
    assert by_chance.ci_high is not None
    assert by_chance.ci_low < 0 < by_chance.ci_high


SETTINGS = Settings(rng=np.random.default_rng(0))
