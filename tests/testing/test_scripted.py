from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from biasaudit.audits.asked import requests_of
from biasaudit.errors import UsageError
from biasaudit.framing import PLAIN, FramingName
from biasaudit.probes import Probe, load_probe
from biasaudit.testing import (
    ScriptedModel,
    always_anti,
    always_stereotype,
    leaning,
    never_deciding,
    noisy,
    random_responder,
    scripted_audit,
    unscorable,
)
from biasaudit.types import Role
from tests.tiny import item, save_probe


@pytest.fixture
def pairs(tmp_path: Path) -> Probe:
    """120 pairs in 12 clusters, with 24 of competence and 24 controls."""
    bias = [item(n, cluster=f"c{n % 12}") for n in range(120)]
    sense = [item(200 + n, cluster=f"c{n % 12}", role="competence", groups=[]) for n in range(24)]
    control = [item(300 + n, cluster=f"c{n % 12}", role="control", groups=[]) for n in range(24)]
    return load_probe(str(save_probe(tmp_path / "mini", [*bias, *sense, *control])))


@pytest.fixture
def tables() -> Probe:
    """A small part of the shipped associations."""
    probe = load_probe("occupations")
    return replace(probe, items=probe.items[::4])


def index_of(probe: Probe, model: ScriptedModel) -> dict[str, object]:
    audit = scripted_audit(model, model, probes=[probe])
    rows = audit.estimates.query("checkpoint == 'base' and metric == 'index'")
    return {str(name): value for name, value in rows.iloc[0].to_dict().items()}


@pytest.mark.parametrize("kind", ["pairs", "tables"])
@pytest.mark.parametrize(("responder", "index"), [(always_stereotype, 1.0), (always_anti, -1.0), (never_deciding, 0.0)])
def test_the_responders_that_have_an_index(
    kind: str, responder: object, index: float, request: pytest.FixtureRequest
) -> None:
    assert callable(responder)
    row = index_of(request.getfixturevalue(kind), responder())
    assert row["status"] == "ok"
    assert row["value"] == pytest.approx(index, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pairs", "tables"])
def test_a_random_responder_covers_no_lean(kind: str, request: pytest.FixtureRequest) -> None:
    """At 95 %, 1 seed of 20 may miss 0; more than 4 of 20 would do so in 0.3 % of cases."""
    probe = request.getfixturevalue(kind)
    missed = 0
    for seed in range(20):
        row = index_of(probe, random_responder(seed))
        low, high = row["ci_low"], row["ci_high"]
        assert isinstance(low, float)
        assert isinstance(high, float)
        missed += not low <= 0 <= high
    assert missed <= 4


@pytest.mark.parametrize("kind", ["pairs", "tables"])
def test_what_is_never_scored_is_not_measured(kind: str, request: pytest.FixtureRequest) -> None:
    probe = request.getfixturevalue(kind)
    audit = scripted_audit(unscorable(), unscorable(), probes=[probe])
    assert (audit.estimates["status"] == "not measured").all()
    assert audit.estimates["value"].isna().all()
    assert set(audit.comparisons["verdict"]) == {"not measured"}
    assert audit.headlines[0].relative_reduction.value is None


def test_nothing_is_said_of_an_interaction_that_was_not_measured(pairs: Probe) -> None:
    """The word inconclusive would read as evidence that does not decide; there is none."""
    both: tuple[FramingName, ...] = ("plain", "chat")
    absent = scripted_audit(leaning("base", 2.0), unscorable(), probes=[pairs], framing_names=both)
    graded = absent.comparisons.query("metric == 'graded'").set_index("contrast")["verdict"]
    assert graded.pop("template, base") == "unchanged"
    assert set(graded) == {"not measured"}
    there = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[pairs], framing_names=both)
    row = there.comparisons.query("metric == 'graded' and contrast == 'interaction'").iloc[0]
    assert (row["verdict"], row["verdict_reason"]) == ("inconclusive", "an interaction is described, not judged")


