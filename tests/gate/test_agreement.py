"""Every form of a decision says the same, and less evidence never turns anything into a pass; over random policies."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from biasaudit import gate
from biasaudit.gate import Effect, GateDecision, Outcome
from biasaudit.gate.terminal import show
from tests.gate.rows import Row, baseline_row, change, competence, impact_ratio, judged, level, ratio

TODAY = date(2026, 11, 25)
PROBES = ("hiring", "occupations", "a|b<i>")
FEATURES = ("gender", "race", "all")
LIMITS = {
    "max_index": (-1.0, 1.0),
    "max_abs_index": (0.0, 1.0),
    "max_increase": (0.0, 2.0),
    "max_increase_over_baseline": (0.0, 2.0),
    "min_ratio": (0.0, 1.0),
    "min_impact_ratio": (0.0, 1.0),
    "min_coverage": (0.0, 1.0),
    "max_competence_loss": (0.0, 1.0),
}


@dataclass
class Case:
    """A policy and an audit."""

    rules: list[Row]
    policy: Row
    levels: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    ratios: list[Row] = field(default_factory=list)
    baseline: list[Row] | None = None
    strict: bool = False

    def decision(self) -> GateDecision:
        return judged(
            self.rules,
            levels=self.levels,
            changes=self.changes,
            ratios=self.ratios,
            baseline=self.baseline,
            policy=self.policy,
            today=TODAY,
            warnings_as_errors=self.strict,
        )


def optional(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), values)


@st.composite
def rules(draw: st.DrawFn, number: int) -> Row:
    criterion = draw(st.sampled_from(sorted(LIMITS)))
    chosen: Row = {"id": f"rule-{number}", criterion: draw(st.floats(*LIMITS[criterion]))}
    for key, values in (
        ("probes", st.lists(st.sampled_from([*PROBES, "typo"]), min_size=1, max_size=2)),
        ("margin", st.floats(0, 0.3)),
        ("severity", st.sampled_from(["error", "warning"])),
        ("min_items", st.integers(1, 60)),
        ("min_clusters", st.integers(1, 20)),
        ("inconclusive", st.sampled_from(["fail", "warn", "pass"])),
    ):
        found = draw(optional(values))
        if found is not None:
            chosen[key] = found
    return chosen


@st.composite
def waivers(draw: st.DrawFn, names: list[str]) -> Row:
    return {
        "rule": draw(st.sampled_from(names)),
        "probe": draw(optional(st.sampled_from(PROBES))),
        "feature": draw(optional(st.sampled_from(FEATURES))),
        "reason": "it is known | <b>",
        "owner": "Ada",
        "expires": TODAY + timedelta(days=draw(st.sampled_from([-1, 0, 40]))),
    }


@st.composite
def numbers(draw: st.DrawFn, lowest: float, highest: float) -> Row:
    """Interval, counts and status of a row; `value` and `reduction` alike."""
    counts = {"n_items": draw(st.integers(1, 90)), "n_clusters": draw(st.integers(2, 30))}
    if draw(st.integers(0, 5)) == 0:
        return {
            "low": None,
            "high": None,
            "status": draw(st.sampled_from(["not measured", "too few clusters"])),
            **counts,
        }
    one, other = draw(st.floats(lowest, highest)), draw(st.floats(lowest, highest))
    return {"low": min(one, other), "high": max(one, other), "status": "ok", **counts}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = [f"rule-{number}" for number in range(draw(st.integers(1, 4)))]
    case = Case(
        rules=[draw(rules(number)) for number in range(len(names))],
        policy={
            "family": draw(st.sampled_from(["none", "holm", "bonferroni"])),
            "waivers": draw(st.lists(waivers(names), max_size=2)),
        },
        baseline=draw(st.sampled_from([None, []])),
        strict=draw(st.booleans()),
    )
    for probe in draw(st.lists(st.sampled_from(PROBES), unique=True)):
        for feature in draw(st.lists(st.sampled_from(FEATURES), min_size=1, unique=True)):
            place = {"probe": probe, "feature": feature}
            case.levels.append(level(**draw(numbers(-1, 1)), **place))  # type: ignore[arg-type]  # bounds and texts
            case.changes.append(change(**draw(numbers(-1, 1)), **place))  # type: ignore[arg-type]  # as above
            case.ratios.append(ratio(**draw(numbers(0, 2)), **place))  # type: ignore[arg-type]  # as above
            case.ratios.append(impact_ratio(**draw(numbers(0, 1)), **place))  # type: ignore[arg-type]  # as above
            if case.baseline is not None:
                case.baseline.append(baseline_row(**draw(numbers(-1, 1)), **place))  # type: ignore[arg-type]  # as above
        for arm in ({"checkpoint": "base", "framing": "plain"}, {}):
            case.levels.append(competence(**draw(numbers(0, 1)), **arm, probe=probe))  # type: ignore[arg-type]  # as above
    return case


def in_forms(decision: GateDecision) -> dict[str, tuple[str, dict[str, int]]]:
    """Return outcome and counts by effect, as each form tells them."""
    from biasaudit.report.outputs.render import render_decision

    counted = r"(\d+) (passed|violated|inconclusive|warning|waived|accepted)\b"

    def counts(text: str) -> dict[str, int]:
        return {word: int(number) for number, word in re.findall(counted, text) if int(number)}

    content = json.loads(gate.to_json(decision))
    markdown, page = gate.to_markdown(decision), render_decision(decision)
    shown = io.StringIO()
    show(decision, Console(file=shown, width=400))
    head = {
        name: text.splitlines()[0] for name, text in (("text", gate.to_text(decision)), ("terminal", shown.getvalue()))
    }
    lead = page[page.index('<p class="lead">') : page.index("</p>")]
    return {
        "json": (content["outcome"], {name: count for name, count in content["counts"].items() if count}),
        "markdown": (markdown.split("**")[1].removeprefix("biasaudit: "), counts(markdown.splitlines()[0])),
        **{name: (line.split(":")[0].lower(), counts(line)) for name, line in head.items()},
        "html": (re.findall(r"<bdi>(\w+)</bdi>", lead)[0], counts(lead)),
        "github": (
            gate.to_github(decision).split("%3A ")[1].split("::")[0],
            counts(gate.to_github(decision).splitlines()[0]),
        ),
    }


def forms_agree(case: Case) -> None:
    decision = case.decision()
    counts = {effect.value: count for effect, count in decision.counts.items() if count}
    expected = (decision.outcome.value, counts)
    assert dict.fromkeys(in_forms(decision), expected) == in_forms(decision)
    content = json.loads(gate.to_json(decision))
    assert content["exit_code"] == decision.exit_code == {"passed": 0, "violated": 1, "inconclusive": 3}[expected[0]]
    suite = ET.fromstring(gate.to_junit(decision))
    failures, errors = len(suite.findall(".//failure")), len(suite.findall(".//error"))
    assert (failures, errors) == (counts.get("violated", 0), counts.get("inconclusive", 0))
    assert decision.exit_code == (1 if failures else 3 if errors else 0)
    assert len(list(suite.iter("testcase"))) == len(decision.results) + len(decision.notes)
    rows = [line for line in gate.to_markdown(decision, max_characters=10**7).splitlines() if line.startswith("| ")]
    assert len([row for row in rows if not row.startswith("| outcome")]) == len(decision.results)
    if decision.exit_code == 0:
        assert any(result.is_measured for result in decision.results)


def less_evidence_gives_no_pass(case: Case, stretch: float, kept: float, order: list[int]) -> None:
    before = case.decision()
    for rows in (case.levels, case.changes, case.ratios, case.baseline or []):
        for row in rows:
            if row["ci_low"] is not None:
                half = stretch * (float(str(row["ci_high"])) - float(str(row["ci_low"])) + 0.01)
                row["ci_low"], row["ci_high"] = float(str(row["ci_low"])) - half, float(str(row["ci_high"])) + half
            for key in ("n_items", "n_clusters"):
                row[key] = max(int(kept * int(str(row[key]))), 1)
    # Fewer clusters alone would also change the reference distribution that the family uses: that widens too.
    after = case.decision()
    for one, other in zip(before.results, after.results, strict=True):
        assert one.key == other.key
        assert one.outcome is Outcome.PASSED or other.outcome is not Outcome.PASSED
        if one.effect is Effect.VIOLATED:
            assert other.effect is not Effect.PASSED
    case.rules = [case.rules[number % len(case.rules)] for number in order if number < len(case.rules)]
    if len(case.rules) == len(order):
        assert case.decision() == after


SHORT = settings(max_examples=25, deadline=None)
LONG = settings(max_examples=4000, deadline=None)
EVIDENCE = (cases(), st.floats(0, 2), st.floats(0.1, 1))


@SHORT
@given(cases())
def test_every_form_agrees(case: Case) -> None:
    forms_agree(case)


@pytest.mark.slow
@LONG
@given(cases())
def test_every_form_agrees_thousands_of_times(case: Case) -> None:
    forms_agree(case)


@SHORT
@given(*EVIDENCE)
def test_less_evidence_never_turns_anything_into_a_pass(case: Case, stretch: float, kept: float) -> None:
    """Nor does the order of the rules turn anything into anything."""
    less_evidence_gives_no_pass(case, stretch, kept, list(reversed(range(len(case.rules)))))


@pytest.mark.slow
@LONG
@given(*EVIDENCE)
def test_less_evidence_never_turns_anything_into_a_pass_thousands_of_times(
    case: Case, stretch: float, kept: float
) -> None:
    less_evidence_gives_no_pass(case, stretch, kept, list(reversed(range(len(case.rules)))))
