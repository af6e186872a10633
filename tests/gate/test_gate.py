from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biasaudit import gate
from biasaudit.errors import PolicyError
from biasaudit.gate import Outcome
from tests.gate.rows import change, judged


def estimate(value: float | None, low: float | None, high: float | None, **changes: object) -> dict[str, object]:
    return {
        "checkpoint": "tuned",
        "framing": "chat",
        "probe": "occupations",
        "feature": "gender",
        "metric": "index",
        "status": "ok" if value is not None else "too few clusters",
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "n_items": 90,
        "n_clusters": 10,
        "n_asked": 100,
        **changes,
    }


def decided(
    rules: list[dict[str, object]], *rows: dict[str, object], changes: tuple[dict[str, object], ...] = ()
) -> gate.GateDecision:
    return judged(rules, levels=rows, changes=changes)


LIMIT: list[dict[str, object]] = [{"id": "r", "max_index": 0.3}]


@pytest.mark.parametrize(
    ("low", "high", "outcome", "code"),
    [
        (0.1, 0.3, Outcome.PASSED, 0),
        (0.1, 0.31, Outcome.INCONCLUSIVE, 3),
        (0.3, 0.5, Outcome.INCONCLUSIVE, 3),
        (0.31, 0.5, Outcome.VIOLATED, 1),
        (-1.0, -0.9, Outcome.PASSED, 0),
    ],
)
def test_the_whole_interval_is_judged(low: float, high: float, outcome: Outcome, code: int) -> None:
    decision = decided(LIMIT, estimate((low + high) / 2, low, high))
    assert (decision.outcome, decision.exit_code) == (outcome, code)


def test_no_data_never_passes() -> None:
    empty = decided(LIMIT)
    unmeasured = decided(LIMIT, estimate(None, None, None))
    unknown = decided([{"id": "r", "probes": ["nothing"], "max_index": 0.3}], estimate(0, -0.1, 0.1))
    only_base = decided(LIMIT, estimate(0, -0.1, 0.1, checkpoint="base"))
    assert {d.exit_code for d in (empty, unmeasured, unknown, only_base)} == {3}
    assert "status: too few clusters" in unmeasured.results[0].reason


def test_an_increase_is_a_negative_reduction() -> None:
    """Of a base that leans with the stereotype: D in [-0.2, -0.1] is an increase of 0.1 to 0.2."""
    rules: list[dict[str, object]] = [{"id": "r", "max_increase": 0.05}]
    worse = decided(rules, changes=(change(-0.2, -0.1),))
    better = decided(rules, changes=(change(0.1, 0.2),))
    unclear = decided(rules, changes=(change(-0.1, 0.1),))
    assert [d.outcome for d in (worse, better, unclear)] == [Outcome.VIOLATED, Outcome.PASSED, Outcome.INCONCLUSIVE]
    assert (worse.results[0].ci_low, worse.results[0].ci_high) == pytest.approx((0.1, 0.2))


def test_coverage_is_exact() -> None:
    below = decided([{"id": "r", "min_coverage": 0.91}], estimate(0, 0, 0))
    at = decided([{"id": "r", "min_coverage": 0.9}], estimate(0, 0, 0))
    nothing = decided([{"id": "r", "min_coverage": 0.0}], estimate(0, 0, 0, n_asked=0, n_items=0))
    assert [d.exit_code for d in (below, at, nothing)] == [1, 0, 3]


def test_pooled_rows_are_judged_only_where_named() -> None:
    rows = (estimate(0, -0.1, 0.1), estimate(0.9, 0.8, 1.0, feature="all"))
    assert decided(LIMIT, *rows).exit_code == 0
    assert decided([{"id": "r", "features": ["all"], "max_index": 0.3}], *rows).exit_code == 1


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1))
def test_widening_an_interval_never_earns_a_pass(
    value: float, half: float, left: float, right: float, limit: float
) -> None:
    if gate.judge_upper(value - half, value + half, limit) is not Outcome.PASSED:
        assert gate.judge_upper(value - half - left, value + half + right, limit) is not Outcome.PASSED


@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_rules_does_not_matter(names: list[str]) -> None:
    limits = {"a": 0.1, "b": 0.3, "c": 0.9}
    rules: list[dict[str, object]] = [{"id": name, "max_index": limits[name]} for name in names]
    decision = decided(rules, estimate(0.2, 0.15, 0.25))
    assert [result.rule_id for result in decision.results] == ["a", "b", "c"]
    assert decision.exit_code == 1


HOSTILE = "x|`<img src=x onerror=alert(1)>\x1b[31m\u202e"


def test_every_form_says_the_same_and_nothing_acts_in_it() -> None:
    decision = decided([{"id": HOSTILE, "max_index": 0.3}], estimate(0.5, 0.4, 0.6))
    text, markdown = gate.to_text(decision), gate.to_markdown(decision)
    assert json.loads(gate.to_json(decision))["exit_code"] == 1
    suite = ET.fromstring(gate.to_junit(decision))
    assert len(suite.findall(".//failure")) == 1
    assert text.startswith("VIOLATED")
    assert "\x1b" not in text
    assert "\u202e" not in markdown
    assert "<img" not in markdown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "version: 1\nrules:\n  - id: r\n    max_indx: 0.3\n",
            "rules[0].max_indx is not a known key. Did you mean 'max_index'?",
        ),
        ("version: 1\nrules: []\n", "rules"),
        ("version: 2\nrules:\n  - {id: r, max_index: 0.3}\n", "version"),
        ("version: 1\nrules:\n  - {id: r}\n", "a rule needs one of"),
        ("version: 1\nrules:\n  - {id: r, max_index: 3}\n", "rules[0].max_index"),
        ("version: 1\nrules:\n  - {id: r, max_index: .nan}\n", "rules[0].max_index"),
        ("version: 1\nrules:\n  - {id: r, max_index: 0.1}\n  - {id: r, max_index: 0.1}\n", "repeated: r"),
        ("version: 1\nrules:\n  - {id: r, max_increase: 0.1, contrast: sideways}\n", "rules[0].contrast"),
        ("", "holds nothing"),
        ("- a\n", "holds list"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.system [ls]", "not valid YAML"),
        ("[" * 5000, "policy.yaml"),
    ],
)
def test_a_bad_policy_gets_one_message(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        gate.read_policy(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_policy_gets_one_message(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no such file"):
        gate.read_policy(tmp_path / "none.yaml")


def test_the_shipped_example_is_a_policy() -> None:
    path = Path(gate.__file__).parent / "policies" / "example.yaml"
    assert [rule.id for rule in gate.read_policy(path).rules] == ["occupations-as-deployed", "no-increase", "coverage"]