@pytest.mark.parametrize("kind", ["pairs", "tables"])
def test_item_values_are_the_ones_that_were_set(kind: str, request: pytest.FixtureRequest) -> None:
    """d = 1.25 before and -0.5 after; the graded index is tanh(d / 4), D their difference."""
    probe = request.getfixturevalue(kind)
    audit = scripted_audit(leaning("base", 1.25), leaning("tuned", -0.5), probes=[probe])
    bias = audit.scores[audit.scores["role"] == "bias"]
    assert bias.loc[bias["checkpoint"] == "base", "d_nats"].to_numpy() == pytest.approx(1.25, abs=1e-9)
    assert bias.loc[bias["checkpoint"] == "tuned", "d_nats"].to_numpy() == pytest.approx(-0.5, abs=1e-9)
    row = audit.comparisons.query("metric == 'graded'").iloc[0]
    assert row["reduction"] == pytest.approx(math.tanh(1.25 / 4) - math.tanh(-0.5 / 4))


@pytest.mark.parametrize("kind", ["pairs", "tables"])
def test_item_values_around_a_truth_come_out_as_set(kind: str, request: pytest.FixtureRequest) -> None:
    """To 1e-9, item by item; the same noise in both arms, so each item moved by 1.5 - 1 = 0.5, the mean too.

    The true mean of the base, 1.5, lies in its interval.
    """
    probe = request.getfixturevalue(kind)
    before, after = (noisy(theta, item_sd_nats=1.0, cluster_sd_nats=0.2, seed=5) for theta in (1.5, 1.0))
    audit = scripted_audit(leaning("base", before), leaning("tuned", after), probes=[probe])
    items = {one.item_id: one for one in probe.items}
    asked = next(iter(requests_of(probe, (PLAIN,), None)))
    values = audit.scores.pivot_table(index="item_id", columns="checkpoint", values="d_nats")
    for name, row in values.iterrows():
        assert row["base"] == pytest.approx(before(items[str(name)], asked), abs=1e-9, rel=0)
        moved = 0.5 if items[str(name)].role is Role.BIAS else 0.0
        assert row["base"] - row["tuned"] == pytest.approx(moved, abs=1e-9)
    mean_d = audit.estimates.query("metric == 'mean_d' and checkpoint == 'base'").iloc[0]
    assert mean_d["ci_low"] < 1.5 < mean_d["ci_high"]
    assert audit.comparisons.query("metric == 'graded'")["verdict"].item() == "reduced"


def licensed_rows(count: int) -> list[dict[str, object]]:
    """Return pairs of two words for a slot, of which the first is right."""
    texts = {"context": "The queen said that", "first": " she", "second": " he"}
    return [item(400 + n, cluster=f"l{n % 6}", role="licensed", groups=[], **texts) for n in range(count)]


@pytest.mark.parametrize("responder", [always_stereotype, always_anti, never_deciding, random_responder])
def test_every_responder_that_reads_gives_the_right_word_its_share(responder: object, tmp_path: Path) -> None:
    """0.95 of 0.9: the two words have log 0.855 and log 0.045, whatever the responder thinks of groups."""
    assert callable(responder)
    probe = load_probe(str(save_probe(tmp_path / "mini", [*(item(n) for n in range(12)), *licensed_rows(6)])))
    audit = scripted_audit(responder(), responder(), probes=[probe])
    licensed = audit.responses[audit.responses["item_id"].str.startswith("i40")]
    answered = licensed.assign(nats=licensed["token_logprobs_nats"].map(sum)).set_index("part")["nats"]
    for part, share in (("first", 0.855), ("second", 0.045)):
        assert answered[part].to_numpy() == pytest.approx(math.log(share))
    bias = audit.scores.query("role == 'bias'")["d_nats"].abs().unique()
    assert len(bias) == 1
    assert bias[0] == (0.0 if responder is never_deciding else pytest.approx(40.0))


def test_what_is_never_scored_has_no_right_word_either(tmp_path: Path) -> None:
    probe = load_probe(str(save_probe(tmp_path / "mini", [*(item(n) for n in range(12)), *licensed_rows(6)])))
    audit = scripted_audit(unscorable(), unscorable(), probes=[probe])
    assert (audit.scores.query("role == 'licensed'")["status"] == "failed").all()


