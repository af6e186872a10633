"""What tuning may break beside the bias: a limit on the fall of licensed associations."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

import biasaudit
from biasaudit import gate
from biasaudit.errors import PolicyError
from biasaudit.record import store
from biasaudit.record.checked import read_checked
from tests.damaged import audited, save_association
from tests.gate.rows import LEVEL, Row, change, damage, judged

RULE: Row = {"id": "damage", "collateral": {"licensed_drop": 0.05}}


@pytest.mark.parametrize(
    ("found", "outcome", "code"),
    [
        (damage(-0.01, 0.05), "passed", 0),
        (damage(-0.6, -0.4), "passed", 0),
        (damage(0.02, 0.06), "inconclusive", 3),
        (damage(0.051, 0.2), "violated", 1),
        (damage(0.9, 1.0), "violated", 1),
        (damage(None, None, licensed_status="not measured", licensed_items=0), "inconclusive", 3),
        (damage(None, None, licensed_status="too few clusters", licensed_clusters=4), "inconclusive", 3),
    ],
)
def test_the_whole_interval_keeps_the_limit_or_breaks_it(found: Row, outcome: str, code: int) -> None:
    """As of every limit; what was not measured decides nothing, whatever the columns hold."""
    decision = judged([RULE], changes=[change()], damages=[found])
    assert ([one.outcome.value for one in decision.results], decision.exit_code) == ([outcome], code)


def test_a_result_says_what_was_measured_where() -> None:
    [result] = judged([RULE], changes=[change()], damages=[damage(0.1, 0.2)]).results
    assert (result.criterion, result.value, result.limit, result.n_items, result.n_clusters) == (
        "collateral",
        pytest.approx(0.15),
        0.05,
        24,
        6,
    )
    assert result.evidence == (
        "damage.parquet: tuned tuned, contrast as deployed, probe occupations, feature gender; licensed_drop"
    )
    unmeasured = damage(None, None, licensed_status="not measured")
    assert judged([RULE], damages=[unmeasured]).results[0].reason == "status: not measured"


def test_each_feature_is_a_cell_and_the_pooled_row_none() -> None:
    found = [damage(), damage(0.1, 0.2, feature="age"), damage(0.1, 0.2, feature="all")]
    decision = judged([RULE], damages=found)
    assert [(one.feature, one.outcome.value) for one in decision.results] == [("age", "violated"), ("gender", "passed")]


def test_few_items_take_a_pass_away() -> None:
    decision = judged([{**RULE, "min_items": 30}], damages=[damage()])
    assert (decision.exit_code, decision.results[0].reason) == (3, "24 items; nothing passes with fewer than 30")


def test_it_says_nothing_of_probes_without_licensed_associations() -> None:
    """Decisions and choices have none; a rule that names one is told so."""
    of_both = judged([RULE], changes=[change(), change(probe="decisions")], damages=[damage()])
    assert [one.probe for one in of_both.results] == ["occupations"]
    [named] = judged(
        [{**RULE, "probes": ["decisions"]}], changes=[change(probe="decisions")], damages=[damage()]
    ).results
    assert (named.outcome.value, named.reason) == (
        "inconclusive",
        "not measured: probe 'decisions' has no licensed associations",
    )


def test_an_audit_without_the_table_passes_nothing() -> None:
    """Of an earlier version, or without such a probe."""
    policy = gate.Policy.model_validate({"version": 1, "rules": [RULE]})
    decision = gate.decide(policy, estimates=[], comparisons=[change()], level=LEVEL)
    assert decision.exit_code == 3
    assert decision.results[0].reason.startswith("not measured: the audit has no probe with licensed associations")


@pytest.mark.parametrize(("today", "code"), [(date(2027, 1, 30), 0), (date(2027, 2, 1), 1)])
def test_a_waiver_bears_it_until_its_day(today: date, code: int) -> None:
    waiver = {"rule": "damage", "feature": "gender", "reason": "known", "owner": "Ada", "expires": "2027-01-31"}
    decision = judged([RULE], damages=[damage(0.1, 0.2)], policy={"waivers": [waiver]}, today=today)
    assert decision.exit_code == code


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{licensed_drop: 1.5}", "rules[0].collateral.licensed_drop: Input should be less than or equal to 1"),
        ("{licensed_dorp: 0.05}", "Did you mean 'licensed_drop'? Known keys: licensed_drop."),
        ("{}", "rules[0].collateral.licensed_drop is missing. Known keys: licensed_drop."),
        ("0.05", "rules[0].collateral: should be a mapping such as {licensed_drop: 0.05}"),
        ("{licensed_drop: 0.05}, framing: chat", "framing means nothing under collateral"),
        ("{licensed_drop: 0.05}, max_index: 0.1", "a rule limits one thing, and this one limits max_index, collateral"),
    ],
)
def test_what_is_written_wrong_is_told(tmp_path: Path, written: str, says: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"version: 1\nrules:\n  - {{id: damage, collateral: {written}}}\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        gate.read_policy(path)
    assert says in str(caught.value)


def checked(folder: Path, policy: Path) -> int:
    """Return the exit code of both ways to check: with pandas, and as the shell does it."""
    by_frame = biasaudit.check(biasaudit.open_audit(folder), policy).exit_code
    assert gate.decide_audit(gate.read_policy(policy), read_checked(folder)).exit_code == by_frame
    return by_frame


@pytest.mark.slow
def test_an_audit_in_a_folder_is_judged_by_it(tmp_path: Path) -> None:
    """.1 is lost: 1. Without its table, as an earlier version wrote it: 3, and after it is computed again 1."""
    probe, out = save_association(tmp_path / "mini"), tmp_path / "audit"
    in_memory = audited(probe, out, licensed=(0.95, 0.85))
    path = tmp_path / "policy.yaml"
    path.write_text(
        "version: 1\nrules:\n  - {id: damage, contrast: 'weights, plain', collateral: {licensed_drop: 0.05}}\n",
        encoding="utf-8",
    )
    assert biasaudit.check(in_memory, path).exit_code == 1
    assert checked(out, path) == 1
    older = shutil.copytree(out, tmp_path / "older")
    manifest = store.read_manifest(older)
    (older / "damage.parquet").unlink()
    files = {name: checksum for name, checksum in manifest.files.items() if name != "damage.parquet"}
    store.write_manifest(older, type(manifest)(**{**manifest.as_dict(), "files": files}))
    assert checked(older, path) == 3
    biasaudit.recompute(older)
    assert checked(older, path) == 1
