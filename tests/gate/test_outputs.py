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
        "group": "",
        "limit": 0.3,
        "margin": 0.0,
        "level": 0.95,
        "value": 0.45,
        "ci_low": 0.4,
        "ci_high": 0.5,
        "n_items": 90,
        "n_clusters": 10,
        "outcome": "violated",
        "effect": "violated",
        "reason": "the whole interval breaks the limit",
        "method": "",
        "evidence": "estimates.parquet: checkpoint tuned, framing chat, probe q, feature gender; index",
        "is_read": True,
        "severity": "error",
        "on_inconclusive": "warn",
        "waiver": None,
    }


def test_junit_tells_violated_from_inconclusive() -> None:
    """A failure is the model's, an error is the evidence's."""
    suite = ET.fromstring(gate.to_junit(three()))
    kinds = {case.attrib["name"].split(" / ")[1]: {child.tag for child in case} for case in suite.iter("testcase")}
    told = {"system-out"}
    assert kinds == {"occupations": told, "q": {"failure", *told}, "z": {"error", *told}}
    counted = suite.find("testsuite")
    assert counted is not None
    assert (counted.attrib["tests"], counted.attrib["failures"], counted.attrib["errors"]) == ("3", "1", "1")


def test_a_decision_without_results_is_not_green_anywhere() -> None:
    """An empty JUnit suite would count as green."""
    empty = GateDecision(outcome=Outcome.INCONCLUSIVE, results=())
    assert gate.to_text(empty).startswith("INCONCLUSIVE")
    assert gate.to_markdown(empty).startswith("❔ **biasaudit: inconclusive**")
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
    (row,) = [line for line in markdown.splitlines() if line.startswith("| ✅")]
    assert row.count("|") == 12
    for active in ("<", "`", "![", "](", "http:", "\\", "\x1b"):
        assert active not in row
    assert len(list(ET.fromstring(junit).iter("testcase"))) == 1
    assert json.loads(gate.to_json(decision))["results"][0]["probe"] == HOSTILE


@settings(deadline=None)  # a loaded machine is no failure
@given(st.text())
def test_any_name_gives_one_row_in_every_form(name: str) -> None:
    decision = judged([RULE], levels=[level(probe=name)])
    assert len(gate.to_text(decision).splitlines()) == 4
    (row,) = [line for line in gate.to_markdown(decision).splitlines() if line.startswith("| ✅")]
    assert row.count("|") == 12
    assert len(list(ET.fromstring(gate.to_junit(decision)).iter("testcase"))) == 1
    assert json.loads(gate.to_json(decision))["exit_code"] == 0


@pytest.mark.parametrize("name", ["\ud800", "\x00", "\ufffe"])
def test_characters_that_no_file_can_hold_are_escaped(name: str) -> None:
    """A lone surrogate would fail when the text is encoded, after the audit was judged."""
    decision = judged([RULE], levels=[level()])
    decision = replace(decision, results=(replace(decision.results[0], probe=name),))
    for write in (gate.to_text, gate.to_json, gate.to_markdown, gate.to_junit):
        assert name not in write(decision).encode("utf-8").decode("utf-8")


def many() -> GateDecision:
    """A hundred results, of which half do not pass."""
    levels = [level(0.4 * (number % 2), 0.4 * (number % 2) + 0.1, probe=f"p{number:03d}") for number in range(100)]
    return judged([RULE], levels=levels)


def test_markdown_fits_into_a_comment_and_counts_what_it_left_out() -> None:
    """What did not pass comes first, so that it is the last to go."""
    whole, short = gate.to_markdown(many()), gate.to_markdown(many(), max_characters=5_000)
    assert "<summary>50 passed</summary>" in whole
    assert "more results" not in whole
    assert len(short) < 5_500
    kept = len([line for line in short.splitlines() if line.startswith("| ❌")])
    assert 0 < kept < 50
    assert f"{100 - kept} more results are in the JSON and JUnit forms." in short
    assert short.splitlines()[0] == whole.splitlines()[0]
    assert "100 more results" in gate.to_markdown(many(), max_characters=10)


def test_junit_says_where_the_evidence_is() -> None:
    (case,) = ET.fromstring(gate.to_junit(judged([RULE], levels=[level()]))).iter("testcase")
    told = case.findtext("system-out") or ""
    for part in (
        "0.0000 (-0.1000 to 0.1000)",
        "<= 0.3",
        "90 items, 10 clusters",
        "estimates.parquet: checkpoint tuned",
    ):
        assert part in told


def test_workflow_commands_are_ours_alone() -> None:
    """A name from a data set must not set a variable of the workflow."""
    hostile = "x\n::set-output name=a::b%0A,c:"
    lines = gate.to_github(judged([{**RULE, "id": hostile}], levels=[level(0.4, 0.5, probe=hostile)])).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error title=") for line in lines)
    title = lines[1].removeprefix("::error title=").split("::")[0]
    assert not set(":,") & set(title)
    assert "%0A" not in lines[1]
    assert gate.to_github(judged([RULE], levels=[level()])).startswith("::notice title=biasaudit%3A passed::")
    assert gate.to_github(many()).splitlines()[-1] == "::notice title=biasaudit::10 more are in the summary"


def test_json_refuses_what_it_does_not_know() -> None:
    from biasaudit.gate.outputs import _written

    with pytest.raises(TypeError, match="holds no set"):
        _written(set())


def test_a_terminal_shows_the_circumstances_and_an_empty_decision() -> None:
    import io
    from datetime import date

    from rich.console import Console

    from biasaudit.gate.terminal import show

    decisions = [
        GateDecision(outcome=Outcome.INCONCLUSIVE, results=()),
        replace(
            judged([RULE], levels=[level(probe=HOSTILE)], today=date(2026, 11, 25), policy={"family": "holm"}),
            audit="now",
            baseline="before",
        ),
    ]
    shown = []
    for decision in decisions:
        out = io.StringIO()
        show(decision, Console(file=out, width=200))
        shown.append(out.getvalue())
    assert shown[0].splitlines()[1] == "inconclusive: policy: nothing was judged"
    assert "audit now; baseline before; judged on 2026-11-25; intervals widened" in shown[1]
    assert "\x1b" not in shown[1]
    strict = judged([RULE], levels=[level()], warnings_as_errors=True)
    assert "warnings count as errors" in gate.to_text(strict)