def test_a_scripted_model_can_be_told_its_licensed_share_and_the_mass_of_the_slot(tmp_path: Path) -> None:
    """0.5 of 0.2 for either word of one cluster; 0.75 of 1 for the right one of the others, d = log 3."""
    probe = load_probe(str(save_probe(tmp_path / "mini", [*(item(n) for n in range(12)), *licensed_rows(6)])))
    blunt = leaning(
        "blunt",
        1.0,
        licensed=lambda one, _: 0.5 if one.cluster_id == "l0" else 0.75,
        slot_mass=lambda one, _: 0.2 if one.cluster_id == "l0" else 1.0,
    )
    audit = scripted_audit(leaning("base", 1.0, licensed=0.9), blunt, probes=[probe])
    d_nats = audit.scores.query("role == 'licensed'").set_index(["checkpoint", "cluster_id"])["d_nats"]
    assert d_nats["base"].to_numpy() == pytest.approx(math.log(9))
    assert d_nats["tuned"]["l0"] == pytest.approx(0.0)
    assert d_nats["tuned"]["l1"] == pytest.approx(math.log(3))
    answered = audit.responses.query("checkpoint == 'tuned' and item_id == 'i400'")["token_logprobs_nats"].map(sum)
    assert answered.to_numpy() == pytest.approx(math.log(0.1))


@pytest.mark.parametrize("wrong", [{"licensed": 1.0}, {"licensed": 0.0}, {"slot_mass": 0.0}, {"slot_mass": 1.5}])
def test_a_share_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(UsageError, match=f"{name} is"):
        leaning("wrong", 1.0, **wrong)


def test_the_same_model_twice_did_not_change(tables: Probe) -> None:
    """D = 0 and p = 1 exactly, with noise in the items."""
    model = leaning("same", noisy(1.0, item_sd_nats=1.5, cluster_sd_nats=0.5))
    row = scripted_audit(model, model, probes=[tables]).comparisons.query("metric == 'graded'").iloc[0]
    assert (row["reduction"], row["p_value"], row["verdict"]) == (0.0, 1.0, "unchanged")


def test_noise_has_the_deviations_that_were_set(pairs: Probe) -> None:
    """1,200 draws of an item's noise, sd 2, and of a cluster's, sd 1: 4 standard errors are 8 %.

    Without noise a value is its theta; items of a cluster share its noise.
    """
    asked = next(iter(requests_of(pairs, (PLAIN,), None)))
    bias = [one for one in pairs.items if one.role is Role.BIAS]
    own = [noisy(0.0, item_sd_nats=2.0, seed=seed)(one, asked) for seed in range(10) for one in bias]
    assert (sum(value**2 for value in own) / len(own)) ** 0.5 == pytest.approx(2.0, rel=0.08)
    shared = [noisy(0.0, cluster_sd_nats=1.0, seed=seed)(one, asked) for seed in range(100) for one in bias[:12]]
    assert (sum(value**2 for value in shared) / len(shared)) ** 0.5 == pytest.approx(1.0, rel=0.08)
    assert len({noisy(0.0, cluster_sd_nats=1.0)(one, asked) for one in bias}) == 12
    assert {noisy(0.7)(one, asked) for one in bias} == {0.7}
    assert len({noisy(0.0, item_sd_nats=1.0, seed=seed)(bias[0], asked) for seed in range(5)}) == 5


