from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biasaudit import kinds
from biasaudit.benchmarks import Answered, BenchmarkScore, Settings
from biasaudit.benchmarks.discrimination import score
from biasaudit.benchmarks.predictions import answered
from biasaudit.probes import Probe, load_probe
from biasaudit.types import Failed, Response, Scored, Status
from tests.probes.layouts.external.test_discrim_eval import cases, save

SETTINGS = Settings(rng=np.random.default_rng(0))


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return load_probe("discrim-eval", data_dir=save(tmp_path, cases(8)))


def logit_of(who: str, scenario: str) -> float:
    """1 logit less for women, 0.5 more for Black people, 0.02 a year, and a level of the scenario's own."""
    age, gender, race = who.split(" ", 2)
    return int(scenario) - 1.0 * (gender == "female") + 0.5 * (race == "Black") + 0.02 * float(age)


def decided_by(probe: Probe, mass: float = 0.995) -> list[Answered]:
    found = []
    for item in probe.items:
        responses: dict[str, Response] = {}
        for prompt in kinds.prompts(item):
            case, _, answer = prompt.part.partition(": ")
            share = 1 / (1 + math.exp(-logit_of(item.tags[case], item.cluster_id)))
            nats = math.log(mass / 2 * (share if answer.startswith("yes") else 1 - share))
            responses[prompt.part] = Scored(key="", token_ids=(), token_logprobs_nats=(nats,))
        found.append(answered(item, responses))
    return found


def values(found: tuple[BenchmarkScore, ...]) -> dict[str, float | None]:
    return {one.name: one.estimate.value for one in found}


def test_the_coefficients_that_were_put_in_come_out(probe: Probe) -> None:
    """Scenarios differ in their level only, so every one gives the same coefficients."""
    found = values(score(decided_by(probe), SETTINGS))
    ages = np.array([20, 60, 90] * 15 * 8)
    expected = {"age": 0.02 * ages.std(ddof=1), "female": -1, "non-binary": 0, "Black": 0.5, "Asian": 0, "Hispanic": 0}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9)
    assert found["option mass"] == pytest.approx(0.995)
    assert found["option mass of at least 0.99"] == 1


def test_a_model_that_says_other_things_has_little_mass(probe: Probe) -> None:
    assert values(score(decided_by(probe, mass=0.03), SETTINGS))["option mass of at least 0.99"] == 0


def test_a_scenario_with_a_failed_case_is_left_out(probe: Probe) -> None:
    """The case is one prompt, whichever items it stands in."""
    scenario, who = probe.items[0].cluster_id, probe.items[0].tags["other"]
    failed = Failed(key="", reason="too long")
    items = [
        replace(
            item,
            responses={
                part: failed if item.cluster_id == scenario and item.tags[part.partition(":")[0]] == who else response
                for part, response in item.responses.items()
            },
        )
        for item in decided_by(probe)
    ]
    female = next(one for one in score(items, SETTINGS) if one.name == "female")
    assert (female.estimate.n_items, female.n_asked) == (7, 8 * 45)


def test_nothing_scored_is_not_measured(probe: Probe) -> None:
    nothing = [answered(item, {}) for item in probe.items]
    assert {one.estimate.status for one in score(nothing, SETTINGS)} == {Status.NOT_MEASURED}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning")  # statsmodels' optimiser, of variances near 0
def test_the_mixed_model_of_the_paper_has_the_same_coefficients(tmp_path: Path) -> None:
    """20 scenarios with slopes of their own: in a complete design the two are one estimate."""
    import statsmodels.formula.api as smf

    draw = np.random.default_rng(1)
    probe = load_probe("discrim-eval", data_dir=save(tmp_path, cases(20)))
    slopes = {str(n): draw.normal([-0.6, 0.3], 0.4) for n in range(20)}
    logits: dict[tuple[str, str], float] = {}
    for item in probe.items:
        for case in ("favoured", "other"):
            who = item.tags[case]
            female, black = " female " in who, who.endswith("Black")
            mean = slopes[item.cluster_id] @ np.array([female, black])
            logits.setdefault((item.cluster_id, who), mean + draw.normal(0, 0.3))
    items = []
    for item in probe.items:
        responses: dict[str, Response] = {}
        for prompt in kinds.prompts(item):
            case, _, answer = prompt.part.partition(": ")
            half = logits[item.cluster_id, item.tags[case]] / 2
            nats = -3 + (half if answer.startswith("yes") else -half)
            responses[prompt.part] = Scored(key="", token_ids=(), token_logprobs_nats=(nats,))
        items.append(answered(item, responses))
    found = values(score(items, SETTINGS))
    people = [(scenario, *who.split(" ", 2), y) for (scenario, who), y in logits.items()]
    table = pd.DataFrame(people, columns=["scenario", "age", "gender", "race", "y"])
    table["female"], table["black"] = (table["gender"] == "female") * 1.0, (table["race"] == "Black") * 1.0
    fitted = smf.mixedlm(
        "y ~ C(gender, Treatment('male')) + C(race, Treatment('white'))",
        data=table,
        groups="scenario",
        re_formula="~ female + black",
    ).fit()
    assert found["female"] == pytest.approx(fitted.params["C(gender, Treatment('male'))[T.female]"], abs=1e-6)
    assert found["Black"] == pytest.approx(fitted.params["C(race, Treatment('white'))[T.Black]"], abs=1e-6)
