"""A criterion is one object and its line in the mapping: the rest of the gate knows none by name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
import yaml

from biasaudit import gate
from biasaudit.gate.criteria import CRITERIA
from biasaudit.gate.criterion import Criterion
from biasaudit.gate.first_rules import FirstAudit
from biasaudit.gate.from_audit import policy_text
from biasaudit.gate.measurement import Measurement
from biasaudit.gate.readings import Tables, of_checkpoint
from biasaudit.report.outputs.render import render_decision
from tests.fuzz.hostile import Ended, run
from tests.gate.rows import LEVEL, change, level
from tests.scripted_audits import save_audit

ROOT = Path(__file__).resolve().parents[2]


def _distances(tables: Tables) -> list[Measurement]:
    rows = [row for row in tables.estimates if row["metric"] == "mean_abs_d"]
    return [of_checkpoint(tables, row, table="estimates", metric="mean_abs_d") for row in rows]


def _first(audit: FirstAudit) -> list[str]:
    return ["  - id: distance", f"    framing: {audit.framing}", "    max_abs_d: 20"]


DUMMY = Criterion(
    name="max_abs_d",
    description="Upper limit on the mean size of d, in nats.",
    limits=(0, 20),
    values=(0.0, math.inf),
    keys=frozenset({"features", "framing"}),
    read=_distances,
    of="|d|",
    rule_of_audit=_first,
)
"""Of the audit below it is 1.6999 (1.4160 to 1.9838) for the tuned checkpoint, plain and chat."""

RULE = "version: 1\nrules:\n  - {id: distance, max_abs_d: %s}\n"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("door")
    save_audit(folder)
    return folder / "audit"


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CRITERIA, "max_abs_d", DUMMY)


Check = Callable[..., Ended]


@pytest.fixture
def check(audit: Path, tmp_path: Path) -> Check:
    def checked(text: str, *options: object) -> Ended:
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return run("check", audit, "--policy", path, *options)

    return checked


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(
    ("limit", "code", "word"), [("2.0", 0, "passed"), ("1.4", 1, "violated"), ("1.7", 3, "inconclusive")]
)
def test_an_added_criterion_is_judged_and_shown_everywhere(  # noqa: PLR0917  # fixtures and a case of three
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, code: int, word: str
) -> None:
    """1.4160 to 1.9838 keeps 2, breaks 1.4 and holds 1.7: in the exit code, and in each form with number and limit."""
    files = {form: tmp_path / f"out.{form}" for form in ("json", "junit", "markdown")}
    ended = check(RULE % limit, *(part for form, path in files.items() for part in (f"--{form}", path)))
    assert (ended.code, ended.out.split(":")[0]) == (code, word.upper()), ended.err
    read = {form: path.read_text(encoding="utf-8") for form, path in files.items()}
    [result] = json.loads(read["json"])["results"]
    assert (result["criterion"], result["effect"], result["limit"]) == ("max_abs_d", word, float(limit))
    assert [round(result[key], 4) for key in ("value", "ci_low", "ci_high")] == [1.6999, 1.4160, 1.9838]
    [case] = ET.fromstring(read["junit"]).iter("testcase")
    assert case.attrib["name"].endswith(" / max_abs_d")
    assert [child.tag for child in case][:-1] == {0: [], 1: ["failure"], 3: ["error"]}[code]

    measured, sign = "1.6999 (1.4160 to 1.9838)", f"|d| <= {float(limit):g}"
    assert [part in ended.out for part in ("max_abs_d", measured, sign)] == [True] * 3
    assert [part in (case.findtext("system-out") or "") for part in (measured, sign)] == [True] * 2
    plain = read["markdown"].replace("&#124;", "|").replace("&#95;", "_").replace("&#40;", "(").replace("&#41;", ")")
    assert [part in plain for part in ("max_abs_d", measured, f"|d| &lt;= {float(limit):g}")] == [True] * 3

    workflow = check(RULE % limit, "--format", "github")
    assert (workflow.code, f"biasaudit%3A {word}" in workflow.out) == (code, True)
    assert (f"{measured}, limit {sign}" in workflow.out) is (code != 0)
    monkeypatch.setattr("biasaudit.cli.check._at_terminal", lambda: True)
    screen = check(RULE % limit)
    assert (screen.code, f"<= {float(limit):g}" in screen.out, "1.6999" in screen.out) == (code, True, True)


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RULE % "21", "rules[0].max_abs_d: Input should be less than or equal to 20 (found 21)."),
        (RULE % "-0.1", "rules[0].max_abs_d: Input should be greater than or equal to 0 (found -0.1)."),
        (RULE % ".inf", "rules[0].max_abs_d: Input should be a finite number (found inf)."),
        (RULE % "much", "rules[0].max_abs_d: Input should be a valid number (found 'much')."),
        (RULE % "1, form: graded", "form means nothing under max_abs_d; it takes features, framing (found"),
        (RULE % "1, contrast: as deployed", "contrast means nothing under max_abs_d; it takes features, framing"),
        (RULE % "1, max_index: 0", "limits one thing, and this one limits max_index, max_abs_d"),
        (RULE.replace("max_abs_d", "max_abs_dd") % "1", "rules[0].max_abs_dd is not a known key. Did you mean 'max_ab"),
        (RULE.replace(", max_abs_d: %s", ""), "a rule needs one of max_index,"),
    ],
)
def test_a_wrong_limit_is_refused_with_the_usual_message(check: Check, text: str, says: str) -> None:
    ended = check(text)
    assert (ended.code, says in ended.err) == (2, True), ended.err


def test_a_criterion_that_is_not_in_the_mapping_is_no_key(check: Check) -> None:
    """Nothing of it stays behind when the line is taken out again."""
    ended = check(RULE % "2.0")
    assert (ended.code, "max_abs_d is not a known key" in ended.err) == (2, True)
    assert "max_abs_d" not in gate.policy_schema()


@pytest.mark.usefixtures("added")
def test_the_schema_has_it() -> None:
    rule = json.loads(gate.policy_schema())["$defs"]["Rule"]
    assert rule["oneOf"][-1] == {"required": ["id", "max_abs_d"]}
    assert rule["properties"]["max_abs_d"] == {
        "anyOf": [{"maximum": 20, "minimum": 0, "type": "number"}, {"type": "null"}],
        "default": None,
        "description": DUMMY.description,
        "title": "Max Abs D",
    }


@pytest.mark.usefixtures("added")
def test_it_is_in_the_family_and_cut_where_its_values_end(check: Check) -> None:
    """Two cells; no value is below 0, and a limit of 0 is broken all the same."""
    text = "version: 1\nfamily: bonferroni\nrules:\n  - {id: a, max_abs_d: 0}\n  - {id: b, max_index: 1}\n"
    ended = check(text, "--format", "json")
    [distance, _] = json.loads(ended.out)["results"]
    assert (ended.code, distance["level"]) == (1, 0.975)
    assert 0 <= distance["ci_low"] < 1.4160
    assert distance["ci_high"] > 1.9838


def test_it_says_why_there_is_nothing(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    none = replace(DUMMY, read=lambda _: [], why_absent=lambda _: "not measured: nobody asked")
    monkeypatch.setitem(CRITERIA, "max_abs_d", none)
    ended = check(RULE % "2.0")
    assert (ended.code, "not measured: nobody asked" in ended.out) == (3, True)
    monkeypatch.setitem(CRITERIA, "max_abs_d", replace(none, why_absent=lambda _: "", applies_to="distances"))
    assert "not measured: the audit has no distances" in check(RULE % "2.0").out


@pytest.mark.usefixtures("added")
def test_a_first_policy_has_its_rule() -> None:
    rows = pd.DataFrame([level(metric="graded"), level(metric="mean_abs_d")])
    text = policy_text(estimates=rows, comparisons=pd.DataFrame([], columns=list(change())), source="here")
    rules = yaml.safe_load(text)["rules"]
    assert rules[-1] == {"id": "distance", "framing": "chat", "max_abs_d": 20}


def test_a_minimum_is_what_its_judge_makes_it() -> None:
    """There is no second place that could say the other thing."""
    minima = {name for name, one in CRITERIA.items() if one.is_minimum}
    assert minima == {"min_ratio", "min_impact_ratio", "min_coverage"}


def test_the_mapping_has_each_under_its_name() -> None:
    assert [one.name for one in CRITERIA.values()] == list(CRITERIA)
    limits = [name for name in gate.Rule.model_fields if name.startswith(("max_", "min_", "collateral", "survives"))]
    assert list(CRITERIA) == limits[:-2]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"keys": frozenset({"framing", "colour"})}, "keys that no rule has: colour"),
        ({"keys": frozenset({"features"})}, "by framing or by contrast"),
        ({"keys": frozenset({"framing", "contrast"})}, "by framing or by contrast"),
        ({"keys": frozenset({"framing", "form"})}, "exactly where it reads a graded form"),
        ({"read_graded": _distances}, "exactly where it reads a graded form"),
        ({"limits": (1, 0)}, "allows nothing"),
        ({"values": (1.0, 1.0)}, "allows nothing"),
    ],
)
def test_a_criterion_that_contradicts_itself_cannot_be_made(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=f"'max_abs_d'.*{says}"):
        replace(DUMMY, **changes)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("path", sorted((ROOT / "biasaudit" / "gate").glob("*.py")), ids=lambda path: path.name)
def test_the_rest_of_the_gate_names_no_criterion(path: Path) -> None:
    """A name outside of criteria/ would be a second place to think of. A doctest may use one."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if ">>>" not in line]
    named = re.compile(rf"\b({'|'.join(CRITERIA)}|{'|'.join(CRITERIA).upper()})\b")
    assert [line for line in lines if named.search(line)] == []