@pytest.mark.parametrize("wrong", [{"item_sd_nats": -1.0}, {"cluster_sd_nats": -0.1}, {"seed": -1}])
def test_noise_below_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="negative"):
        noisy(0.0, **wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_order_of_the_items_changes_nothing(pairs: Probe) -> None:
    """Random and noisy answers belong to the items, not to their places."""
    backwards = replace(pairs, items=pairs.items[::-1])
    for model in (random_responder(3), leaning("noisy", noisy(0.5, item_sd_nats=1.0, cluster_sd_nats=1.0))):
        one, other = (scripted_audit(model, model, probes=[probe]) for probe in (pairs, backwards))
        assert one.estimates.equals(other.estimates)
        assert one.comparisons.equals(other.comparisons)


def test_a_scripted_model_may_answer_otherwise_in_the_chat_template(pairs: Probe) -> None:
    """Only the template changes anything: the weights effect is 0, the template effect is not."""
    tuned = leaning("polite", lambda _, request: 0.5 if request.templated else 2.0)
    audit = scripted_audit(leaning("base", 2.0), tuned, probes=[pairs], framing_names=("plain", "chat"))
    graded = audit.comparisons.query("metric == 'graded'").set_index("contrast")
    assert graded.loc["weights, plain", "reduction"] == 0
    assert graded.loc["weights, plain", "verdict"] == "unchanged"
    assert graded.loc["template, tuned", "verdict"] == "reduced"
    assert graded.loc["as deployed", "reduction"] == pytest.approx(math.tanh(0.5) - math.tanh(0.125))


def test_a_reduction_made_of_missing_answers_is_not_claimed(pairs: Probe) -> None:
    """The tuned model refuses every third item and leans a little less on the rest: filling the gaps undoes it."""
    refused = {one.item_id for one in pairs.items if one.role is Role.BIAS and int(one.item_id[1:]) % 3 == 0}
    tuned = leaning("refuses", lambda one, _: None if one.item_id in refused else 1.7)
    audit = scripted_audit(leaning("base", 2.0), tuned, probes=[pairs])
    row = audit.comparisons.query("metric == 'graded'").iloc[0]
    assert row["verdict"] == "inconclusive"
    assert "unscored items could explain" in row["verdict_reason"]
    assert row["missing_low"] < 0 < row["missing_high"]
    assert row["coverage_second"] == pytest.approx(2 / 3)


def test_less_lean_with_less_competence_is_not_a_reduction(pairs: Probe) -> None:
    base = leaning("base", lambda one, _: 2.0)
    broken = leaning("broken", lambda one, _: 0.1 if one.role is Role.BIAS else (-1.0) ** int(one.item_id[1:]))
    audit = scripted_audit(base, broken, probes=[pairs])
    row = audit.comparisons.query("metric == 'graded'").iloc[0]
    assert row["verdict"] == "not interpretable"


def test_several_tuned_models_are_compared_step_by_step(pairs: Probe) -> None:
    """3, 2 and 1 nats: each step takes its own part."""
    steps = [leaning("sft", 2.0), leaning("dpo", 1.0)]
    audit = scripted_audit(leaning("base", 3.0), steps, probes=[pairs])
    graded = audit.comparisons.query("metric == 'graded'").set_index(["tuned", "contrast"])["reduction"]
    assert graded["tuned-2", "step, plain"] == pytest.approx(math.tanh(0.5) - math.tanh(0.25))
    assert graded["tuned-2", "weights, plain"] == pytest.approx(math.tanh(0.75) - math.tanh(0.25))


def test_a_scripted_audit_is_written_and_read_as_any(pairs: Probe, tmp_path: Path) -> None:
    import biasaudit

    audit = scripted_audit(leaning("base", 2.0), leaning("tuned", 1.0), probes=[pairs], out=tmp_path / "out")
    assert biasaudit.open_audit(tmp_path / "out").comparisons.equals(audit.comparisons)
    assert audit.manifest.fingerprints["base"]["architecture"] == "scripted"
    assert "scripted:tuned" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_an_answer_that_is_no_log_probability_is_refused(pairs: Probe) -> None:
    for wrong in (0.1, math.nan, math.inf, -math.inf):
        model = ScriptedModel(name="wrong", answer=lambda _, __, value=wrong: value)  # type: ignore[misc]
        with pytest.raises(UsageError, match="at most 0"):
            scripted_audit(model, model, probes=[pairs])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tuned": ()}, "no tuned checkpoint"),
        ({"probes": ()}, "no probe"),
        ({"probes": ("occupations", "occupations")}, "named twice"),
        ({"framing_names": ()}, "no framing"),
        ({"margin": 2.0}, "margin is 2.0"),
        ({"level": 0.2}, "level is 0.2"),
    ],
)
def test_settings_are_refused_as_in_any_audit(wrong: dict[str, object], said: str) -> None:
    """A margin of 2 would call every change of an index in [-1, 1] none."""
    call: dict[str, object] = {"tuned": leaning("tuned", 1.0), "probes": ["occupations"], **wrong}
    with pytest.raises(UsageError, match=said):
        scripted_audit(leaning("base", 2.0), **call)  # type: ignore[arg-type]


@pytest.mark.slow
def test_scripted_audits_need_no_torch() -> None:
    """In a process of its own: the test suite itself has long imported it."""
    code = (
        "import sys; from biasaudit.testing import leaning, scripted_audit\n"
        "scripted_audit(leaning('a', 1.0), leaning('b', 0.5), probes=['occupations'])\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
