"""What is printed in a notebook: one to five lines of what one wants to see, and never a wall of text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from biasaudit.audits.plan import Plan
from biasaudit.gate.decision import GateDecision, RuleResult
from biasaudit.gate.vocabulary import Outcome
from biasaudit.probes import load_probe
from biasaudit.types import Estimate, ModelFingerprint, Status
from tests.report.factory import audit
from tests.tiny import save_probe

if TYPE_CHECKING:
    from biasaudit.facade import Audit

FINGERPRINT = ModelFingerprint(
    reference="me/model",
    weights="sha256:" + 64 * "a",
    adapter="sha256:" + 64 * "b",
    dtype="float32",
    device="cpu",
    tokenizer_sha256=64 * "c",
    architecture="GPT2LMHeadModel",
    n_parameters=124_439_808,
    libraries={"torch": "2.13"},
)


@pytest.fixture(scope="module")
def small() -> Audit:
    return audit()


def result(number: int, outcome: Outcome) -> RuleResult:
    return RuleResult(
        rule_id="no-increase",
        criterion="max_increase",
        tuned="tuned",
        probe=f"probe-{number}",
        feature="gender",
        framing_or_contrast="as deployed",
        limit=0.05,
        value=0.2,
        ci_low=0.1,
        ci_high=0.3,
        outcome=outcome,
        reason="the whole interval lies above the limit",
    )


def decision(*outcomes: Outcome) -> GateDecision:
    results = tuple(result(number, outcome) for number, outcome in enumerate(outcomes))
    worst = Outcome.VIOLATED if Outcome.VIOLATED in outcomes else outcomes[0]
    return GateDecision(outcome=worst, results=results, policy_name="mine.yaml", today=date(2026, 1, 1))


def test_an_estimate_is_its_number_or_its_reason() -> None:
    """By hand; the sentence on the method is of use only where there is no number."""
    found = Estimate(
        status=Status.OK, value=0.123456, ci_low=0.05, ci_high=0.196, n_items=1900, n_clusters=120, method="t interval"
    )
    assert str(found) == "0.1235 [0.05, 0.196]"
    assert repr(found) == "Estimate(0.1235 [0.05, 0.196] index, level 0.95, 1,900 items in 120 clusters)"
    absent = Estimate(status=Status.NOT_MEASURED, n_items=3, n_clusters=2, method="fewer than 5 clusters")
    assert str(absent) == "not measured"
    assert repr(absent) == "Estimate(not measured, 3 items in 2 clusters: fewer than 5 clusters)"


def test_an_audit_is_its_models_its_probes_and_its_answer(small: Audit) -> None:
    """The factory's audit; its headline says 0.123 over five cells, each with another verdict."""
    models, probes, answer = repr(small).splitlines()
    assert models == f"Audit: base {small.manifest.plan['base']}, tuned {small.manifest.plan['tuned']['tuned']}"
    assert f"{len(small.items):,} items" in probes
    assert all(name in probes for name in small.manifest.probes)
    assert answer == (
        "  tuned, weights, plain: relative reduction 0.123 [0.05, 0.196]; 5 cells: 1 reduced, 1 increased, "
        "1 unchanged, 1 inconclusive, 1 not measured"
    )
    assert repr(replace(small, folder=Path("reports/mine"))).splitlines()[-1] == "  in reports/mine"
    assert "AuditRecord" not in repr(small)
    assert "relative reduction 0.123" in repr(small.headlines[0])
    assert repr(small.manifest).count("\n") == 0


def test_an_audit_without_a_headline_prints_too(small: Audit) -> None:
    """A plan with one framing may have none."""
    assert len(repr(replace(small, headlines=())).splitlines()) == 2


def test_a_probe_is_its_counts_and_not_its_items(tmp_path: Path) -> None:
    """By hand: 12 items in 6 clusters and 6 of competence."""
    probe = load_probe(str(save_probe(tmp_path / "mini")))
    assert repr(probe) == "Probe(mini 1, pair: 18 items (12 bias, 6 competence), 6 clusters; gender)"
    assert repr(probe.card).startswith("Card(mini 1, pair, en: gender; ")
    assert repr(replace(probe, items=())) == "Probe(mini 1, pair: 0 items (none), 0 clusters; gender)"


def test_a_fingerprint_is_which_model_and_how_large() -> None:
    assert repr(FINGERPRINT) == (
        "ModelFingerprint(me/model: GPT2LMHeadModel, 124,439,808 parameters, float32 on cpu, sha256:aaaaaaaaaaaaaaaa…, "
        "adapter sha256:bbbbbbbbbbbbbbbb…)"
    )
    bare = replace(FINGERPRINT, adapter=None, n_parameters=None)
    assert repr(bare) == "ModelFingerprint(me/model: GPT2LMHeadModel, float32 on cpu, sha256:aaaaaaaaaaaaaaaa…)"


def test_a_plan_is_its_models_and_its_probes() -> None:
    plan = Plan(base="a/base", tuned=("a/one", "a/two"), probes=("occupations",), names=("sft", "dpo"))
    assert repr(plan) == (
        "Plan(base a/base, 1-sft a/one, 2-dpo a/two;\n     probes occupations; plain, chat-1, chat-2, chat-3)"
    )


def test_a_decision_shows_what_is_violated_first_and_at_most_three() -> None:
    found = repr(decision(Outcome.INCONCLUSIVE, *4 * [Outcome.PASSED], *3 * [Outcome.VIOLATED])).splitlines()
    assert found[0] == "GateDecision(violated, policy mine.yaml: 4 passed, 3 violated, 1 inconclusive)"
    assert found[1] == (
        "  RuleResult(violated, no-increase: tuned, probe-5, gender: 0.2 [0.1, 0.3], max_increase 0.05)"
    )
    assert len(found) == 5
    assert found[-1] == "  and 1 more in .results"
    assert repr(decision(Outcome.PASSED)) == "GateDecision(passed, policy mine.yaml: 1 passed)"
    unmeasured = replace(result(0, Outcome.INCONCLUSIVE), value=None, ci_low=None, ci_high=None)
    assert "gender: not measured, max_increase" in repr(unmeasured)


def test_names_from_strangers_act_on_no_terminal_and_stay_short(small: Audit) -> None:
    """A reference may be a path of 4,000 signs, or hold what clears the screen."""
    plan = {**small.manifest.plan, "base": "\x1b[2J" + 4000 * "x", "tuned": {f"t{n}": "y" for n in range(40)}}
    shown = repr(replace(small, manifest=replace(small.manifest, plan=plan)))
    assert "\x1b" not in shown
    assert len(shown) < 700
    assert "and 35 more" in shown, "base and forty, of which six are shown"


def test_none_of_them_is_a_wall(small: Audit, tmp_path: Path) -> None:
    probe = load_probe(str(save_probe(tmp_path / "mini")))
    for one in (small, small.manifest, small.headlines[0], probe, probe.card, FINGERPRINT, decision(Outcome.PASSED)):
        assert len(repr(one).splitlines()) <= 5
        assert max(map(len, repr(one).splitlines())) < 250
