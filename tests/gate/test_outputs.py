from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biasaudit import gate
from biasaudit.gate import GateDecision, Outcome
from tests.gate.rows import Row, judged, level

HOSTILE = "x|\\|`<img src=x>![a](http://b)\r\n\x1b[31m\u202e\u2028\x85&amp;"
RULE: Row = {"id": "r", "max_index": 0.3}


def three() -> GateDecision:
    """One result of each outcome."""
    return judged([RULE], levels=[level(), level(0.4, 0.5, probe="q"), level(0.2, 0.4, probe="z")])


def test_the_text_begins_with_the_verdict_and_has_a_row_per_result() -> None:
    lines = gate.to_text(three()).splitlines()
    assert lines[0] == "VIOLATED: 1 passed, 1 violated, 1 inconclusive (policy)"
    assert [line.split()[0] for line in lines[2:]] == ["outcome", "passed", "violated", "inconclusive"]
    assert "-0.1000 to 0.1000" in lines[3]
    starts = {line.index("max_index") for line in lines[3:]}
    assert starts == {lines[2].index("criterion")}


def test_json_is_the_whole_decision_in_a_stable_order() -> None:
    text = gate.to_json(three())
    content = json.loads(text)
    assert text == gate.to_json(three())
    assert list(content) == sorted(content)
    assert (content["schema_version"], content["exit_code"], content["policy_name"]) == (1, 1, "policy")
    assert content["results"][1] == {
        "rule_id": "r",
        "criterion": "max_index",
        "tuned": "tuned",
        "probe": "q",
        "feature": "gender",
        "framing_or_contrast": "chat",
        "limit": 0.3,
        "value": 0.45,
        "ci_low": 0.4,
        "ci_high": 0.5,
        "n_items": 90,
        "n_clusters": 10,
        "outcome": "violated",
        "reason": "the whole interval breaks the limit",
    }


def test_junit_tells_violated_from_inconclusive() -> None:
    """A failure is the model's, an error is the evidence's."""
    suite = ET.fromstring(gate.to_junit(three()))
    kinds = {case.attrib["name"].split(" / ")[1]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert kinds == {"occupations": [], "q": ["failure"], "z": ["error"]}
    counted = suite.find("testsuite")
    assert counted is not None
    assert (counted.attrib["tests"], counted.attrib["failures"], counted.attrib["errors"]) == ("3", "1", "1")


def test_a_decision_without_results_is_not_green_anywhere() -> None:
    """An empty JUnit suite would count as green."""
    empty = GateDecision(outcome=Outcome.INCONCLUSIVE, results=())
    assert gate.to_text(empty).startswith("INCONCLUSIVE")
    assert gate.to_markdown(empty).startswith("**inconclusive**")
    assert json.loads(gate.to_json(empty))["exit_code"] == 3
    assert len(ET.fromstring(gate.to_junit(empty)).findall(".//error")) == 1


def test_what_was_not_measured_shows_no_number() -> None:
    decision = judged([RULE], levels=[level(None, None, status="not measured")])
    assert json.loads(gate.to_json(decision))["results"][0]["value"] is None
    assert "not measured" in gate.to_text(decision)


def test_coverage_is_shown_against_a_lower_limit() -> None:
    text = gate.to_text(judged([{"id": "r", "min_coverage": 0.95}], levels=[level()]))
    assert "0.9000" in text
    assert ">= 0.95" in text


def test_hostile_names_do_nothing_in_any_form() -> None:
    """Names come from data sets that strangers publish."""
    decision = judged([{**RULE, "id": HOSTILE}], levels=[level(probe=HOSTILE, feature=HOSTILE)])
    text, markdown, junit = gate.to_text(decision), gate.to_markdown(decision), gate.to_junit(decision)
    assert len(text.splitlines()) == 4
    assert text.replace("\n", "").isprintable()
    assert len(markdown.splitlines()) == 5
    assert markdown.splitlines()[4].count("|") == 11
    for active in ("<", "`", "![", "](", "http:", "\\", "\x1b"):
        assert active not in markdown.splitlines()[4]
    assert len(list(ET.fromstring(junit).iter("testcase"))) == 1
    assert json.loads(gate.to_json(decision))["results"][0]["probe"] == HOSTILE


@settings(deadline=None)  # a loaded machine is no failure
@given(st.text())
def test_any_name_gives_one_row_in_every_form(name: str) -> None:
    decision = judged([RULE], levels=[level(probe=name)])
    assert len(gate.to_text(decision).splitlines()) == 4
    assert gate.to_markdown(decision).splitlines()[-1].count("|") == 11
    assert len(list(ET.fromstring(gate.to_junit(decision)).iter("testcase"))) == 1
    assert json.loads(gate.to_json(decision))["exit_code"] == 0


@pytest.mark.parametrize("name", ["\ud800", "\x00", "\ufffe"])
def test_characters_that_no_file_can_hold_are_escaped(name: str) -> None:
    """A lone surrogate would fail when the text is encoded, after the audit was judged."""
    decision = judged([RULE], levels=[level()])
    decision = replace(decision, results=(replace(decision.results[0], probe=name),))
    for write in (gate.to_text, gate.to_json, gate.to_markdown, gate.to_junit):
        assert name not in write(decision).encode("utf-8").decode("utf-8")
