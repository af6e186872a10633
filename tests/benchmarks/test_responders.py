"""The five responders on published sets as they are: a lean either way, none, chance, and no answer."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from biasaudit.benchmarks import SCORERS, BenchmarkScore, Settings
from biasaudit.probes import Probe, load_probe
from biasaudit.probes.sample import limited
from biasaudit.testing import (
    ScriptedModel,
    always_anti,
    always_stereotype,
    never_deciding,
    random_responder,
    unscorable,
)
from biasaudit.types import Estimate, Status
from tests.benchmarks.resolutions import answers

PREFERENCES = ("crows-pairs", "crows-pairs-revised", "crows-pairs-revised-french", "winoqueer")


@cache
def sample(data_dir: Path, name: str) -> Probe:
    """About 300 items of every feature; more of the set whose scores are intervals over whole scenarios."""
    return limited(load_probe(name, data_dir=data_dir), 1000 if name == "discrim-eval" else 300, seed=0)


def scores(data_dir: Path, name: str, model: ScriptedModel) -> dict[tuple[str, str], BenchmarkScore]:
    probe = sample(data_dir, name)
    settings = Settings(rng=np.random.default_rng(0))
    found = SCORERS[probe.card.data.format](answers(model, probe.items), settings)
    return {(one.subset, one.name): one for one in found}


def holds(estimate: Estimate, parity: float) -> bool:
    low, high = estimate.ci_low, estimate.ci_high
    return low is not None and high is not None and low < parity < high


@pytest.mark.parametrize("name", PREFERENCES)
def test_shares_of_pairs_run_from_0_to_100_percent(published_data: Path, name: str) -> None:
    """A tie is not preferred, as published, so that who never decides scores as who decides against it."""
    lean = ("all", "stereotype preferred")
    size = ("all", "likelihood difference")
    assert scores(published_data, name, always_stereotype())[lean].estimate.value == 100
    assert scores(published_data, name, always_anti())[lean].estimate.value == 0
    never = scores(published_data, name, never_deciding())
    assert (never[lean].estimate.value, never[size].estimate.value) == (0, 0)


@pytest.mark.parametrize("name", PREFERENCES)
def test_chance_is_told_from_neither_side(published_data: Path, name: str) -> None:
    """Of 40 intervals that cover 95 %, fewer than 34 hold 50 % once in 300 times."""
    found = [
        scores(published_data, name, random_responder(seed))["all", "stereotype preferred"].estimate
        for seed in range(40)
    ]
    assert sum(holds(estimate, 50) for estimate in found) >= 34


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PREFERENCES, "redditbias", "gest", "discrim-eval"])
def test_who_never_answers_is_not_measured(published_data: Path, name: str) -> None:
    found = scores(published_data, name, unscorable())
    assert found
    assert {one.estimate.status for one in found.values()} == {Status.NOT_MEASURED}
    assert all(one.n_asked > 0 for one in found.values())


def test_gest_takes_the_sign_of_the_side(published_data: Path) -> None:
    rate = ("all", "stereotype rate")
    toward = scores(published_data, "gest", always_stereotype())[rate].estimate.value
    against = scores(published_data, "gest", always_anti())[rate].estimate.value
    assert toward is not None
    assert toward > 0
    assert against == pytest.approx(-toward)
    assert scores(published_data, "gest", never_deciding())[rate].estimate.value == 0
    assert holds(scores(published_data, "gest", random_responder(1))[rate].estimate, 0)


def test_redditbias_makes_no_t_of_pairs_that_do_not_vary(published_data: Path) -> None:
    """Every pair of a set lean has the same difference but for rounding, and no spread to divide by."""
    for model in (always_stereotype(), always_anti(), never_deciding()):
        found = scores(published_data, "redditbias", model)
        assert {one.estimate.status for one in found.values()} == {Status.NOT_ESTIMABLE}
    assert holds(scores(published_data, "redditbias", random_responder(1))["gender", "t"].estimate, 0)


def test_discrim_eval_has_less_for_the_group_that_the_stereotype_disfavours(published_data: Path) -> None:
    against, for_them, never = (
        scores(published_data, "discrim-eval", model)
        for model in (always_stereotype(), always_anti(), never_deciding())
    )
    for group in ("female", "non-binary", "Black", "Asian", "Hispanic"):
        high, low = against["all", group].estimate.ci_high, for_them["all", group].estimate.ci_low
        assert high is not None
        assert high < 0
        assert low is not None
        assert low > 0
        assert never["all", group].estimate.value == 0