def example() -> str:
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    section = page.split("<!-- criterion-example -->")[1].split("<!-- /criterion-example -->")[0]
    return section.split("```python\n")[1].split("```")[0]


def test_the_example_of_the_page_is_a_criterion(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Competence of the tuned checkpoint is 1, from 0.779: at least 0.75 is kept, and 0.8 is not shown."""
    names: dict[str, object] = {}
    exec(compile(example(), "docs/check.md", "exec"), names)  # a page of our own
    criterion = names["MIN_COMPETENCE"]
    assert isinstance(criterion, Criterion)
    monkeypatch.setitem(CRITERIA, criterion.name, criterion)
    text = "version: 1\nrules:\n  - {id: reads, min_competence: %s}\n"
    assert [check(text % limit).code for limit in ("0.75", "0.8")] == [0, 3]
    assert "1.0000 (0.7791 to 1.0000)  >= 0.75" in check(text % "0.75").out


def test_a_policy_that_was_read_is_judged_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through `Policy` itself too, as code does that has no file."""
    content = {"version": 1, "rules": [{"id": "r", "max_abs_d": 0.5}]}
    with pytest.raises(ValueError, match="max_abs_d"):
        gate.Policy.model_validate(content)
    monkeypatch.setitem(CRITERIA, "max_abs_d", DUMMY)
    decide = partial(gate.decide, gate.Policy.model_validate(content), comparisons=[], level=LEVEL)
    broken = decide(estimates=[level(), level(0.6, 0.7, metric="mean_abs_d")])
    assert (broken.exit_code, "max_abs_d |d| &lt;= 0.5" in render_decision(broken)) == (1, True)
    assert decide(estimates=[level()]).exit_code == 3
